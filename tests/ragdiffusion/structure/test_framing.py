"""Framing: the box of the garment, cut out without a shift."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.structure.framing import MARGIN, crop, frame_of, isolate, labels_over, laid_over, silhouette_frame


def test_the_frame_of_the_main_parts_by_hand():
    mask = np.zeros((100, 200), np.float32)
    mask[20:60, 50:90] = 1.0  # 40 x 40: 0.4 of the height, 0.2 of the width
    mask[80:90, 150:160] = 1.0
    assert frame_of(mask) == pytest.approx((70 / 200, 40 / 100, MARGIN * 0.4))
    assert frame_of(mask * 0.5) == (0.5, 0.5, 1.0)  # nothing is surely garment
    mask[20:60, 100:120] = 1.0  # the other half of an open jacket
    assert frame_of(mask) == pytest.approx((85 / 200, 40 / 100, MARGIN * 0.4))
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


def test_a_photo_and_its_mask_are_cut_out_alike():
    mask = np.zeros((50, 50), np.float32)
    mask[10:35, 20:30] = 1.0
    image = np.uint8(200) * mask.astype(np.uint8).repeat(2, 0).repeat(2, 1)[..., None].repeat(3, 2)
    photo, cut = laid_over(image, mask, silhouette_frame(mask), 56)
    rows, columns = np.flatnonzero((cut > 0.5).any(1)), np.flatnonzero((cut > 0.5).any(0))
    # 25 of 28 cells high, as a silhouette of 50 stands in the canonical frame of 56.
    assert (rows[0], rows[-1]) == (3, 52) and (columns[0], columns[-1]) == (18, 37)
    assert np.abs(photo[..., 0] / 200 - cut).mean() < 0.03


def test_no_garment_lies_beyond_the_photo():
    mask = np.ones((40, 40), np.float32)
    _, cut = laid_over(np.zeros((40, 40, 3), np.uint8), mask, (0.5, 0.5, 2.0), 40)
    assert cut[20, 20] == 1 and cut[:8].max() == 0 and cut[:, :8].max() == 0


def test_labels_are_cut_out_as_the_photo_is() -> None:
    labels = np.zeros((9, 8, 8), np.float32)
    labels[1] = 1
    cut = labels_over(labels, (0.5, 0.5, 2.0), 16)  # the photo's 8 pixels in the middle of 16
    wanted = np.zeros((16, 16), np.float32)
    wanted[4:12, 4:12] = 1
    np.testing.assert_allclose(cut[1], wanted, atol=1e-6)
    np.testing.assert_allclose(cut[0], 1 - wanted, atol=1e-6)  # beyond the photo there is ground
    assert not cut[2:].any()
    rng = np.random.default_rng(0)
    mixed = rng.dirichlet(np.ones(9), (8, 8)).transpose(2, 0, 1).astype(np.float32)
    frame = (0.3, 0.6, 0.8)
    np.testing.assert_allclose(labels_over(mixed, frame, 16).sum(0), 1, atol=1e-5)
    _, mask = laid_over(np.zeros((16, 16, 3), np.uint8), mixed[3], frame, 16)
    np.testing.assert_array_equal(labels_over(mixed, frame, 16)[3], mask)
    assert not labels_over(None, frame, 16).any() and labels_over(None, frame, 16).shape == (9, 16, 16)
