"""Gaps in sums of samples, closed from coarser levels."""

from __future__ import annotations

import cv2
import numpy as np

_SMALLEST = 4  # side of the coarsest level from which gaps are closed, pixels


def filled(sums: np.ndarray) -> np.ndarray:
    """Means of sums (N, N, 3), from the nearest level of a pyramid that knows any: float32 (N, N, 2)."""
    levels = [sums]
    while levels[-1].shape[0] > _SMALLEST:
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    total = levels[-1].sum((0, 1))
    filled = np.tile((total[:2] / max(total[2], 1e-6)).astype(np.float32), (*levels[-1].shape[:2], 1))
    for level in reversed(levels):
        wide = cv2.resize(filled, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        weight = level[..., 2:]
        own = level[..., :2] / np.maximum(weight, 1e-6)
        trust = np.clip(weight / 0.02, 0, 1)
        filled = own * trust + wide * (1 - trust)
    return filled
