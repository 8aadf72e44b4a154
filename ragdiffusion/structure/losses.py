"""The contrastive loss of StructureNet (Eq. 1)."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def info_nce(
    photos: torch.Tensor,
    standards: torch.Tensor,
    temperature: torch.Tensor | float,
    targets: torch.Tensor | None = None,
) -> torch.Tensor:
    """InfoNCE over a batch of pairs (Eq. 1).

    Args:
        photos: (N, D) embeddings e_itw; normalised here.
        standards: (N, D) embeddings e_std; row i is the positive of photo i.
        temperature: τ > 0.
        targets: (N, N), rows that sum to 1: how much of photo i's positive each standard is. Eq. 1 is the identity,
            which is taken when none are given; `shape_targets` spares standards of nearly the same shape.

    Returns:
        The mean loss, a scalar.

    Raises:
        ValueError: if the two sides are of different shape.
    """
    if photos.shape != standards.shape:
        raise ValueError(f"photos {tuple(photos.shape)} and standards {tuple(standards.shape)} must be of one shape")
    similarity = F.normalize(photos, dim=-1) @ F.normalize(standards, dim=-1).T / temperature  # (N, N)
    return F.cross_entropy(similarity, torch.arange(len(photos), device=photos.device) if targets is None else targets)


def pairwise_iou(silhouettes: torch.Tensor) -> torch.Tensor:
    """Soft IoU of every silhouette with every other: (N, ...) in [0, 1] -> (N, N).

    The intersection is the product's sum, exact for binary masks; an empty pair counts as 0.
    """
    flat = silhouettes.flatten(1).float()
    common = flat @ flat.T
    area = flat.square().sum(1)
    return common / (area[:, None] + area[None] - common).clamp(min=1e-6)


def shape_targets(silhouettes: torch.Tensor, *, share: float = 0.5, temperature: float = 0.05) -> torch.Tensor:
    """Targets for `info_nce` that rank the batch by shape: its nearest neighbours should be the alike ones.

    Args:
        silhouettes: (N, H, W) in [0, 1], in the canonical frame.
        share: how much of each row is spread by shape; the rest stays on the photo's own standard.
        temperature: difference of IoU that is worth a factor e.

    Returns:
        (N, N), rows sum to 1.
    """
    spread = (pairwise_iou(silhouettes) / temperature).softmax(1)
    return (1 - share) * torch.eye(len(spread), device=spread.device) + share * spread
