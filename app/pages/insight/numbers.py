"""The numbers of the Insight page: a histogram, and how far the guide hangs on K and α."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.retrieval.slle import barycentric_weights, fuse_embedding


def histogram(values: np.ndarray, *, bins: int) -> tuple[list[int], float, float]:
    """Return how often values fall into equal steps between the smallest and the largest.

    Returns:
        The counts, and the outer edges of the first and last step.
    """
    counts, edges = np.histogram(values, bins=bins)
    return counts.tolist(), float(edges[0]), float(edges[-1])


def landmark_by_k(guide: StructureGuide, *, most: int) -> list[dict[str, Any]]:
    """Tell for K from 1 to `most` which candidate the consensus is, and its overlap with the landmark in use.

    Returns:
        `k`, `choice` (index of the candidate), `id` and `iou` of each.
    """
    present = guide.landmark > 0.5
    rows = []
    for k in range(1, min(most, len(guide.neighbours.ids)) + 1):
        consensus = guide.retune(k=k).consensus
        other = guide.neighbours.silhouettes[consensus] > 0.5
        union = int((present | other).sum())
        iou = int((present & other).sum()) / union if union else 0.0
        rows.append({"k": k, "choice": consensus, "id": int(guide.neighbours.ids[consensus]), "iou": iou})
    return rows


def likeness_by_alpha(guide: StructureGuide, alphas: Sequence[float]) -> list[float]:
    """Return the cosine of e and ê for shares of the bank, at the guide's own K (Eq. 3)."""
    query, nearest = guide.query[None], guide.neighbours.embeddings[None, : guide.k]
    weights = barycentric_weights(query, nearest)
    fused = torch.cat([fuse_embedding(query, nearest, weights, alpha) for alpha in alphas])
    return torch.nn.functional.cosine_similarity(query.double(), fused.double()).tolist()
