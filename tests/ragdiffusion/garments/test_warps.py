"""Backward maps: hand-made ones, their inverses, and random fields of known size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.warps import identity_map, invert, sample, smooth_field


def test_the_identity_changes_nothing_and_cannot_be_spoiled():
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    assert np.array_equal(sample(image, identity_map(9)), image)
    assert identity_map(9)[2, 5].tolist() == [5, 2]  # x, then y
    with pytest.raises(ValueError, match="read-only"):
        identity_map(9)[0, 0] = 1


def test_a_map_says_where_each_pixel_is_taken_from():
    image = np.arange(25, dtype=np.float32).reshape(5, 5)
    moved = sample(image, identity_map(5) + np.float32([1, 0]))
    assert np.array_equal(moved[:, :4], image[:, 1:]) and np.array_equal(moved[:, 4], image[:, 4])
    dark = sample(image + 1, identity_map(5) + np.float32([0, 2]), border=cv2.BORDER_CONSTANT)
    assert np.array_equal(dark[:3], image[2:] + 1) and not dark[3:].any()
    between = sample(image, identity_map(5)[:, :4] + np.float32([0.5, 0]))
    np.testing.assert_allclose(between, image[:, :4] + 0.5)


@pytest.mark.parametrize("grid", [64, 32])
def test_the_inverse_of_a_known_affine_map(grid):
    size = 64
    angle, scale, shift = 0.3, 0.9, np.float32([3.0, -2.0])
    matrix = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    centre = np.float32([31.5, 31.5])
    backward = (identity_map(size) - centre) @ matrix.T + centre + shift  # photo pixel -> place in the frame
    inverse, weight = invert(backward, grid)
    cells = (identity_map(grid) + 0.5) * (size / grid) - 0.5  # centres of the cells, in pixels of the frame
    wanted = (cells - shift - centre) @ np.linalg.inv(matrix).T + centre
    inside = cv2.erode(((wanted > 8) & (wanted < 55)).all(-1).astype(np.uint8), np.ones((5, 5))) > 0
    error = np.linalg.norm(inverse - wanted, axis=-1)[inside]
    assert inside.mean() > 0.2
    assert error.mean() < 0.35 and error.max() < 1.0
    assert abs((inverse - wanted)[inside].mean(0)).max() < 0.06  # no half-pixel shift
    assert weight[inside].mean() == pytest.approx(1 / scale**2, rel=0.05)  # photo pixels for each pixel of the frame
    outside = cv2.erode(((wanted < -4) | (wanted > 67)).any(-1).astype(np.uint8), np.ones((5, 5))) > 0
    assert outside.any() and weight[outside].max() < 0.02


def test_a_field_is_smooth_and_of_the_asked_size():
    fields = [smooth_field(np.random.default_rng(seed), 64, amplitude=3.0, cells=5) for seed in range(40)]
    assert fields[0].shape == (64, 64, 2) and fields[0].dtype == np.float32
    assert np.std(fields) == pytest.approx(3.0, rel=0.25)
    assert abs(np.mean(fields)) < 0.4
    assert np.abs(np.diff(fields[0], axis=0)).max() < 1.5
    assert np.array_equal(fields[3], smooth_field(np.random.default_rng(3), 64, amplitude=3.0, cells=5))
    assert not np.array_equal(fields[3], fields[4])
