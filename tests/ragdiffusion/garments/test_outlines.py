"""Outlines and their correspondence: identity, scaling, order kept, splines exact where they can be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.outlines import (
    OUTLINE_POINTS,
    correspondence,
    fit_thin_plate,
    match_outlines,
    outline,
    repaired,
    without_false_holes,
    without_holes,
    without_specks,
)

SIZE = 128


def _shirt(scale: float = 1.0, sleeve: float = 0.3) -> np.ndarray:
    out, down = 0.5 * sleeve, 0.3 * sleeve
    right = np.array(
        [(0.07, 0.18), (0.15, 0.15), (0.2 + out, 0.3 + down), (0.12 + out, 0.4 + down), (0.17, 0.38), (0.17, 0.85)]
    )
    points = np.concatenate([right, right[::-1] * [-1, 1]]) - [0, 0.5]
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.rint((points * scale + 0.5) * SIZE).astype(np.int32)], 255)
    return mask


@pytest.fixture
def grid() -> np.ndarray:
    axis = np.linspace(-0.5, 0.5, 7)
    return np.stack(np.meshgrid(axis, axis), -1)


def test_an_outline_starts_at_the_top_centre_and_runs_clockwise_in_equal_steps():
    mask = np.zeros((60, 60), np.uint8)
    mask[10:51, 20:41] = 255  # a path of 20 + 40 + 20 + 40 pixels
    points = outline(mask, points=12)
    wanted = [
        (30, 10),
        (40, 10),
        (40, 20),
        (40, 30),
        (40, 40),
        (40, 50),
        (30, 50),
        (20, 50),
        (20, 40),
        (20, 30),
        (20, 20),
        (20, 10),
    ]
    np.testing.assert_allclose(points, wanted, atol=1.01)  # the top centre is known to a pixel
    np.testing.assert_allclose(np.abs(np.diff(points, axis=0)).sum(1), 10, atol=1e-4)


def test_the_largest_part_is_traced():
    mask = _shirt()
    lonely = mask.copy()
    lonely[2:8, 2:8] = 255
    assert np.array_equal(outline(lonely), outline(mask))
    assert outline(mask).shape == (OUTLINE_POINTS, 2)


def test_an_empty_mask_is_refused():
    for mask in (np.zeros((32, 32), np.uint8), np.full((32, 32), 127, np.uint8)):
        with pytest.raises(ValueError, match="the mask has no foreground: an outline needs one"):
            outline(mask)


def test_a_shape_corresponds_to_itself_by_the_identity(grid):
    points = outline(_shirt())
    np.testing.assert_allclose(match_outlines(points, points), points, atol=1e-4)
    assert np.abs(correspondence(_shirt(), _shirt())(grid) - grid).max() < 1e-6


@pytest.mark.parametrize("scale", [0.7, 1.1])
def test_a_scaled_shape_corresponds_by_the_scaling(grid, scale):
    plate = correspondence(_shirt(), _shirt(scale))
    # A unit is 64 pixels: within two of them.
    assert np.abs(plate(grid * 0.6) - grid * 0.6 * scale).max() < 2 / 64


def test_a_moved_shape_corresponds_by_the_shift(grid):
    moved = np.roll(_shirt(0.8), (6, -4), (0, 1))
    shift = np.array([-4, 6]) / 64
    assert np.abs(correspondence(_shirt(0.8), moved)(grid) - grid - shift).max() < 1e-3


def test_sleeve_ends_correspond_to_sleeve_ends():
    short, long = _shirt(sleeve=0.15), _shirt(sleeve=0.35)
    target, source = outline(short), outline(long)
    matched = match_outlines(target, source)
    for end in (np.argmax, np.argmin):
        assert abs(matched[end(target[:, 0]), 0] - source[end(source[:, 0]), 0]) < 6
    hem = target[:, 1] > 0.84 * SIZE
    assert np.abs(matched[hem][:, 1] - source[:, 1].max()).max() < 4


def test_a_match_keeps_the_order_of_the_outline():
    ellipse = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(ellipse, (64, 64), (30, 50), 0, 0, 360, 255, -1)
    source = outline(ellipse)
    closed = np.concatenate([source, source[:1]])
    fine = np.linspace(0, OUTLINE_POINTS, 40 * OUTLINE_POINTS)
    along = np.stack([np.interp(fine, np.arange(len(closed)), closed[:, axis]) for axis in (0, 1)], 1)
    for target in (_shirt(), _shirt(0.6, sleeve=0.1), 255 - _shirt()):
        matched = match_outlines(outline(target), source)
        distance = np.linalg.norm(matched[:, None] - along[None], axis=-1)
        assert distance.min(1).max() < 0.1  # on the source's outline
        place = fine[distance.argmin(1)]
        late = np.arange(OUTLINE_POINTS) > OUTLINE_POINTS // 2
        place[late & (place == 0)] = OUTLINE_POINTS  # start and end are one point
        assert (np.diff(place) >= -0.05).all() and place[-1] > 0.9 * OUTLINE_POINTS


def test_a_spline_goes_through_its_controls_and_keeps_affine_maps():
    rng = np.random.default_rng(0)
    controls, values = rng.uniform(-1, 1, (12, 2)), rng.uniform(-1, 1, (12, 2))
    np.testing.assert_allclose(fit_thin_plate(controls, values, smoothing=0.0)(controls), values, atol=1e-8)
    assert np.abs(fit_thin_plate(controls, values, smoothing=1.0)(controls) - values).max() > 0.05
    matrix, shift = np.array([[0.8, 0.3], [-0.2, 1.1]]), np.array([0.1, -0.3])
    elsewhere = rng.uniform(-2, 2, (5, 4, 2))
    for smoothing in (0.0, 0.02, 1.0):
        plate = fit_thin_plate(controls, controls @ matrix + shift, smoothing=smoothing)
        np.testing.assert_allclose(plate(elsewhere), elsewhere @ matrix + shift, atol=1e-8)


def test_specks_and_hooks_go_and_the_garment_stays():
    alpha = np.zeros((256, 256), np.uint8)
    alpha[60:220, 70:186] = 255
    garment = alpha.copy()
    alpha[20:60, 127:129] = 255  # a hook
    alpha[10:30, 200:220] = 255  # a tag beside it
    cleaned = without_specks(alpha)
    assert not cleaned[:57].any() and not cleaned[:, 190:].any()
    assert (np.abs(cleaned.astype(int) - garment) > 0).sum() < 40
    np.testing.assert_array_equal(without_specks(np.zeros((64, 64), np.uint8)), 0)


def _with_holes(*holes: tuple[int, int, int, int]) -> np.ndarray:
    """A jumper of 216 x 180 pixels in a frame of 256, with rectangles (top, bottom, left, right) cut out."""
    alpha = np.zeros((256, 256), np.uint8)
    alpha[30:210, 20:236] = 255
    for top, bottom, left, right in holes:
        alpha[top:bottom, left:right] = 0
    return alpha


def test_a_logo_a_speck_and_a_seam_are_filled():
    whole = _with_holes()
    for hole in (
        (80, 110, 110, 146),  # a white print on the chest
        (80, 140, 126, 132),  # a placket, on the axis and deep in the cloth
        (100, 112, 170, 195),  # a label beside the axis: wider than tall
        (34, 40, 126, 132),  # a speck close to the edge
        (40, 200, 40, 216),
    ):  # a white garment of which only the rim was seen
        np.testing.assert_array_equal(repaired(_with_holes(hole)), whole)


def test_a_garments_own_holes_stay():
    for hole in (
        (36, 50, 100, 156),  # a neck on a hanger: its back is a strip of 6 pixels
        (90, 170, 50, 62),  # between sleeve and body, left ...
        (90, 170, 194, 206),  # ... and right
        (160, 203, 122, 134),
    ):  # between legs whose hems touch
        alpha = _with_holes(hole)
        np.testing.assert_array_equal(repaired(alpha), alpha)
    both = _with_holes((90, 170, 50, 62), (80, 110, 110, 146))
    np.testing.assert_array_equal(repaired(both), _with_holes((90, 170, 50, 62)))
    np.testing.assert_array_equal(repaired(repaired(both)), repaired(both))


def test_all_that_a_drawn_outline_encloses_is_filled_and_nothing_else():
    whole = _with_holes()
    np.testing.assert_array_equal(without_holes(whole), whole)
    crevices = _with_holes((90, 170, 50, 62), (90, 92, 194, 195), (160, 203, 122, 134))
    np.testing.assert_array_equal(without_holes(crevices), whole)
    open_ = _with_holes((160, 256, 122, 134))  # between legs
    np.testing.assert_array_equal(without_holes(open_), open_)
    np.testing.assert_array_equal(without_holes(np.full((64, 64), 255, np.uint8)), 255)


def test_repair_takes_specks_away_and_leaves_the_empty_empty():
    alpha = _with_holes((80, 110, 110, 146))
    alpha[10:20, 120:130] = 255  # a tag beside it
    np.testing.assert_array_equal(repaired(alpha), _with_holes())
    np.testing.assert_array_equal(repaired(np.zeros((64, 64), np.uint8)), 0)
    np.testing.assert_array_equal(without_false_holes(np.full((64, 64), 255, np.uint8)), 255)
