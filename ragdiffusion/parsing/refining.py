"""Edges at the photo's own size: the fast guided filter (He and Sun, 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

_RADIUS = 3  # pixels of the small picture
_SMOOTH = 4e-4  # variance of colour in [0, 1] below which a patch counts as flat


def guided(coarse: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Upsample a plane so that its edges follow those of a picture.

    Within each small patch the plane is taken as linear in the picture's colour; the coefficients are found at the
    plane's size and applied at the picture's.

    Args:
        coarse: float32 (h, w) in [0, 1].
        guide: uint8 (H, W, 3), the picture that the plane belongs to, at least as large.

    Returns:
        float32 (H, W) in [0, 1].
    """
    h, w = coarse.shape
    small = cv2.resize(guide, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    slope, offset = _linear(coarse, small)
    height, width = guide.shape[:2]
    up = lambda plane: cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)  # noqa: E731
    fine = up(offset)
    for plane, colour in zip(cv2.split(slope / np.float32(255)), cv2.split(guide), strict=True):
        fine = fine + up(plane) * colour
    return np.clip(fine, 0, 1)


def _linear(plane: np.ndarray, guide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope (h, w, 3) and offset (h, w) of the plane over the guide's colours, averaged over patches."""
    box = lambda x: cv2.blur(x, (2 * _RADIUS + 1,) * 2)  # noqa: E731
    means, mean_plane, colours = cv2.split(box(guide)), box(plane), cv2.split(guide)
    spread = {
        (i, j): box(colours[i] * colours[j]) - means[i] * means[j] + np.float32(_SMOOTH if i == j else 0)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    }
    together = [box(colour * plane) - mean * mean_plane for colour, mean in zip(colours, means, strict=True)]
    slopes = _solved(spread, together)
    offset = mean_plane - sum(slope * mean for slope, mean in zip(slopes, means, strict=True))
    return box(cv2.merge(slopes)), box(offset)


def _solved(matrix: Mapping[tuple[int, int], np.ndarray], right: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Solve a symmetric, positive system of three equations at each pixel, by Cholesky's way without roots.

    Args:
        matrix: its upper half, (row, column) to a plane (h, w).
        right: the right side, three planes.

    Returns:
        The unknowns, three planes.
    """
    a, b, c = (matrix[0, column] for column in range(3))
    first, second = b / a, c / a
    d, e = matrix[1, 1] - first * b, matrix[1, 2] - first * c
    third = e / d
    f = matrix[2, 2] - second * c - third * e
    y = right[1] - first * right[0]
    z = (right[2] - second * right[0] - third * y) / f
    y = y / d - third * z
    return [right[0] / a - first * y - second * z, y, z]


def firm(plane: np.ndarray) -> np.ndarray:
    """Soft probabilities to coverage: what is likelier than not is whole but for a narrow rim; in [0, 1]."""
    return np.clip((plane - 0.5) * 2.5 + 0.5, 0, 1)
