"""The contrastive loss of StructureNet (Eq. 1)."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def info_nce(photos: torch.Tensor, standards: torch.Tensor, temperature: torch.Tensor | float,
             same_structure: torch.Tensor | None = None) -> torch.Tensor:
    """InfoNCE over a batch of pairs (Eq. 1).

    Args:
        photos: (N, D) embeddings e_itw; normalised here.
        standards: (N, D) embeddings e_std; row i is the positive of photo i.
        temperature: τ > 0.
        same_structure: (N, N) bool; True where photo i and standard j share a structure although i != j. Such
            pairs are neither positive nor negative: they are left out of the sum.

    Returns:
        The mean loss, a scalar.

    Raises:
        ValueError: if the two sides are of different shape.
    """
    if photos.shape != standards.shape:
        raise ValueError(f"photos {tuple(photos.shape)} and standards {tuple(standards.shape)} must be of one shape")
    similarity = F.normalize(photos, dim=-1) @ F.normalize(standards, dim=-1).T / temperature  # (N, N)
    if same_structure is not None:
        own = torch.eye(len(photos), dtype=torch.bool, device=photos.device)
        similarity = similarity.masked_fill(same_structure & ~own, float("-inf"))
    return F.cross_entropy(similarity, torch.arange(len(photos), device=photos.device))
