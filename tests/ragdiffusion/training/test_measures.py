"""Training of MeasureNet on tiny examples."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.garments.patterns import defaults, draft, kinds
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.training.measured_garments import DressedPeople, LaidPatterns, label_of, measure_example
from ragdiffusion.training.measures import (
    Sources,
    code_of,
    drafted_overlap,
    measure_batch,
    measure_losses,
    new_measure_net,
    train_measures,
)

TINY = {"input_size": 32, "widths": (8, 8, 16), "hidden": 32}


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return new_measure_net(each=2, **TINY)


@pytest.fixture
def items() -> list:
    rng = np.random.default_rng(3)
    laid = LaidPatterns(size=64)
    return [laid.one(rng) for _ in range(6)]


@pytest.fixture
def people(tmp_path):
    """One person in a T-shirt and trousers of known measures, and one in what no drafter knows."""
    labels = np.zeros((64, 48), np.uint8)
    labels[10:30, 10:40], labels[30:60, 14:36] = LABEL["upper"], LABEL["lower"]
    cv2.imwrite(str(tmp_path / "0000001.png"), labels)
    cv2.imwrite(str(tmp_path / "0000001.jpg"), np.full((64, 48, 3), 90, np.uint8))
    worn = [
        {
            "kind": "t_shirt",
            "label": LABEL["upper"],
            "attributes": {"sleeve_length": "Short"},
            "measures": defaults("t_shirt"),
            "pixels": 600,
        },
        {
            "kind": "trousers",
            "label": LABEL["lower"],
            "attributes": {},
            "measures": defaults("trousers"),
            "pixels": 660,
        },
    ]
    (tmp_path / "0000001.json").write_text(json.dumps({"garments": worn}))
    for suffix in (".png", ".jpg"):
        (tmp_path / f"0000002{suffix}").write_bytes((tmp_path / f"0000001{suffix}").read_bytes())
    strange = [{**worn[0], "measures": {"body_length": 500.0}}, {**worn[1], "pixels": 3}]
    (tmp_path / "0000002.json").write_text(json.dumps({"garments": strange}))
    return tmp_path


def test_people_come_with_the_garments_that_can_be_learned_from(people) -> None:
    folder = DressedPeople(people)
    shirt, trousers = folder.garments(0)
    assert (shirt.pattern.kind, trousers.pattern.kind) == ("t_shirt", "trousers")
    assert shirt.photo.shape == (64, 64, 3) and shirt.mask.sum() == 20 * 30
    assert shirt.mask[10:30, 18:48].all()  # the padding of 8 on either side
    assert folder.garments(1) == []
    rng = np.random.default_rng(0)
    assert {folder.one(rng).pattern.kind for _ in range(12)} == {"t_shirt", "trousers"}


def test_an_empty_folder_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="holds no rendered people"):
        DressedPeople(tmp_path)


def test_a_laid_pattern_keeps_its_truth_however_it_lies() -> None:
    laid, rng = LaidPatterns(size=96), np.random.default_rng(1)
    for _ in range(8):
        item = laid.one(rng)
        assert 0.01 < item.mask.mean() < 0.9
        assert set(np.unique(item.labels)) == {0, LABEL[label_of(item.pattern.kind)]}
        assert draft(item.pattern.kind, item.pattern.measures).measures == item.pattern.measures


def test_every_kind_has_a_label() -> None:
    named = {kind: label_of(kind) for kind in kinds()}
    assert (named["trousers"], named["skirt"], named["jumpsuit"], named["strap_dress"]) == (
        "lower",
        "lower",
        "dress",
        "dress",
    )
    assert (named["t_shirt"], named["denim_jacket"], named["knitted_coat"]) == ("upper", "outer", "outer")


def test_an_example_is_framed_by_the_garment_and_sums_to_one_label_a_pixel(items) -> None:
    rng = np.random.default_rng(0)
    for item in items:
        example = measure_example(item, rng, 32)
        total = example["labels"].astype(int).sum(0)
        assert (total == 0).all() or (np.abs(total - 255) < 6).all()
        assert example["mask"].max() > 200


def test_losses_by_hand(net, items) -> None:
    batch = {
        name: torch.from_numpy(value) for name, value in measure_batch(items, np.random.default_rng(0), net).items()
    }
    losses = measure_losses(net, batch)
    wanted = batch["measures"].numpy()
    known = np.isfinite(wanted)
    clipped = np.where(known, np.nan_to_num(wanted).clip(-4, 4), 0)
    # Untrained, all means and log variances are 0.
    assert float(losses["error"]) == pytest.approx(np.abs(clipped).sum() / known.sum(), rel=1e-5)
    assert float(losses["loss"]) == pytest.approx(
        0.5 * (clipped**2).sum() / known.sum()
        + 0.3 * np.log(len(kinds()))
        + 0.5 * float(np.mean([np.log(k) for k in _read(batch["codes"].numpy())])),
        rel=0.02,
    )


def _read(codes: np.ndarray) -> list[int]:
    from ragdiffusion.attributes import ATTRIBUTES

    return [len(a.values) for i, a in enumerate(ATTRIBUTES) if (codes[:, i] > 0).any()]


def test_the_true_measures_draft_the_true_silhouette(net, items) -> None:
    class Knowing(torch.nn.Module):
        config = net.config

        def forward(self, photo, mask, labels):
            said = net(photo, mask, labels)
            code, names = code_of(net), list(net.config.kind_names)
            mean = torch.from_numpy(np.nan_to_num(np.stack([code.encode(item.pattern) for item in items])))
            kinds_said = torch.nn.functional.one_hot(
                torch.tensor([names.index(item.pattern.kind) for item in items]), len(names)
            ).float()
            return type(said)(kinds_said, mean, said.log_variance, said.attributes)

    batch = {
        name: torch.from_numpy(value) for name, value in measure_batch(items, np.random.default_rng(0), net).items()
    }
    found = drafted_overlap(Knowing(), batch, items)
    assert found["iou"] == found["iou_of_kind"] == pytest.approx(1, abs=0.02) and found["group"] == 1


def test_training_lowers_the_loss_and_writes_the_network(config, tmp_path) -> None:
    laid = LaidPatterns(size=48)
    held_out = {"laid": [laid.one(np.random.default_rng(9)) for _ in range(3)]}
    trained = train_measures(
        config(steps=6, batch_size=4, sample_every=3),
        Sources(None, laid.one),
        held_out,
        model=new_measure_net(each=1, **TINY),
    )
    assert trained.kind_head.weight.any()
    folder = next(tmp_path.rglob("measure_net"))
    assert (folder / "config.json").is_file()
    lines = [json.loads(line) for line in next(tmp_path.rglob("log.jsonl")).read_text().splitlines()]
    assert any("held_out_laid_iou" in line for line in lines)
