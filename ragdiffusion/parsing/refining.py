"""Edges at the photo's own size: the fast guided filter (He and Sun, 2015)."""

from __future__ import annotations

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
    fine = np.einsum("hwc,hwc->hw", up(slope), guide.astype(np.float32) / 255) + up(offset)
    return np.clip(fine, 0, 1)


def _linear(plane: np.ndarray, guide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope (h, w, 3) and offset (h, w) of the plane over the guide's colours, averaged over patches."""
    box = lambda x: cv2.blur(x, (2 * _RADIUS + 1,) * 2)  # noqa: E731
    mean_guide, mean_plane = box(guide), box(plane)
    outer = (guide[..., :, None] * guide[..., None, :]).reshape(*plane.shape, 9)
    spread = np.concatenate([box(np.ascontiguousarray(outer[..., i : i + 3])) for i in (0, 3, 6)], -1)
    spread = spread.reshape(*plane.shape, 3, 3) - mean_guide[..., :, None] * mean_guide[..., None, :]
    together = box(guide * plane[..., None]) - mean_guide * mean_plane[..., None]
    slope = np.linalg.solve(spread + _SMOOTH * np.eye(3, dtype=np.float32), together[..., None])[..., 0]
    offset = mean_plane - (slope * mean_guide).sum(-1)
    return box(slope.astype(np.float32)), box(offset.astype(np.float32))


def firm(plane: np.ndarray) -> np.ndarray:
    """Soft probabilities to coverage: what is likelier than not is whole but for a narrow rim; in [0, 1]."""
    return np.clip((plane - 0.5) * 2.5 + 0.5, 0, 1)
