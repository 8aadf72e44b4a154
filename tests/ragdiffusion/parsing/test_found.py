"""Where a garment is, and the crop in which it is large enough."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.parsing.found import crop_around, given_garment, on_photo


def _mask(height: int, width: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((height, width), np.float32)
    mask[top:bottom, left:right] = 1
    return mask


def test_a_large_garment_is_seen_in_the_whole_photo() -> None:
    assert crop_around(_mask(100, 100, 20, 20, 70, 70)) is None  # half of the photo
    assert crop_around(np.zeros((10, 10), np.float32)) is None


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        ((40, 30, 60, 50), (34, 24, 66, 56)),  # 20 wide: 32 around (50, 40)
        ((0, 0, 20, 10), (0, 0, 26, 21)),  # as far as the photo reaches
        ((190, 90, 200, 100), (187, 87, 200, 100)),
    ],
)
def test_a_small_one_is_cut_to(box, wanted) -> None:
    assert crop_around(_mask(100, 200, *box)) == wanted


def test_the_mask_lies_on_the_padded_crop() -> None:
    mask = _mask(300, 900, 400, 100, 500, 200)
    found = on_photo(mask, 64, "parser", name="upper", why="the largest")
    assert found.crop == (370, 70, 530, 230) and (found.name, found.why, found.source) == (
        "upper",
        "the largest",
        "parser",
    )
    assert found.mask.shape == (64, 64)
    assert found.mask.mean() == pytest.approx((100 / 160) ** 2, abs=0.01)


def test_a_given_mask_is_cut_alike_and_must_be_of_the_photos_size() -> None:
    photo = Image.new("RGB", (900, 300))
    assert given_garment(photo, _mask(300, 900, 400, 100, 500, 200), 64).crop == (370, 70, 530, 230)
    with pytest.raises(ValueError, match="900x300"):
        given_garment(photo, _mask(900, 300, 0, 0, 9, 9), 64)
