"""Pairs from cut-out photos: on a made-up folder laid out like the real one, drawn here, and once on the real one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.garment import CANONICAL_MARGIN, extend_cloth, load_garments, on_white, read_garment
from ragdiffusion.garments.outlines import symmetrise
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.real import RealPairs
from ragdiffusion.garments.warps import identity_map, sample

SIZE = 96
WIDTH, HEIGHT = 120, 160
_CELL = 14


def _draw(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A chequered garment on plain ground: black and white squares survive any light."""
    rng = np.random.default_rng(number)
    wide, top, low = rng.integers(26, 36), rng.integers(24, 34), rng.integers(118, 136)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    corners = [(60 - wide // 2, top), (60 + wide // 2, top), (60 + wide, low), (60 - wide, low)]
    cv2.fillPoly(mask, [np.array(corners)], 255)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.7)
    rows, columns = np.indices((HEIGHT, WIDTH)) // _CELL
    squares = np.where((rows + columns) % 2, 225.0, 25.0)[..., None] + rng.normal(size=3) * 5
    weight = mask[..., None] / 255.0
    image = squares * weight + np.array([60.0, 140.0, 90.0]) * (1 - weight)
    return np.clip(image, 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("garments")
    rows = ["split,category,id,width,height,box_x,box_y,box_w,box_h,symmetry"]
    for number in range(6):
        category = "dress" if number < 4 else "skirt"
        (root / "val" / category).mkdir(parents=True, exist_ok=True)
        image, mask = _draw(number)
        cv2.imwrite(str(root / "val" / category / f"g{number}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
        cv2.imwrite(str(root / "val" / category / f"g{number}.png"), mask)
        rows.append(f"val,{category},g{number},{WIDTH},{HEIGHT},20,20,80,100,0.9{number}")
    (root / "val.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def garments(folder):
    return load_garments(folder, "val", SIZE)


def _read(folder, **changes):
    dresses = folder / "val" / "dress"
    paths = {"image_path": dresses / "g0.jpg", "mask_path": dresses / "g0.png", **changes}
    return read_garment(**paths, size=SIZE, category="dress", symmetry=1.0)


# ---- one garment


def test_the_list_is_read_in_order_and_thinned_evenly(folder, garments):
    assert [g.name for g in garments] == [f"g{i}" for i in range(6)]
    assert [g.category for g in garments] == ["dress"] * 4 + ["skirt"] * 2
    assert garments[3].symmetry == 0.93
    assert [g.name for g in load_garments(folder, "val", SIZE, limit=3)] == ["g0", "g2", "g5"]
    assert len(load_garments(folder, "val", SIZE, limit=99)) == 6


def test_the_canonical_frame_is_the_box_with_its_margin(garments):
    for garment in garments:
        rows, columns = np.nonzero(garment.alpha > 127)
        box = np.array([np.ptp(columns) + 1, np.ptp(rows) + 1])
        assert abs(box.max() - SIZE / CANONICAL_MARGIN) <= 1.5
        centre = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
        assert np.abs(centre - (SIZE - 1) / 2).max() <= 1
        assert (garment.standard[garment.alpha == 0] == 255).all()


def test_the_map_to_the_photo_by_hand(folder):
    garment = _read(folder)
    _, mask = _draw(0)
    rows, columns = np.nonzero(mask > 127)
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    side = CANONICAL_MARGIN * max(width, height)
    corner = np.array([columns.min() + width / 2, rows.min() + height / 2]) - side / 2
    # Canonical cell centre -> place in the file -> the photo scaled to SIZE / 160 and padded left and right.
    for x, y in ((0, 0), (48, 48), (95, 10)):
        in_file = (np.array([x, y]) + 0.5) * side / SIZE + corner
        wanted = (in_file + [20, 0]) * SIZE / HEIGHT - 0.5
        np.testing.assert_allclose(garment.photo_map @ [x, y, 1], wanted, atol=1e-3)
    taken = sample(garment.photo_mask, identity_map(SIZE) @ garment.photo_map[:, :2].T + garment.photo_map[:, 2])
    assert ((taken > 127) == (garment.alpha > 127)).mean() > 0.99


def test_the_cloth_runs_on_beyond_its_edge(garments):
    garment = garments[0]
    inside = cv2.erode(garment.alpha, np.ones((7, 7))) == 255
    ground = np.array([90, 140, 60])  # RGB of what was drawn as BGR
    beyond = garment.cloth[garment.alpha == 0].astype(int)
    assert np.abs(beyond - ground).sum(1).min() > 25
    flat = np.full((SIZE, SIZE, 3), (200, 40, 60), np.uint8)
    mixed = np.where(garment.alpha[..., None] > 127, flat, 0).astype(np.uint8)
    extended = extend_cloth(mixed, garment.alpha)
    assert np.array_equal(extended[inside], flat[inside])
    assert np.abs(extended.astype(int) - flat)[garment.alpha > 250].max() <= 1
    assert np.median(np.abs(extended.astype(int) - flat)) <= 1


def test_laying_on_white_by_hand():
    image = np.full((1, 3, 3), 100, np.uint8)
    found = on_white(image, np.array([[0, 51, 255]], np.uint8))
    assert found[0, :, 0].tolist() == [255, 224, 100]  # 0.2 x 100 + 0.8 x 255


def test_a_symmetrised_silhouette_is_its_own_mirror_image(garments):
    alpha = np.roll(garments[0].alpha, 3, axis=1)
    found = symmetrise(alpha).astype(int)
    assert np.abs(found - found[:, ::-1]).max() <= 1
    straight = garments[0].alpha
    assert (np.abs(symmetrise(straight).astype(int) - straight) > 100).mean() < 0.01
    area = [(part > 127).sum() for part in (alpha, found)]
    assert area[1] == pytest.approx(area[0], rel=0.05)


def test_what_cannot_be_read_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"none\.jpg: missing or not an image"):
        _read(folder, image_path=tmp_path / "none.jpg")
    with pytest.raises(ValueError, match=r"none\.png: missing or not an image"):
        _read(folder, mask_path=tmp_path / "none.png")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.jpg: missing or not an image"):
        _read(folder, image_path=tmp_path / "text.jpg")
    cv2.imwrite(str(tmp_path / "small.png"), np.full((10, 20), 255, np.uint8))
    with pytest.raises(ValueError, match=r"the mask is 20x10, its picture 120x160; both must be of one size"):
        _read(folder, mask_path=tmp_path / "small.png")
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((HEIGHT, WIDTH), 127, np.uint8))
    with pytest.raises(ValueError, match="the mask is empty; white must mark"):
        _read(folder, mask_path=tmp_path / "empty.png")
    with pytest.raises(ValueError, match=r"train\.csv: not found; --garments must name a folder with train\.csv"):
        load_garments(folder, "train", SIZE)
    with pytest.raises(ValueError, match="no garments to draw pairs from"):
        RealPairs([])


# ---- pairs


def _agreement(pair: Pair) -> float:
    """Share of visible points, away from edges of squares, whose square has the same colour in the photo."""
    grey, warped = (image.astype(float).mean(-1) for image in (pair.standard, sample(pair.photo, pair.flow)))
    sure = (cv2.erode(grey, np.ones((3, 3))) > 150) | (cv2.dilate(grey, np.ones((3, 3))) < 100)
    counted = sure & (cv2.erode(pair.visible, np.ones((3, 3))) > 0.95)
    assert counted.sum() > 50
    return float(((warped > 120) == (grey > 120))[counted].mean())


_KINDS = {
    "as it lies, untouched": {"other_silhouette": 0.0, "warped_target": 0.0, "untouched": 1.0},
    "reshaped, untouched": {"other_silhouette": 0.0, "warped_target": 1.0, "untouched": 1.0},
    "another silhouette, untouched": {"other_silhouette": 1.0, "warped_target": 0.0, "untouched": 1.0},
    "as it lies, in the wild": {"other_silhouette": 0.0, "warped_target": 0.0, "untouched": 0.0},
    "reshaped, in the wild": {"other_silhouette": 0.0, "warped_target": 1.0, "untouched": 0.0},
    "another silhouette, in the wild": {"other_silhouette": 1.0, "warped_target": 0.0, "untouched": 0.0},
}


@pytest.mark.parametrize("kind", _KINDS)
def test_the_flow_maps_the_standard_to_the_photo(garments, kind):
    pairs = RealPairs(garments, **_KINDS[kind])
    agreements = []
    for seed in range(8):
        pair = pairs.sample(np.random.default_rng(seed))
        agreements.append(_agreement(pair))
        outside = pair.silhouette == 0
        assert (pair.standard[outside] == 255).all() and not pair.visible[pair.silhouette <= 127].any()
        landed = sample(pair.photo_mask, pair.flow)[cv2.erode(pair.visible, np.ones((5, 5))) > 0.95]
        assert (landed > 127).mean() > 0.97  # on the garment
    assert np.mean(agreements) > (0.985 if "untouched" in kind else 0.95)
    wrong = pair.flow + np.float32([_CELL * 0.6, 0])
    assert _agreement(Pair(**{**vars(pair), "flow": wrong.astype(np.float32)})) < 0.8


def test_untouched_photos_are_the_files_and_the_rest_are_not(garments):
    pair = RealPairs(garments, **_KINDS["as it lies, untouched"]).sample(np.random.default_rng(0), 2)
    photo = pair.photo[:, ::-1] if pair.structure.endswith("~") else pair.photo
    assert np.array_equal(photo, garments[2].photo) and pair.structure.rstrip("~") == "g2"
    error = np.abs(sample(pair.photo, pair.flow).astype(int) - pair.standard)[pair.visible > 0.95]
    assert np.median(error) < 12  # squares' edges, compressed and resized
    wild = RealPairs(garments, **_KINDS["as it lies, in the wild"]).sample(np.random.default_rng(0), 2)
    assert not np.array_equal(wild.photo, garments[2].photo)


def test_another_silhouette_is_one_of_the_same_category(garments):
    pairs = RealPairs(garments, **_KINDS["another silhouette, untouched"])
    seen = set()
    for seed in range(20):
        pair = pairs.sample(np.random.default_rng(seed), 4 + seed % 2)
        name = pair.structure.rstrip("~")
        seen.add(name)
        silhouette = pair.silhouette[:, ::-1] if pair.structure.endswith("~") else pair.silhouette
        assert np.array_equal(silhouette, garments[int(name[1:])].alpha) and pair.category == "skirt"
    assert seen == {"g4", "g5"}


def test_the_same_seed_draws_the_same_pair(garments):
    first, second = (RealPairs(garments).sample(np.random.default_rng(5)) for _ in range(2))
    for name, value in vars(first).items():
        assert np.array_equal(value, getattr(second, name)), name
    other = RealPairs(garments).sample(np.random.default_rng(6))
    assert not np.array_equal(other.photo, first.photo)


def test_a_mirrored_pair_is_consistent_and_twice_mirrored_the_first(garments):
    pair = RealPairs(garments, **_KINDS["reshaped, untouched"]).sample(np.random.default_rng(1))
    mirror = pair.mirrored()
    for name in ("photo", "standard", "silhouette"):
        assert np.array_equal(getattr(mirror, name), getattr(pair, name)[:, ::-1]), name
    assert _agreement(mirror) > 0.97
    # A point of the flat-lay at column x stands at N - 1 - x; so does its place in the photo.
    assert mirror.flow[10, 20, 0] == pytest.approx(SIZE - 1 - pair.flow[10, SIZE - 1 - 20, 0])
    assert mirror.flow[10, 20, 1] == pair.flow[10, SIZE - 1 - 20, 1]
    again = mirror.mirrored()
    for name in ("photo", "standard", "silhouette", "visible", "photo_mask"):
        assert np.array_equal(getattr(again, name), getattr(pair, name)), name
    np.testing.assert_allclose(again.flow, pair.flow, atol=1e-4)


def test_pairs_of_a_structure_keep_its_silhouette_and_change_its_texture(garments):
    pairs = RealPairs(garments)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        plain, other = pairs.structure_pair(rng, 1, retexture=0.0), pairs.structure_pair(rng, 1, retexture=1.0)
        for pair in (plain, other):
            silhouette = pair.silhouette[:, ::-1] if pair.structure.endswith("~") else pair.silhouette
            assert np.array_equal(silhouette, garments[1].alpha) and pair.structure.rstrip("~") == "g1"
            assert pair.attributes == {"category": "Dress"}
            assert (pair.standard[pair.silhouette == 0] == 255).all()
        assert _agreement(plain) > 0.95


# ---- the real folder


@pytest.mark.real
def test_on_real_photos_the_flow_maps_the_standard_to_the_photo(garments_val):
    garments = load_garments(garments_val, "val", SIZE, limit=8)
    assert len({garment.name for garment in garments}) == 8
    pairs = RealPairs(garments, other_silhouette=0.0, warped_target=0.5, untouched=1.0)
    for index in range(8):
        pair = pairs.sample(np.random.default_rng(index), index)
        visible = cv2.erode(pair.visible, np.ones((7, 7))) > 0.95
        error, wrong = (
            np.abs(sample(pair.photo, flow).astype(int) - pair.standard)[visible].mean()
            for flow in (pair.flow, pair.flow + np.float32([12, 12]))
        )
        assert visible.mean() > 0.05 and error < 14 and error < wrong


def test_what_is_known_of_a_garment_goes_with_its_pairs_as_far_as_it_holds(garments):
    """In another silhouette the collar may be another; in another cloth the fabric is."""
    known = {"category": "Dress", "collar": "Polo", "fabric": "Denim", "print": "Plaid", "sleeves_rolled_up": "No"}
    told = [replace(garment, attributes=known) for garment in garments]
    rng = np.random.default_rng(0)
    own = RealPairs(told, other_silhouette=0, warped_target=0).sample(rng, 0)
    assert own.attributes == known and own.seen == {}
    for shapes in ({"other_silhouette": 1, "warped_target": 0}, {"other_silhouette": 0, "warped_target": 1}):
        pair = RealPairs(told, **shapes).sample(rng, 0)
        assert pair.attributes == {"category": "Dress", "fabric": "Denim", "print": "Plaid"}, shapes
    pair = RealPairs(told).structure_pair(rng, 0)
    assert pair.attributes == {"category": "Dress", "collar": "Polo", "sleeves_rolled_up": "No"}
    assert pair.seen == {"fabric": "Denim", "print": "Plaid"}
