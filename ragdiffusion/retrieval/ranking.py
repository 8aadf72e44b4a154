"""Ranking by shape: of the entries that the embedding finds, those come first that also fit what the photo shows.

The embedding knows what kind of garment it is. The garment's own outline knows the length of each sleeve to the pixel,
if it lies straight. And SilhouetteNet says what outline a worn, turned or half hidden one would have. Each is evidence;
a weighted sum is nearer to the truth than the embedding alone. Of two that fit alike, the more symmetric one is the
better standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ragdiffusion.bank.shape_bits import bits_overlap, mirror_symmetry, shape_bits

RANKED_DEPTH = 4096
"""How many of the entries nearest by embedding are ranked by shape too."""


@dataclass(frozen=True)
class EvidenceWeights:
    """What an IoU of 1 with each kind of evidence is worth in cosine similarity.

    Attributes:
        outline: the garment's own outline in the photo.
        expected: the silhouette that SilhouetteNet draws.
    """

    outline: float
    expected: float


LAID_WEIGHTS = EvidenceWeights(outline=2.0, expected=8.0)
"""For a garment that nobody wears; chosen on training garments, their own entries left out, and on drawn ones."""
WORN_WEIGHTS = EvidenceWeights(outline=0.0, expected=16.0)
"""For one that somebody wears, whose own outline is the body's; chosen on rendered people."""
SYMMETRY_WEIGHT = 3.0
"""What an IoU of 1 with its own mirror image is worth. It costs 0.002 of IoU with flat-lays that lie as people lay
them, and makes the first entry's IoU with its mirror image 0.985 instead of 0.967."""


def shape_order(
    similarity: np.ndarray,
    shapes: np.ndarray,
    evidence: Sequence[tuple[torch.Tensor, float]],
    *,
    symmetry_weight: float = 0.0,
) -> np.ndarray:
    """Order the nearest entries by similarity plus their overlap with what is known of the garment's shape.

    Args:
        similarity: (M,) float32, cosine similarity of the entries nearest by embedding.
        shapes: (M, 64) uint64, their silhouettes as `shape_bits` packs them.
        evidence: masks, (H, W) in [0, 1] in the canonical frame, each with the weight of its overlap; an empty mask
            and a weight of 0 change nothing.
        symmetry_weight: weight of the entries' own mirror symmetry, 0 or more.

    Returns:
        (M,) positions of the entries, best first; of equal ones the one that came first.

    Raises:
        ValueError: if a weight is negative, or a mask is none.
    """
    if not symmetry_weight >= 0:
        raise ValueError(f"symmetry_weight is {symmetry_weight}, 0 or more wanted")
    score = similarity.astype(np.float32) + np.float32(symmetry_weight) * mirror_symmetry(shapes)
    for mask, weight in evidence:
        if not weight >= 0:
            raise ValueError(f"weight is {weight}, 0 or more wanted")
        if mask.ndim != 2:
            raise ValueError(f"a mask (H, W) wanted, got {tuple(mask.shape)}")
        score = score + np.float32(weight) * bits_overlap(shape_bits(mask[None])[0], shapes)
    return np.argsort(-score, kind="stable")
