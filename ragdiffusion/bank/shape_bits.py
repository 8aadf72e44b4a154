"""Silhouettes as 64 x 64 bits: small enough to keep and compare those of a whole bank in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.images import reduce_silhouettes

SIDE = 64
"""Side at which outlines are compared, pixels."""
_REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1], axis=1)[:, 0]


def shape_bits(masks: torch.Tensor) -> np.ndarray:
    """Pack silhouettes small enough to keep those of a whole bank in memory: half a kilobyte each.

    Args:
        masks: (M, H, W) in [0, 1], in the canonical frame, of any size.

    Returns:
        (M, 64) uint64: one bit per pixel at `SIDE`, above 0.5 is garment.

    Raises:
        ValueError: if the shape or a value is not as described.
    """
    if masks.ndim != 3:
        raise ValueError(f"masks (M, H, W) wanted, got {tuple(masks.shape)}")
    if not bool(((masks >= 0) & (masks <= 1)).all()):
        raise ValueError("masks must lie in [0, 1] and hold no NaN: give outlines or silhouettes")
    return _packed((F.interpolate(masks[:, None].float().cpu(), size=(SIDE, SIDE), mode="area")[:, 0] > 0.5).numpy())


def stored_shape_bits(silhouettes: Sequence[bytes]) -> np.ndarray:
    """`shape_bits` of silhouettes as a bank stores them: (M, 64) uint64."""
    return _packed(reduce_silhouettes(silhouettes, SIDE))


def pixel_shape_bits(mask: np.ndarray) -> np.ndarray:
    """`shape_bits` of one silhouette of whole pixels: (1, 64) uint64.

    Args:
        mask: uint8 (512, 512) in {0, 1}.
    """
    eights = np.bitwise_count(np.packbits(mask, axis=1))  # of garment among eight pixels of a row
    return _packed((eights.reshape(SIDE, 8, SIDE).sum(1) > 32)[None])


def _packed(small: np.ndarray) -> np.ndarray:
    return np.packbits(small.reshape(len(small), SIDE**2), axis=1).view(np.uint64)


def _iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    common = np.bitwise_count(one & other).sum(1, dtype=np.int64)
    either = np.bitwise_count(one | other).sum(1, dtype=np.int64)
    return (common / np.maximum(either, 1)).astype(np.float32)


def bits_overlap(outline: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """IoU of one outline with many silhouettes.

    Args:
        outline: (64,) uint64, a row of `shape_bits`.
        shapes: (M, 64) uint64, from `shape_bits`.

    Returns:
        (M,) float32 in [0, 1]; nothing overlaps with an empty outline.
    """
    return _iou(shapes, outline)


def mirror_symmetry(shapes: np.ndarray) -> np.ndarray:
    """IoU of silhouettes with their own mirror images.

    Args:
        shapes: (M, 64) uint64, from `shape_bits`.

    Returns:
        (M,) float32 in [0, 1]; 0 for empty ones.
    """
    rows = shapes.view(np.uint8).reshape(len(shapes), SIDE, SIDE // 8)
    mirrored = _REVERSED[rows[:, :, ::-1]].reshape(len(shapes), -1).view(np.uint64)
    return _iou(shapes, mirrored)
