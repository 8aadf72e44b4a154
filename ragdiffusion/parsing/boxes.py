"""A box drawn around what the parser does not know: the garment in it, cut out by colour (GrabCut)."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.parse import Instance, Parse, likeliest_garment

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels of the photo."""
_SIDE = 320  # longer side at which colours are told apart, pixels
_AROUND = 0.25  # of the box's longer side, around it, that shows what the ground is like
_ROUNDS = 4
_LEAST = 0.02  # of the box: less is nothing


def garment_in_box(photo: Image.Image, parse: Parse, box: Box) -> Instance:
    """Cut out what a box holds that its surroundings have not.

    Args:
        photo: RGB.
        parse: of the photo; it says what the garment may be called.
        box: drawn around the garment.

    Returns:
        The garment, named as the parse would name what lies there, with confidence 0.5: a person said that it is one.

    Raises:
        ValueError: if the box is empty or leaves the photo.
        NoGarmentError: if nothing in it stands out.
    """
    width, height = photo.size
    left, top, right, bottom = (round(edge) for edge in box)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(
            f"box {box} is empty or leaves the photo, which is {width} x {height} pixels: give (left, "
            "top, right, bottom) within it"
        )
    margin = round(_AROUND * max(right - left, bottom - top)) + 2
    x0, y0, x1, y1 = (
        max(0, left - margin),
        max(0, top - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )
    around = np.asarray(photo)[y0:y1, x0:x1]
    seen = _cut_by_colour(around, (left - x0, top - y0, right - x0, bottom - y0))
    alpha = np.zeros((height, width), np.uint8)
    alpha[y0:y1, x0:x1] = seen
    inside = alpha[top:bottom, left:right]
    x, y, w, h = cv2.boundingRect((inside > 127).astype(np.uint8))
    if (inside > 127).mean() < _LEAST:
        raise NoGarmentError("nothing in the box stands out from what is around it: mark the garment with the brush")
    name = likeliest_garment(parse, alpha > 127)
    found = (left + x, top + y, left + x + w, top + y + h)
    return Instance(name, found, inside[y : y + h, x : x + w].copy(), photo.size, 0.5)


def _cut_by_colour(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Coverage uint8 (H, W) of what is in the box and unlike what is around it."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    state = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    state[top:bottom, left:right] = cv2.GC_PR_FGD
    if not (state == cv2.GC_BGD).any():  # the box is the whole photo: its rim is taken for ground
        state[[0, -1]], state[:, [0, -1]] = cv2.GC_BGD, cv2.GC_BGD
    if not (state == cv2.GC_PR_FGD).any():
        return np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(small[..., ::-1]),
        state,
        None,
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        _ROUNDS,
        cv2.GC_INIT_WITH_MASK,
    )
    garment = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    return cv2.resize(cv2.GaussianBlur(garment, (3, 3), 0), (width, height), interpolation=cv2.INTER_LINEAR)
