"""Ranking by shape: of the entries that the embedding finds, those come first that also fit what the photo shows.

The embedding knows what kind of garment it is. The garment's own outline knows the length of each sleeve to the pixel,
if it lies straight. And SilhouetteNet says what outline a worn, turned or half hidden one would have. Each is evidence;
a weighted sum is nearer to the truth than the embedding alone. Of two that fit alike, the more even one is the better
standard.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.images import reduce_silhouettes

DEPTH = 1024
"""How many of the entries nearest by embedding are ranked by shape too."""
OUTLINE_WEIGHT = 2.0
"""What an IoU of 1 with the photo's own outline is worth in cosine similarity; this and the next one were chosen on
training garments, their own entries left out, and on drawn ones."""
EXPECTED_WEIGHT = 8.0
"""What an IoU of 1 with SilhouetteNet's silhouette is worth."""
EVENNESS_WEIGHT = 3.0
"""What an IoU of 1 with its own mirror image is worth. It costs 0.002 of IoU with flat-lays that lie as people lay
them, and makes the first entry's IoU with its mirror image 0.985 instead of 0.967."""
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


def evenness(shapes: np.ndarray) -> np.ndarray:
    """IoU of silhouettes with their own mirror images.

    Args:
        shapes: (M, 64) uint64, from `shape_bits`.

    Returns:
        (M,) float32 in [0, 1]; 0 for empty ones.
    """
    rows = shapes.view(np.uint8).reshape(len(shapes), SIDE, SIDE // 8)
    mirrored = _REVERSED[rows[:, :, ::-1]].reshape(len(shapes), -1).view(np.uint64)
    return _iou(shapes, mirrored)


def shape_order(similarity: np.ndarray, shapes: np.ndarray, evidence: Sequence[tuple[torch.Tensor, float]], *,
                even: float = 0.0) -> np.ndarray:
    """Order the nearest entries by similarity plus their overlap with what is known of the garment's shape.

    Args:
        similarity: (M,) float32, cosine similarity of the entries nearest by embedding.
        shapes: (M, 64) uint64, their silhouettes as `shape_bits` packs them.
        evidence: masks, (H, W) in [0, 1] in the canonical frame, each with the weight of its overlap; an empty mask
            and a weight of 0 change nothing.
        even: weight of the entries' own evenness, 0 or more.

    Returns:
        (M,) places of the entries, best first; of equal ones the one that came first.

    Raises:
        ValueError: if a weight is negative, or a mask is none.
    """
    if not even >= 0:
        raise ValueError(f"even is {even}, 0 or more wanted")
    score = similarity.astype(np.float32) + np.float32(even) * evenness(shapes)
    for mask, weight in evidence:
        if not weight >= 0:
            raise ValueError(f"weight is {weight}, 0 or more wanted")
        if mask.ndim != 2:
            raise ValueError(f"a mask (H, W) wanted, got {tuple(mask.shape)}")
        score = score + np.float32(weight) * bits_overlap(shape_bits(mask[None])[0], shapes)
    return np.argsort(-score, kind="stable")
