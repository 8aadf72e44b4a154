"""The garment engine: exact maps, exact frames, determinism, and what bad input says."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.garments.engine2d import fields
from ragdiffusion.garments.engine2d.catalogue import CATALOGUE
from ragdiffusion.garments.engine2d.draw import fill, to_pixels
from ragdiffusion.garments.engine2d.engine import GarmentEngine
from ragdiffusion.garments.engine2d.wild import WildCamera

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


def test_a_structure_pair_shares_its_structure_and_says_what_else_the_photo_shows(engine):
    for seed in range(4):
        pair, whole = engine.structure_pair(seed), engine.pair(seed)
        assert {**pair.attributes, **pair.seen}.items() <= whole.attributes.items()
        assert set(whole.attributes) - set(pair.attributes) - set(pair.seen) <= {"age", "gender"}
        assert set(pair.attributes) <= {"category", "collar", "sleeve_length", "length", "fit"}
        assert {"fabric", "print"} <= set(pair.seen) and pair.mirrored().seen == pair.seen
        np.testing.assert_array_equal(pair.photo, whole.photo)
        assert np.abs(pair.standard.astype(int) - whole.standard).max() > 0


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
    with pytest.raises(ValueError, match=r"backgrounds must be uint8 \(H, W, 3\), got float64"):
        engine.photo(flat, rng, "laid", [np.zeros((9, 9, 3))])


def _worn(engine, category, wanted, tries=40):
    """The first worn photo of a category whose attribute says Yes, its flat-lay, and the same flat-lay plain."""
    for seed in range(tries):
        rng = np.random.default_rng([seed, 8])
        structure = engine.structure(rng, category)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        photo = engine.photo(flat, rng, "worn", lighting=False)
        if photo.attributes[wanted] == "Yes":
            return flat, photo
    raise AssertionError(f"no {category} with {wanted} in {tries}")


def _share_seen(flat, photo, region):
    inside = (flat.silhouette > 127) & region
    return (photo.visible > 0)[inside].mean()


def test_a_tucked_top_hides_its_hem_and_nothing_above(engine):
    flat, photo = _worn(engine, "T-shirt", "top_tuck_in")
    y, x = np.indices(flat.silhouette.shape)
    low, chest = ((flat.structure.landmarks[name][1] + 1) * SIZE / 2 for name in ("hem_centre", "armpit_r"))
    side = abs(flat.structure.landmarks["armpit_r"][0]) * SIZE / 2
    body = np.abs(x + 0.5 - SIZE / 2) < 0.7 * side  # sleeves may hang down to the hem, beside it
    assert _share_seen(flat, photo, body & (y > low - 0.1 * (low - chest))) < 0.05
    assert _share_seen(flat, photo, body & (y > chest) & (y < chest + 0.3 * (low - chest))) > 0.3


def test_a_rolled_sleeve_hides_its_lower_half(engine):
    flat, photo = _worn(engine, "Sweater", "sleeves_rolled_up")
    for name, limb in flat.structure.limbs.items():
        region = np.zeros((SIZE, SIZE), np.uint8)
        tip, root = limb.tip.mean(0), limb.root.mean(0)
        at = (tip + 0.25 * (root - tip) + 1) * SIZE / 2  # a quarter of the way up from the cuff
        cv2.circle(region, tuple(int(round(v)) for v in at), 2, 255, -1)
        assert _share_seen(flat, photo, region > 0) == 0, name


def test_an_open_front_parts_its_halves_and_shows_what_is_beneath(engine):
    flat, photo = _worn(engine, "Denim Jacket", "top_open")
    assert photo.attributes["with_inner_wear"] == "Yes"
    low, neck = flat.structure.landmarks["hem_centre"], flat.structure.landmarks["front_neck"]
    x, y = ((low * 0.5 + neck * 0.5 + 1) * SIZE / 2).round().astype(int)
    gap = np.hypot(*(photo.flow[y, x + 3] - photo.flow[y, x - 3]))
    beside = np.hypot(*(photo.flow[y, x + 9] - photo.flow[y, x + 3]))
    assert gap > 1.8 * beside  # as far as beside it where the front is closed


@pytest.mark.parametrize("turn", [0.0, 0.5, -0.5])
def test_a_turned_body_can_be_turned_back(turn):
    camera = WildCamera(np.eye(3), np.zeros((4, 4, 2), np.float32), turn, 50.0, 30.0)
    x = np.linspace(-20, 130, 301)
    np.testing.assert_allclose(camera.unturned(camera.turned(x)), x, atol=1e-9)
    assert (np.diff(camera.turned(x)) > 0).all()  # nothing folds over
    # By hand: the axis moves by turn * 30 / 2, the edges stay.
    np.testing.assert_allclose(camera.turned(np.array([20.0, 50.0, 80.0])), [20, 50 + 15 * turn, 80])


def test_lace_has_holes_and_threads():
    relief = fields.weave("lace", 256, 0)
    assert relief.min() < -0.8 and relief.max() > 0.6 and abs(relief.mean()) < 1e-3
    assert 0.1 < (relief < -0.5).mean() < 0.6


def test_draped_sleeves_lie_over_the_body(engine):
    shares = {True: [], False: []}
    for seed in range(16):
        structure = engine.structure(np.random.default_rng(seed), "Sweater")
        sleeves, body = (np.zeros((SIZE, SIZE), np.uint8) for _ in range(2))
        fill(body, to_pixels(structure.pieces[0].polygon, SIZE), 255)
        for limb in structure.limbs.values():
            fill(sleeves, to_pixels(limb.polygon, SIZE), 255)
        shares[structure.draped].append(((sleeves > 127) & (body > 127)).sum() / (sleeves > 127).sum())
    assert shares[True] and shares[False]
    assert np.mean(shares[True]) > np.mean(shares[False]) + 0.1 and max(shares[False]) < 0.2
