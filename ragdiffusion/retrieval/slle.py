"""Structure Locally Linear Embedding (Sec. 3.2) and landmark fusion (Sec. 9.3): pure functions of tensors."""

from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

# Distance, relative to the query's length, under which a neighbour counts as the query itself. It is wide
# enough for what one image's embedding varies by between batch sizes, and far below the distance of any two
# garments.
COINCIDENCE = 1e-5
RIDGE = 0.03
"""Share of the Gram matrix's trace that is added to its diagonal where Eq. 2 is solved.

With 0.001, usual for locally linear embedding, a third of the weights of rendered people's garments lie beyond
[-0.5, 1.2], up to -3.2; with this one 0.8 %, and ê comes nearer to the flat-lay's embedding (cosine 0.641 for 0.614).
The consensus is as good with either."""
SUPPORT_SHARE = 0.98
"""Weight of what ranking knows of the shape in the choice of the consensus, in [0, 1]; 0 is Sec. 9.3 as it stands.

Chosen on rendered people, 150 garments: the consensus has an IoU of 0.859 with the true silhouette (0.857 with 0.9),
the first candidate 0.856, and the consensus of Sec. 9.3 0.851."""


@dataclass(frozen=True, eq=False)
class LandmarkFusion:
    """What K weighted silhouettes agree on.

    Attributes:
        interpolation: (H, W) float in [0, 1], the weighted sum of the silhouettes, clipped.
        iou: (K,) float in [0, 1], each silhouette's overlap with the interpolation, both thresholded at 0.5.
        score: (K,) float in [0, 1], what the consensus was chosen by.
        consensus: index of the silhouette that is the landmark.
    """

    interpolation: Tensor
    iou: Tensor
    score: Tensor
    consensus: int


def barycentric_weights(query: Tensor, neighbours: Tensor, *, ridge: float = RIDGE) -> Tensor:
    """Weights that rebuild each query from its neighbours, summing to one (Eq. 2).

    Solved in closed form on the local Gram matrix, in float64, with the ridge of locally linear embedding.
    Weights may be negative. A neighbour that equals the query takes the whole weight; several such neighbours
    share it equally.

    Args:
        query: (B, D) floating point, the structure embeddings e.
        neighbours: (B, K, D), the K bank embeddings of each query.
        ridge: positive share of the Gram matrix's trace that is added to its diagonal.

    Returns:
        (B, K) weights in the query's dtype.

    Raises:
        ValueError: if shapes disagree, K is 0, a value is not finite, or ridge is not positive.
    """
    _require_embeddings(query, neighbours)
    if not (isinstance(ridge, Real) and 0 < ridge < float("inf")):
        raise ValueError(f"ridge must be a positive finite number, got {ridge!r}")
    target = query.double()
    offsets = neighbours.double() - target.unsqueeze(1)  # (B, K, D)
    gram = offsets @ offsets.mT  # (B, K, K)
    squared = gram.diagonal(dim1=-2, dim2=-1)  # (B, K)
    # Dividing by the trace instead of scaling the ridge by it gives the same weights at every scale of the
    # data.
    trace = squared.sum(dim=-1)[:, None, None]  # (B, 1, 1)
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    regular = gram / torch.where(trace > 0, trace, 1.0) + ridge * identity
    solution = torch.cholesky_solve(torch.ones_like(regular[..., :1]), torch.linalg.cholesky(regular))[..., 0]  # (B, K)
    weights = solution / solution.sum(dim=-1, keepdim=True)
    equal = squared <= COINCIDENCE**2 * target.square().sum(dim=-1, keepdim=True)  # (B, K)
    share = equal.double() / equal.sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.where(equal.any(dim=-1, keepdim=True), share, weights).to(query.dtype)


