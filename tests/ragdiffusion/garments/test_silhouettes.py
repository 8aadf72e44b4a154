"""Silhouettes from plain ground: exact where they can be, refused where they can't."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ragdiffusion.garments.silhouettes import find_silhouette

SIZE = 256


def _shirt() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    right = [(25, 30), (50, 36), (100, 110), (80, 128), (55, 90), (52, 210)]
    outline = [(128 + x, y) for x, y in right] + [(128 - x, y) for x, y in reversed(right)]
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 255)
    return cv2.GaussianBlur(mask, (0, 0), 0.7)


def _lay(mask: np.ndarray, colour: np.ndarray | float, ground: np.ndarray | float = 255.0) -> np.ndarray:
    weight = mask[..., None] / 255.0
    image = np.broadcast_to(colour, (SIZE, SIZE, 3)) * weight + np.broadcast_to(ground, (SIZE, SIZE, 3)) * (1 - weight)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return np.array(Image.open(buffer).convert("RGB"))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a > 127, b > 127
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    "colour", [(30.0, 40.0, 90.0), (200.0, 30.0, 40.0), (236.0, 236.0, 233.0)], ids=["dark", "red", "white"]
)
def test_a_garment_on_white_is_found_exactly(colour):
    found = find_silhouette(_lay(_shirt(), np.array(colour)), "a.jpg")
    assert found.dtype == np.uint8 and _iou(found, _shirt()) > 0.98


def test_soft_light_and_grain_on_the_ground_do_no_harm():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    ground = 235 * (1 - 0.06 * (x**2 + y**2) + 0.04 * x)[..., None] + rng.normal(size=(SIZE, SIZE, 3)) * 2
    assert _iou(find_silhouette(_lay(_shirt(), 90.0, ground), "a.jpg"), _shirt()) > 0.97


def test_a_print_as_white_as_the_ground_within_the_garment_stays_garment():
    image = _lay(_shirt(), 120.0)
    image[120:150, 110:146] = 255
    assert _iou(find_silhouette(image, "a.jpg"), _shirt()) > 0.98


def test_a_gap_in_a_faint_outline_is_closed():
    mask = _shirt()
    image = _lay(mask, 240.0)
    image[150:154] = 255  # a blown-out stripe right through it
    assert _iou(find_silhouette(image, "a.jpg"), mask) > 0.96


def test_ground_enclosed_by_the_straps_of_a_strong_garment_is_cut_out():
    mask = _shirt()
    mask[34:70, 115:141] = 0
    found = find_silhouette(_lay(mask, 40.0), "a.jpg")
    assert found[55, 128] == 0 and found[100, 128] == 255


def test_what_can_not_be_found_is_refused_by_name():
    rng = np.random.default_rng(0)
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    with pytest.raises(ValueError, match=r"white\.jpg: no garment stands out .*white on white.*give a mask"):
        find_silhouette(white, "white.jpg")
    noise = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"rug\.jpg: the ground is not plain"):
        find_silhouette(noise, "rug.jpg")
    cut = _lay(_shirt(), 60.0)[90:200, 60:196]
    with pytest.raises(ValueError, match=r"cut\.jpg: the garment (is cut by the frame|leaves no ground)|not plain"):
        find_silhouette(cut, "cut.jpg")


def test_half_a_white_garment_is_refused_and_not_returned():
    image = _lay(_shirt(), 240.0)
    rng = np.random.default_rng(1)
    for _ in range(40):  # patches as light as the ground, many at the outline
        x, y = rng.integers(40, 200, 2)
        cv2.circle(image, (int(x), int(y)), 13, (255, 255, 255), -1)
    with pytest.raises(ValueError, match="white on white|as light as the ground|too faint"):
        find_silhouette(image, "a.jpg")
