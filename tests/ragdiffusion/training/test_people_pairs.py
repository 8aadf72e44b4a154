"""Pairs of people from rendered shots: cut around a garment, mirrored, and exact all along."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ragdiffusion.cli import main
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.warps import sample
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.found import on_photo
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.training.people_pairs import LEAST_SEEN, PeoplePairs
from ragdiffusion.training.sources import open_source

SIZE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots, rendered by the command."""
    for name in ("anny", "numba"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -r requirements-train.txt")
    root = tmp_path_factory.mktemp("people")
    assert main(["data", "render", "people", str(root), "--count", "2", "--height", "64", "--arrays"]) == 0
    return root


@pytest.fixture(scope="module")
def pairs(folder: Path) -> list[Pair]:
    people = PeoplePairs(folder, SIZE)
    return people.pairs(0) + people.pairs(1)


@pytest.fixture(scope="module")
def mapped(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same shots, whose photos are maps: red is four times x and green four times y."""
    root = tmp_path_factory.mktemp("mapped") / "people"
    shutil.copytree(folder, root)
    for path in root.glob("*.jpg"):
        height, width = cv2.imread(str(path)).shape[:2]
        y, x = np.indices((height, width))
        picture = np.stack([np.zeros_like(x), 4 * y, 4 * x], -1).clip(0, 255).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())  # known by its content; a JPEG would blur it
    return root


def _told(folder: Path) -> list[dict]:
    """What is worn in the shots and seen well enough, in order."""
    worn = []
    for path in sorted(folder.glob("*.json")):
        labels = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        garments = json.loads(path.read_text())["garments"]
        worn += [
            {**one, "index": index, "path": path}
            for index, one in enumerate(garments)
            if one["pixels"] >= LEAST_SEEN * labels.size
        ]
    return worn


def test_every_garment_that_is_seen_well_makes_a_pair(folder, pairs) -> None:
    told = _told(folder)
    assert len(pairs) == len(told) >= 2
    for pair, one in zip(pairs, told, strict=True):
        assert pair.chosen and pair.attributes == one["attributes"]
        assert pair.structure == f"people-{one['path'].stem}-{one['kind']}"


def test_photo_mask_and_flat_lay_show_one_garment(folder, pairs) -> None:
    for pair, one in zip(pairs, _told(folder), strict=True):
        labelled = pair.labels[pair.photo_mask > 250]
        assert (labelled == one["label"]).mean() > 0.97
        seen = (pair.visible > 0.9) & (pair.silhouette > 250)
        assert (sample(pair.photo_mask, pair.flow)[seen] > 127).mean() > 0.9
        taken, wanted = sample(pair.photo, pair.flow)[seen].astype(float), pair.standard[seen].astype(float)
        assert np.abs(taken.mean(0) - wanted.mean(0)).max() < 70  # folds and light are in the photo only
        assert pair.visible[pair.silhouette < 5].max(initial=0) < 0.1
        assert (pair.standard[pair.silhouette == 0] == 255).all()


def test_however_it_is_cut_the_flow_leads_to_the_same_place(mapped) -> None:
    people = PeoplePairs(mapped, SIZE)
    for one in _told(mapped):
        with np.load(one["path"].with_suffix(".npz")) as arrays:
            true = arrays[f"flow_{one['index']}"].astype(np.float32)
        true = cv2.resize(true, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        path, labels, about, _ = people._shot(int(one["path"].stem))
        widths = set()
        for seed in range(1, 4):
            with np.load(path.with_suffix(".npz")) as arrays:
                pair = people._pair(
                    path, labels, one["index"], about[one["index"]], arrays, np.random.default_rng(seed)
                )
            inside = pair.visible > 0.99
            place = sample(pair.photo.astype(np.float32), pair.flow)[inside][:, :2] / 4
            assert np.abs(place - true[inside]).max() < 0.6, "pixels of the whole photo"
            widths.add(round(float(np.ptp(pair.flow[inside][:, 0])), 2))
        assert len(widths) == 3, "each cut is another"


def test_a_mirrored_pair_shows_the_mirror_image(mapped) -> None:
    pair = PeoplePairs(mapped, SIZE).pairs(0)[0]
    turned = pair.mirrored()
    assert turned.chosen and np.array_equal(turned.labels, pair.labels[:, ::-1])
    inside = turned.visible > 0.99
    own = sample(pair.photo, pair.flow)[:, ::-1].astype(int)
    assert np.abs(sample(turned.photo, turned.flow).astype(int) - own)[inside].max() <= 2


def test_samples_are_drawn_from_all_shots_and_new_ones(folder, tmp_path) -> None:
    first = sorted(folder.glob("*.jpg"))[0].stem
    growing = tmp_path / "growing"
    growing.mkdir()
    for file in folder.glob(f"{first}.*"):
        shutil.copy(file, growing)
    people = PeoplePairs(growing, SIZE)
    again = PeoplePairs(growing, SIZE)
    a, b = people.sample(np.random.default_rng(4)), again.sample(np.random.default_rng(4))
    assert np.array_equal(a.photo, b.photo) and np.array_equal(a.flow, b.flow)
    for file in folder.iterdir():
        shutil.copy(file, growing)
    assert len(people) == 1
    people.look()
    assert len(people) == 2


def test_a_folder_without_arrays_is_refused(folder, tmp_path) -> None:
    for file in [*folder.glob("*.jpg"), *folder.glob("*.png")]:
        shutil.copy(file, tmp_path)
    with pytest.raises(ValueError, match="holds no rendered people with arrays"):
        PeoplePairs(tmp_path, SIZE)


def test_people_come_in_their_share(folder) -> None:
    source = open_source(None, SIZE, synthetic=1.0, people=[folder], held_out_people=folder, people_share=0.5)
    rng = np.random.default_rng(0)
    dressed = [source.draw(rng).chosen for _ in range(16)]
    assert 3 <= sum(dressed) <= 13
    assert all(pair.chosen for pair in source.held_out_worn(3)) and set(source.held_out_silhouettes(1)) == {
        "people",
        "laid",
        "hung",
        "worn",
    }
    only = open_source(None, SIZE, synthetic=1.0, people=[folder], people_share=1.0)
    assert all(pair.chosen for pair in only.draw_silhouettes(rng, 3) + only.draw_structures(rng, 3))
    assert only.held_out_worn(3) == [] and "people" not in only.held_out_silhouettes(1)
    none = open_source(None, SIZE, synthetic=1.0, people=[folder], people_share=0.0)
    assert not any(none.draw(rng).chosen for _ in range(4))
    with pytest.raises(ValueError, match="share of people is 1.5, 0 to 1 wanted"):
        open_source(None, SIZE, synthetic=1.0, people=[folder], people_share=1.5)


class _Finder:
    """Finds what the label map shows, but no lower garment."""

    def __init__(self, folder: Path) -> None:
        self.labels = {}
        for path in folder.glob("*.jpg"):
            photo = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
            self.labels[photo.tobytes()] = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)

    def find(self, photo, garment=None):
        labels = self.labels[np.asarray(photo).tobytes()]
        if garment == "lower":
            raise NoGarmentError("there is none")
        found = on_photo((labels == LABEL[garment]).astype(np.float32), 128, "parser", name=garment)
        planes = np.zeros((9, 128, 128), np.float32)
        planes[LABEL[garment]] = found.mask
        planes[0] = 1 - found.mask
        return replace(found, labels=planes)


def test_a_pair_is_shown_as_it_is_found(folder: Path) -> None:
    people = PeoplePairs(folder, SIZE, _Finder(folder))
    found = [pair for index in range(len(people)) for pair in people.pairs(index)]
    asked = [pair for pair in found if pair.found is not None]
    assert asked and len(asked) < len(found)  # lower garments are missed
    for pair in asked:
        assert pair.parsed.shape == (9, SIZE // 2, SIZE // 2)
        own, seen = pair.photo_mask > 127, pair.found > 127
        assert (own & seen).sum() > 0.6 * (own | seen).sum()  # of 64 pixels, and cut alike
        assert np.abs(pair.parsed.astype(int).sum(0) - 255).max() <= 2
    assert sum(pair.found is None for pair in found) == sum(one["label"] == LABEL["lower"] for one in _told(folder))


def test_packing_by_a_parser_that_is_none_says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["data", "pack-people", str(folder), str(tmp_path / "packed"), "--size", "64"]
    assert main([*arguments, "--parser", str(tmp_path)]) != 0
    assert "has no parser" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()
