"""Whether something is there to be seen: a network may name what lies on an empty picture too."""

from __future__ import annotations

import cv2
import numpy as np

_LEAST = 3.0  # of 255: the faintest of 34 garments of training photos had 32
_GAP, _RING = 5, 13  # pixels between a region and the ring around it, and to that ring's end: sides of the kernels


def stands_out(region: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a region differs from what is around it, or holds any difference itself.

    Args:
        region: bool (h, w).
        picture: uint8 (h, w, 3).
    """
    if not region.any():
        return False
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1)
    inside = smooth[region]  # (N, 3)
    if inside.std(0).max() >= _LEAST:
        return True
    grown = [cv2.dilate(region.astype(np.uint8), np.ones((side, side), np.uint8)) > 0 for side in (_GAP, _RING)]
    ring = grown[1] & ~grown[0]
    return bool(ring.any()) and bool(np.abs(inside.mean(0) - smooth[ring].mean(0)).max() >= _LEAST)
