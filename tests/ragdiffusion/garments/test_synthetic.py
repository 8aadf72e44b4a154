"""The garment engine: exact maps, exact frames, determinism, and what bad input says."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.garments.shape_model import ShapeModel, bundled_model_path, half_paths
from ragdiffusion.garments.synthetic.catalogue import CATALOGUE
from ragdiffusion.garments.synthetic.engine import GarmentEngine

SIZE = 128


@pytest.fixture(scope="module")
def engine() -> GarmentEngine:
    return GarmentEngine(size=SIZE)


@pytest.mark.parametrize("category", list(CATALOGUE))
def test_every_category_is_in_the_canonical_frame_with_values_of_table_6(engine, category):
    choices = {a.key: {*a.values, UNKNOWN} for a in ATTRIBUTES}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        structure = engine.structure(rng, category)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        rows, columns = np.nonzero(flat.silhouette > 127)
        box = np.array([np.ptp(columns) + 1, np.ptp(rows) + 1])
        centre = np.array([columns.min() + columns.max() + 1, rows.min() + rows.max() + 1]) / 2
        assert abs(box.max() - SIZE / 1.12) <= 2
        assert np.abs(centre - SIZE / 2).max() <= 1.5
        assert list(flat.attributes) == [a.key for a in ATTRIBUTES]
        assert all(value in choices[key] for key, value in flat.attributes.items())
        assert (flat.image[flat.silhouette == 0] == 255).all()


@pytest.mark.parametrize("display", ["laid", "hung", "worn"])
def test_warping_the_photo_by_the_flow_gives_back_the_flat_lay(engine, display):
    errors, seen = [], 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        # Smooth colours: what is left is error of the map and not of resampling fine prints twice.
        x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
        ramp = np.stack([x * 1.9, y * 1.9, 120 + 50 * np.sin(x / 9.0) * np.cos(y / 9.0)], -1).astype(np.uint8)
        photo = engine.photo(replace(flat, cloth=ramp), rng, display, lighting=False)
        back = cv2.remap(photo.image, photo.flow, None, cv2.INTER_LINEAR)
        sure = cv2.erode(photo.visible, np.ones((9, 9), np.uint8), borderValue=0) > 0
        seen += sure.sum()
        errors.append(np.abs(back.astype(int) - ramp)[sure].ravel())
    every = np.concatenate(errors)
    assert seen > 12 * 800
    assert every.mean() < 1.5  # 1.9 levels are one pixel
    assert np.percentile(every, 99) < 6


def test_visible_cloth_lands_on_the_garment_in_the_photo(engine):
    for seed in range(8):
        pair = engine.pair(seed)
        at = np.round(pair.flow[pair.visible > 0]).astype(int)
        assert at.min() >= 0 and at.max() < SIZE
        assert (pair.photo_mask[at[:, 1], at[:, 0]] > 60).mean() > 0.97
        assert not (pair.visible[pair.silhouette < 128] > 0).any()


def test_the_same_seed_gives_the_same_pixels_whatever_came_before(engine):
    first = engine.pair(41)
    engine.pair(7)
    again = GarmentEngine(size=SIZE).pair(41)
    assert np.array_equal(first.photo, again.photo) and np.array_equal(first.standard, again.standard)
    assert np.array_equal(first.flow, again.flow) and first.attributes == again.attributes
    assert not np.array_equal(first.photo, engine.pair(42).photo)


def test_texture_never_changes_the_silhouette(engine):
    structure = engine.structure(np.random.default_rng(3))
    flats = [engine.flat_lay(structure, engine.texture(np.random.default_rng(s), structure)) for s in (0, 1)]
    assert np.array_equal(flats[0].silhouette, flats[1].silhouette)
    assert not np.array_equal(flats[0].image, flats[1].image)


def test_a_flat_lay_keeps_its_shape_at_another_size(engine):
    rng = np.random.default_rng(5)
    structure = engine.structure(rng)
    texture = engine.texture(rng, structure)
    small, large = engine.flat_lay(structure, texture), engine.flat_lay(structure, texture, SIZE * 2)
    shrunk = cv2.resize(large.silhouette, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - small.silhouette).mean() < 1.5


def test_given_backgrounds_are_used(engine):
    pair_rng = np.random.default_rng(1)
    structure = engine.structure(pair_rng, "T-shirt")
    flat = engine.flat_lay(structure, engine.texture(pair_rng, structure))
    green = np.zeros((90, 70, 3), np.uint8)
    green[..., 1] = 200
    photo = engine.photo(flat, pair_rng, "laid", [green], lighting=False)
    assert (photo.image[photo.mask == 0] == [0, 200, 0]).all(-1).mean() > 0.9


def test_bad_input_says_what_was_wanted(engine):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="unknown category 'Cape'; wanted one of T-shirt"):
        engine.structure(rng, "Cape")
    with pytest.raises(ValueError, match="size must be 64 pixels or more, got 10"):
        GarmentEngine(size=10)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        engine.pair(-1)
    structure = engine.structure(rng)
    flat = engine.flat_lay(structure, engine.texture(rng, structure))
    with pytest.raises(ValueError, match="unknown display 'flying'"):
        engine.photo(flat, rng, "flying")
    with pytest.raises(ValueError, match="backgrounds must be uint8 HxWx3, got float64"):
        engine.photo(flat, rng, "laid", [np.zeros((9, 9, 3))])


def test_the_bundled_model_survives_a_round_trip(tmp_path):
    model = ShapeModel.load(bundled_model_path())
    model.save(tmp_path / "copy.npz")
    copy = ShapeModel.load(tmp_path / "copy.npz")
    for name, group in model.groups.items():
        assert np.array_equal(group.mean, copy.groups[name].mean)
        assert np.array_equal(group.modes, copy.groups[name].modes)
    with pytest.raises(ValueError, match="no shape model at"):
        ShapeModel.load(tmp_path / "none.npz")
    with pytest.raises(ValueError, match="no shape group 'socks'"):
        model.sample("socks", np.random.default_rng(0))


def test_without_asymmetry_the_halves_are_mirror_images():
    model = ShapeModel.load(bundled_model_path())
    for name in model.groups:
        drawn = model.sample(name, np.random.default_rng(2), asymmetry=0.0)
        assert np.array_equal(drawn.right, drawn.left)


def test_half_paths_straighten_a_turned_rectangle():
    mask = np.zeros((400, 400), np.uint8)
    cv2.fillPoly(mask, [np.round(cv2.boxPoints(((190.0, 210.0), (120.0, 240.0), 6.0))).astype(np.int32)], 255)
    right, left = half_paths(mask)
    # 120 x 240: half the larger side is the unit, so the halves reach x = 0.5 and y = -1..1.
    assert np.abs(right[150:250, 0] - 0.5).max() < 0.04
    assert np.abs(left[150:250, 0] - 0.5).max() < 0.04
    assert abs(right[:, 1].min() + 1) < 0.03 and abs(right[:, 1].max() - 1) < 0.03
