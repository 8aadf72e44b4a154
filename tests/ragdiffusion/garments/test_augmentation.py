"""Augmentation as in 9.5: alike for photo, flat-lay, silhouette and dense map."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.augmentation import CONTRAST, MAX_HUE, MAX_PADDING, Augmentation, fit_square


@pytest.fixture(scope="module")
def pair():
    return GarmentEngine(128).pair(3)


def test_padding_to_square_keeps_the_shape_of_things():
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[10:30, 30:50] = 255  # a square of 20
    square = fit_square(wide, 80)
    rows, columns = np.nonzero(square[..., 0] > 127)
    assert square.shape == (80, 80, 3)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20) and rows.min() == 30


def test_the_ground_of_the_padding_is_the_border_or_a_value():
    image = np.full((10, 20), 90, np.uint8)
    assert (fit_square(image, 20) == 90).all()
    assert (fit_square(image, 20, ground=0)[:5] == 0).all()
    with pytest.raises(ValueError, match="square of 0 pixels"):
        fit_square(image, 0)


def test_each_operation_comes_half_of_the_time_within_its_range():
    draws = [Augmentation.draw(np.random.default_rng(seed)) for seed in range(2000)]
    shares = [
        np.mean([d.flip for d in draws]),
        np.mean([d.padding > 0 for d in draws]),
        np.mean([d.hue != 0 for d in draws]),
        np.mean([d.contrast != 1 for d in draws]),
    ]
    assert all(0.46 < share < 0.54 for share in shares)
    both = np.mean([d.flip and d.contrast != 1 for d in draws])
    assert 0.21 < both < 0.29  # independently of each other
    assert MAX_PADDING * 0.98 < max(d.padding for d in draws) <= MAX_PADDING
    assert -MAX_HUE <= min(d.hue for d in draws) < -4.9 and 4.9 < max(d.hue for d in draws) <= MAX_HUE
    contrasts = [d.contrast for d in draws]
    assert CONTRAST[0] <= min(contrasts) < 0.81 and 1.19 < max(contrasts) <= CONTRAST[1]


def test_no_operation_changes_nothing(pair):
    same = Augmentation().pair(pair)
    for key in ("photo", "standard", "silhouette", "photo_mask", "flow", "visible"):
        assert np.array_equal(getattr(same, key), getattr(pair, key)), key


def test_the_flip_is_the_pairs_own_mirror(pair):
    ours, theirs = Augmentation(flip=True).pair(pair), pair.mirrored()
    assert np.array_equal(ours.photo, theirs.photo) and np.array_equal(ours.standard, theirs.standard)
    np.testing.assert_allclose(ours.flow, theirs.flow, atol=1e-4)
    assert ours.structure == theirs.structure


def test_contrast_and_hue_by_hand():
    grey = np.full((4, 4, 3), 187, np.uint8)
    assert (Augmentation(contrast=0.8).photo(grey) == 175).all()  # 127.5 + 0.8 * 59.5 = 175.1
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 240
    turned = Augmentation(hue=5).photo(red)[0, 0]
    assert turned.tolist() == [240, 20, 0]  # 5 of the 60 degrees from red to yellow


def test_a_flat_lays_ground_stays_white_and_its_garment_changes_as_in_the_photo(pair):
    draw = Augmentation(flip=True, padding=0.08, contrast=0.8)
    after = draw.pair(pair)
    assert (after.standard[after.silhouette == 0] == 255).all()
    inside = cv2.erode(after.silhouette, np.ones((5, 5), np.uint8)) == 255
    assert np.array_equal(after.standard[inside], draw.photo(pair.standard)[inside])


def test_padding_shrinks_alike_and_the_dense_map_still_holds(pair):
    after = Augmentation(padding=0.1).pair(pair)
    area = (pair.silhouette > 127).sum() / 1.2**2
    assert (after.silhouette > 127).sum() == pytest.approx(area, rel=0.03)
    seen = (after.visible > 0.99) & (after.silhouette == 255)
    x, y = after.flow[seen].T
    taken = cv2.remap(after.photo_mask, x[None].astype(np.float32), y[None].astype(np.float32), cv2.INTER_LINEAR)
    assert np.mean(taken > 100) > 0.97  # what is seen of the flat-lay lies on the garment in the photo
