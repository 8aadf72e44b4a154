"""Where training pairs come from: shares, what is held out, what cannot be read."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ragdiffusion.training.sources import autoencoder_images, open_source, split_held_out

SIZE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen made-up garments, laid out as the real ones."""
    root = tmp_path_factory.mktemp("garments")
    rows = ["split,category,id,width,height,box_x,box_y,box_w,box_h,symmetry"]
    (root / "train" / "dress").mkdir(parents=True)
    for number in range(16):
        rng = np.random.default_rng(number)
        mask = np.zeros((60, 48), np.uint8)
        cv2.ellipse(mask, (24, 30), (12 + number % 4, 22), 0, 0, 360, 255, -1)
        image = np.where(mask[..., None] > 0, rng.integers(0, 256, 3), 128).astype(np.uint8)
        cv2.imwrite(str(root / "train" / "dress" / f"g{number}.jpg"), image)
        cv2.imwrite(str(root / "train" / "dress" / f"g{number}.png"), mask)
        rows.append(f"train,dress,g{number},48,60,10,8,28,44,0.98")
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    return root


def _name(structure: str) -> str:
    return structure.rstrip("~*")


def test_held_out_garments_are_never_drawn(folder):
    source = open_source(folder, SIZE, synthetic=0.0)
    kept, drawn = ({garment.name for garment in part.garments} for part in (source.held_out, source.real))
    assert len(kept) == 2 and len(drawn) == 14 and not kept & drawn
    rng = np.random.default_rng(0)
    assert {_name(source.draw(rng).structure) for _ in range(20)} <= drawn
    assert {_name(pair.structure) for pair in source.held_out_pairs(5)} <= kept
    again = split_held_out(source.real.garments)
    assert [g.name for g in again[1]] == [g.name for g in split_held_out(source.real.garments)[1]]


def test_fixed_pairs_stay_fixed(folder):
    first, second = (open_source(folder, SIZE, synthetic=0.0).held_out_pairs(4) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.photo, b.photo) and np.array_equal(a.flow, b.flow)


@pytest.mark.parametrize(("synthetic", "real"), [(0.0, 6), (0.5, 3), (1.0, 0)])
def test_a_batch_of_structures_has_its_share_and_no_structure_twice(folder, synthetic, real):
    source = open_source(folder, SIZE, synthetic=synthetic)
    pairs = source.draw_structures(np.random.default_rng(0), 6)
    names = [_name(pair.structure) for pair in pairs]
    garments = {garment.name for garment in source.real.garments}
    assert len(pairs) == 6 and len(set(names)) == 6
    assert sum(name in garments for name in names) == real
    assert all(pair.photo.shape == (SIZE, SIZE, 3) for pair in pairs)


def test_without_a_folder_everything_is_drawn_by_the_engine():
    source = open_source(None, SIZE, synthetic=0.2)
    assert (source.real, source.synthetic) == (None, 1.0)
    rng = np.random.default_rng(0)
    pair, again = source.draw(rng), source.draw(np.random.default_rng(0))
    assert np.array_equal(pair.photo, again.photo) and pair.photo.shape == (SIZE, SIZE, 3)
    held_out = source.held_out_pairs(2)
    assert np.array_equal(held_out[0].photo, open_source(None, SIZE, synthetic=1.0).held_out_pairs(1)[0].photo)
    assert not np.array_equal(held_out[0].photo, held_out[1].photo)
    assert len(source.held_out_structures(2)) == 2 and len(source.draw_structures(rng, 2)) == 2


def test_the_autoencoders_pictures_are_split_the_same_way(folder):
    images, held_out = autoencoder_images(folder, SIZE)
    source = open_source(folder, SIZE, synthetic=0.0)
    assert images.shape == (14 * 3, SIZE, SIZE, 3) and held_out.shape == (2 * 2, SIZE, SIZE, 3)
    assert np.array_equal(held_out[0], source.held_out.garments[0].standard)
    assert not any(np.array_equal(image, shown) for image in images for shown in held_out)
    assert len(autoencoder_images(folder, SIZE, limit=8)[0]) == 7 * 3


def test_bad_sources_are_refused(folder, tmp_path):
    for share in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"synthetic share is {share}, 0 to 1 wanted"):
            open_source(folder, SIZE, synthetic=share)
    with pytest.raises(ValueError, match="holds no dataset that is known"):
        open_source(tmp_path, SIZE, synthetic=0.5)


def test_left_out_categories_are_never_drawn(folder):
    with pytest.raises(ValueError, match="no garments are left without dress"):
        open_source(folder, SIZE, synthetic=0.0, without=["Dress"])
    source = open_source(None, SIZE, synthetic=1.0, without=["Trousers", "shorts", "Skirt"])
    pairs = source.draw_structures(np.random.default_rng(0), 40)
    plain = open_source(None, SIZE, synthetic=1.0).draw_structures(np.random.default_rng(0), 40)
    lower = {"trousers", "shorts", "skirt"}
    assert not lower & {pair.category.lower() for pair in pairs}
    assert lower & {pair.category.lower() for pair in plain}


def test_silhouettes_are_the_photos_own_in_both_sources(folder):
    source = open_source(folder, SIZE, synthetic=0.5)
    pairs = source.draw_silhouettes(np.random.default_rng(0), 16)
    garments = {garment.name for garment in source.real.garments}
    real = [pair for pair in pairs if _name(pair.structure) in garments]
    assert 3 <= len(real) <= 13
    for pair in pairs:
        inside = pair.silhouette > 200
        assert inside.any() and (pair.standard[pair.silhouette == 0] == 255).all()
    kinds = source.held_out_silhouettes(2)
    assert {kind: len(pairs) for kind, pairs in kinds.items()} == {"real": 2, "laid": 2, "hung": 2, "worn": 2}
    assert set(open_source(None, SIZE, synthetic=1.0).held_out_silhouettes(1)) == {"laid", "hung", "worn"}


def test_the_share_of_worn_ones_is_as_asked(monkeypatch):
    source = open_source(None, SIZE, synthetic=1.0, worn=0.75)
    displays = []
    monkeypatch.setattr(
        type(source.engine),
        "pair",
        lambda self, seed, display: displays.append(display) or SimpleNamespace(category="shirt"),
    )
    rng = np.random.default_rng(0)
    for _ in range(400):
        source.draw(rng)
    counts = {display: displays.count(display) / 400 for display in ("worn", "laid", "hung")}
    assert counts == pytest.approx({"worn": 0.75, "laid": 0.125, "hung": 0.125}, abs=0.05)
    with pytest.raises(ValueError, match="share of worn ones is 1.5, 0 to 1 wanted"):
        open_source(None, SIZE, synthetic=1.0, worn=1.5)


def test_categories_are_not_left_out_of_people(tmp_path):
    with pytest.raises(ValueError, match="cannot be left out of rendered people"):
        open_source(None, SIZE, synthetic=1.0, without=["skirt"], people=[tmp_path])
