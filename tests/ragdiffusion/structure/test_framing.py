"""Framing: the box of the garment, cut out without a shift."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.structure.framing import MARGIN, crop, frame_of, isolate


def test_the_frame_of_the_largest_part_by_hand():
    mask = np.zeros((100, 200), np.float32)
    mask[20:60, 50:90] = 1.0  # 40 x 40: 0.4 of the height, 0.2 of the width
    mask[80:90, 150:160] = 1.0
    assert frame_of(mask) == pytest.approx((70 / 200, 40 / 100, MARGIN * 0.4))
    assert frame_of(mask * 0.5) == (0.5, 0.5, 1.0)  # nothing is surely garment
    speck = np.zeros((100, 100), np.float32)
    speck[:5, :5] = 1.0
    assert frame_of(speck) == (0.5, 0.5, 1.0)


def test_the_whole_frame_changes_nothing_and_a_part_is_that_part():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(crop(image, (0.5, 0.5, 1.0), 32), image)
    assert np.array_equal(crop(image, (0.25, 0.75, 0.5), 16), image[16:, :16])
    outside = crop(image, (0.0, 0.5, 1.0), 32)  # its left half lies beyond the picture: the border goes on
    assert np.array_equal(outside[:, 16:], image[:, :16])
    assert (outside[:, :16] == image[:, :1]).all()


def test_a_crop_scales_about_pixel_edges():
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, 0).repeat(3, 2)
    half = crop(ramp, (0.5, 0.5, 1.0), 32)[:, 2:-2, 0].astype(float)
    wanted = ramp[0, :, 0].reshape(32, 2).mean(1)[2:-2]  # a cell of two pixels lies between them
    assert np.abs(half - wanted).max() <= 1.0
    assert abs((half - wanted).mean()) < 0.6


def test_isolating_fades_the_rest_to_white():
    image = np.full((8, 8, 3), 100, np.uint8)
    mask = np.zeros((8, 8), np.float32)
    mask[:4], mask[4] = 1.0, 0.5
    found = isolate(image, mask)
    assert (found[:4] == 100).all() and (found[5:] == 255).all()
    assert (found[4] == round(100 * 0.5 + 255 * 0.5)).all()
