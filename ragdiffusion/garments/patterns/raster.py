"""Silhouettes of polygons: the share of every pixel that they cover."""

from __future__ import annotations

import cv2
import numpy as np

_SUBPIXELS = 16  # fixed point positions within one sample, as a power of two for fillPoly
_LEAST_FINE = 192  # side in samples from which on four samples a pixel are enough


def coverage(polygons: list[np.ndarray], size: int) -> np.ndarray:
    """The union of polygons.

    Args:
        polygons: [N, 2] each, in pixels where pixel i covers [i, i + 1].
        size: side of the picture.

    Returns:
        uint8 [size, size], 255 where a pixel is covered whole.
    """
    factor = 4 if size * 4 >= _LEAST_FINE else 8
    fine = np.zeros((size * factor, size * factor), np.uint8)
    for polygon in polygons:
        samples = np.round((polygon * factor - 0.5) * _SUBPIXELS).astype(np.int32)
        cv2.fillPoly(fine, [samples], 255, cv2.LINE_8, 4)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
