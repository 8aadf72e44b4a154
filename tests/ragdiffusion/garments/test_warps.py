"""Backward maps: hand-made ones, their inverses, and random fields of known size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.warps import (
    at_positions,
    identity_map,
    nodes,
    sample,
    smooth_field,
    spread,
    undo_displacement,
)


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


@pytest.mark.parametrize("size", [32, 50])
def test_an_affine_map_at_the_nodes_spreads_exactly(size):
    matrix = np.float32([[0.9, 0.2, 3.0], [-0.1, 1.1, -2.0]])
    at_nodes = cv2.transform(nodes(size), matrix)
    wanted = cv2.transform(identity_map(size), matrix)
    np.testing.assert_allclose(spread(at_nodes, size), wanted, atol=1e-3)  # to the very edges
    np.testing.assert_allclose(at_positions(at_nodes, identity_map(size)), wanted, atol=1e-2)
    assert nodes(size)[1, 1].tolist() == [1.5, 1.5]  # the middle of the first four pixels


def test_undoing_a_displacement_brings_every_place_back():
    size = 64
    bend = smooth_field(np.random.default_rng(3), nodes(size).shape[0], amplitude=2.0, cells=5)
    positions = identity_map(size)[8:-8, 8:-8].copy()
    found = undo_displacement(bend, positions)
    np.testing.assert_allclose(found + at_positions(bend, found), positions, atol=0.1)
    rough = undo_displacement(bend, positions, rounds=1)
    off = rough + at_positions(bend, rough) - positions
    assert np.abs(off).max() > 0.3  # one round is not enough: the test has teeth


def test_a_field_is_smooth_and_of_the_asked_size():
    fields = [smooth_field(np.random.default_rng(seed), 64, amplitude=3.0, cells=5) for seed in range(40)]
    assert fields[0].shape == (64, 64, 2) and fields[0].dtype == np.float32
    assert np.std(fields) == pytest.approx(3.0, rel=0.25)
    assert abs(np.mean(fields)) < 0.4
    assert np.abs(np.diff(fields[0], axis=0)).max() < 1.5
    assert np.array_equal(fields[3], smooth_field(np.random.default_rng(3), 64, amplitude=3.0, cells=5))
    assert not np.array_equal(fields[3], fields[4])
