"""Ranking by outline: of the entries that the embedding finds, those come first that also fit the photo's own outline.

The embedding knows what kind of garment it is, worn or crumpled; the outline of a garment that lies straight knows the
length of each sleeve to the pixel. A weighted sum of both is nearer to the truth than the embedding alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.images import reduce_silhouettes

DEPTH = 48
"""How many of the entries nearest by embedding are ranked by outline too."""
WEIGHT = 4.0
"""What an IoU of 1 with the outline is worth in cosine similarity; chosen on training garments, their own entries left
out."""
SIDE = 64
"""Side at which outlines are compared, pixels."""


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


def bits_overlap(outline: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """IoU of one outline with many silhouettes.

    Args:
        outline: (64,) uint64, a row of `shape_bits`.
        shapes: (M, 64) uint64, from `shape_bits`.

    Returns:
        (M,) float32 in [0, 1]; nothing overlaps with an empty outline.
    """
    common = np.bitwise_count(shapes & outline).sum(1, dtype=np.int64)
    either = np.bitwise_count(shapes | outline).sum(1, dtype=np.int64)
    return (common / np.maximum(either, 1)).astype(np.float32)


def outline_order(similarity: np.ndarray, shapes: np.ndarray, outline: torch.Tensor, *, weight: float = WEIGHT
                  ) -> np.ndarray:
    """Order the nearest entries by similarity plus `weight` times their overlap with the photo's own outline.

    Args:
        similarity: (M,) float32, cosine similarity of the entries nearest by embedding.
        shapes: (M, 64) uint64, their silhouettes as `shape_bits` packs them.
        outline: (H, W) in [0, 1], from `RAGDiffusion.photo_outline`; an empty one changes nothing.
        weight: 0 leaves the order as it is.

    Returns:
        (M,) places of the entries, best first; of equal ones the one that came first.

    Raises:
        ValueError: if the weight is negative, or the outline is no mask.
    """
    if not weight >= 0:
        raise ValueError(f"weight is {weight}, 0 or more wanted")
    if outline.ndim != 2:
        raise ValueError(f"an outline (H, W) wanted, got {tuple(outline.shape)}")
    overlap = bits_overlap(shape_bits(outline[None])[0], shapes)
    return np.argsort(-(similarity + np.float32(weight) * overlap), kind="stable")