def fuse_embedding(query: Tensor, neighbours: Tensor, weights: Tensor, alpha: float) -> Tensor:
    """Mix each query with its reconstruction from the bank (Eq. 3).

    Args:
        query: (B, D) floating point, the structure embeddings e.
        neighbours: (B, K, D), the K bank embeddings of each query.
        weights: (B, K), the barycentric weights.
        alpha: share of the reconstruction in [0, 1]: 0 keeps the query, 1 keeps the reconstruction.

    Returns:
        (B, D) fused embeddings ê in the query's dtype, not normalised again.

    Raises:
        ValueError: if shapes disagree, a value is not finite, or alpha is not a number in [0, 1].
    """
    _require_embeddings(query, neighbours)
    if weights.shape != neighbours.shape[:2]:
        raise ValueError(f"weights must have shape (B, K) = {tuple(neighbours.shape[:2])}, got {tuple(weights.shape)}")
    _require_finite("weights", weights)
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha must be a number from 0 to 1, got {alpha!r}: 0.5 is the paper's value")
    reconstruction = torch.einsum("bk,bkd->bd", weights.double(), neighbours.double())  # (B, D)
    return (float(alpha) * reconstruction + (1.0 - float(alpha)) * query.double()).to(query.dtype)


def fuse_landmarks(silhouettes: Tensor, weights: Tensor, support: Tensor | None = None) -> LandmarkFusion:
    """Choose the silhouette that agrees best with the weighted mean of all (Sec. 9.3), and with the photo.

    The interpolation is what people look at; the chosen silhouette, whose edges are a real garment's, is what
    the model is given. The barycentric weights come from the embedding alone. What was seen of the garment's shape
    beside it, and ranked the entries, has its say in `support`: the score is `SUPPORT_SHARE` of it and for the rest
    the overlap with the interpolation. Sec. 9.3 has that overlap alone, as it is here without `support`. Equal scores,
    and an interpolation that is nowhere above 0.5, are decided by the larger weight.

    Args:
        silhouettes: (K, H, W) floating point in [0, 1].
        weights: (K,) barycentric weights; they may be negative.
        support: (K,) in [0, 1], how well each fits what the photo shows of the shape; None: nothing is known.

    Returns:
        The clipped interpolation, the K overlaps and scores, and the index of the consensus.

    Raises:
        ValueError: if shapes disagree, K is 0, or a value is not finite or outside [0, 1].
    """
    if silhouettes.ndim != 3 or 0 in silhouettes.shape or not silhouettes.is_floating_point():
        raise ValueError(
            f"silhouettes must be floating point (K, H, W), got {silhouettes.dtype} {tuple(silhouettes.shape)}"
        )
    if weights.shape != silhouettes.shape[:1]:
        raise ValueError(f"weights must have shape (K,) = ({len(silhouettes)},), got {tuple(weights.shape)}")
    _require_finite("weights", weights)
    lowest, highest = (float(bound) for bound in silhouettes.aminmax())
    if not (lowest >= 0.0 and highest <= 1.0):
        raise ValueError(f"silhouettes must lie in [0, 1], got values from {lowest:g} to {highest:g}")
    interpolation = torch.einsum("k,khw->hw", weights.to(silhouettes), silhouettes).clamp(0.0, 1.0)
    mean_shape = interpolation > 0.5
    shapes = silhouettes > 0.5
    intersection = (shapes & mean_shape).sum(dim=(1, 2))  # (K,)
    union = (shapes | mean_shape).sum(dim=(1, 2))  # (K,)
    iou = intersection.to(silhouettes.dtype) / union.clamp(min=1)
    score = iou
    if support is not None:
        if support.shape != weights.shape:
            raise ValueError(f"support must have shape (K,) = ({len(silhouettes)},), got {tuple(support.shape)}")
        _require_finite("support", support)
        score = (1 - SUPPORT_SHARE) * iou + SUPPORT_SHARE * support.to(iou)
    best = torch.where(score == score.max(), weights, -torch.inf)
    return LandmarkFusion(interpolation, iou, score, int(best.argmax()))


def _require_embeddings(query: Tensor, neighbours: Tensor) -> None:
    if query.ndim != 2 or not query.is_floating_point():
        raise ValueError(f"query must be floating point (B, D), got {query.dtype} {tuple(query.shape)}")
    batch, width = query.shape
    if neighbours.ndim != 3 or neighbours.shape[0] != batch or neighbours.shape[2] != width or not neighbours.shape[1]:
        raise ValueError(
            f"neighbours must have shape (B, K, D) = ({batch}, K >= 1, {width}), got {tuple(neighbours.shape)}"
        )
    _require_finite("query", query)
    _require_finite("neighbours", neighbours)


def _require_finite(name: str, values: Tensor) -> None:
    if not bool(values.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinite values: encode the photo or the bank again")
