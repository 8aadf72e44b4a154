"""Which flat-lays a bank keeps (9.4): category balance, DBSCAN against noise, random thinning of dense regions.

Before that, where many fits stand for one kind of garment, those come first that stand for most (`covering_order`).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

MIN_NEIGHBOURS = 4
"""DBSCAN's minimum: other garments within reach that make a flat-lay a core."""
NOISE_SHARE = 0.02
"""Share of flat-lays whose neighbours are too far to be cores, by which DBSCAN's radius is found."""
THINNING = 0.5
"""Power of a flat-lay's density by which its chance to stay falls: 0 thins all alike, 1 evens density out."""
_BLOCK = 1024  # rows of similarities at a time


@dataclass(frozen=True)
class Clustering:
    """What DBSCAN found.

    Attributes:
        noise: bool (N,), far from every core.
        cluster: int (N,), -1 where noise.
        similarity: least cosine similarity of neighbours, 1 - eps.
    """

    noise: np.ndarray
    cluster: np.ndarray
    similarity: float


def balanced_quotas(available: Mapping[str, int], wanted: int) -> dict[str, int]:
    """How many of each category to take: by the square root of what there is, so that rare ones are not drowned.

    Args:
        available: category -> flat-lays there are.
        wanted: in all; what a small category cannot give, the others do.

    Returns:
        Category -> quota, never above what there is; in all `wanted`, or everything.
    """
    quotas = dict.fromkeys(available, 0)
    left = min(wanted, sum(available.values()))
    while left:
        open_ = [name for name in available if quotas[name] < available[name]]
        weights = np.sqrt([available[name] for name in open_])
        shares = np.floor(left * weights / weights.sum()).astype(int)
        # Too few for a whole share each: one more for the largest.
        if not shares.any():
            shares[np.argsort(-weights, kind="stable")[:left]] = 1
        for name, share in zip(open_, shares.tolist(), strict=True):
            quotas[name] += min(share, available[name] - quotas[name])
        left = min(wanted, sum(available.values())) - sum(quotas.values())
    return quotas


def cluster(
    vectors: np.ndarray,
    garments: Sequence[str],
    *,
    min_neighbours: int = MIN_NEIGHBOURS,
    noise_share: float = NOISE_SHARE,
    similarity: float | None = None,
) -> Clustering:
    """DBSCAN by cosine similarity, where only other garments count as neighbours.

    A core has `min_neighbours` other garments within reach; cores within reach of each other are one cluster, and
    what is within reach of a core belongs to it. The rest is noise.

    Args:
        vectors: (N, D) float32 of unit length.
        garments: N names; the many shapes of one garment do not vouch for each other.
        min_neighbours: DBSCAN's minimum of neighbours, without the flat-lay itself.
        noise_share: share that may fail to be cores; the reach follows from it, since it differs between encoders.
        similarity: the reach itself; overrides `noise_share`.
    """
    points = torch.from_numpy(np.ascontiguousarray(vectors))
    _, owner = np.unique(np.asarray(garments), return_inverse=True)
    owners = torch.from_numpy(owner)
    count = len(points)
    if similarity is None:
        similarity = _reach(points, owners, min_neighbours, noise_share)
    core = torch.zeros(count, dtype=torch.bool)
    for start in range(0, count, _BLOCK):
        near = points[start : start + _BLOCK] @ points.T >= similarity
        near &= owners[start : start + _BLOCK, None] != owners[None]
        core[start : start + _BLOCK] = near.sum(1) >= min_neighbours
    label = torch.full((count,), -1, dtype=torch.long)
    clusters = 0
    for seed in range(count):
        if not core[seed] or label[seed] >= 0:
            continue
        label[seed] = clusters
        front = torch.tensor([seed])
        while len(front):  # each core is asked once for its neighbours
            open_ = torch.nonzero(label < 0)[:, 0]
            reached = torch.zeros(len(open_), dtype=torch.bool)
            for rows in front.split(_BLOCK):
                reached |= (points[rows] @ points[open_].T >= similarity).any(0)
            label[open_[reached]] = clusters
            front = open_[reached]
            front = front[core[front]]
        clusters += 1
    return Clustering(noise=(label < 0).numpy(), cluster=label.numpy(), similarity=float(similarity))


def thinning_order(
    vectors: np.ndarray, similarity: float, rng: np.random.Generator, *, strength: float = THINNING
) -> np.ndarray:
    """An order whose every beginning is a random thinning of dense regions, so that banks of all sizes nest.

    A flat-lay's chance to come early falls with the number of flat-lays within reach of it.

    Args:
        vectors: (N, D) float32 of unit length.
        similarity: least cosine similarity of what counts as alike.
        rng: source of all chance.
        strength: power of the density, 0 or more.

    Returns:
        int64 (N,), positions in `vectors`.
    """
    points = torch.from_numpy(np.ascontiguousarray(vectors))
    density = (
        torch.cat(
            [
                (points[start : start + _BLOCK] @ points.T >= similarity).sum(1)
                for start in range(0, len(points), _BLOCK)
            ]
        )
        if len(points)
        else torch.zeros(0)
    )
    # Drawing without replacement by weight is sorting by u^(1/weight).
    key = np.log(rng.random(len(points))) * density.clamp(min=1).double().numpy() ** strength
    return np.argsort(-key, kind="stable")


def covering_order(overlap: np.ndarray) -> np.ndarray:
    """An order whose every beginning stands for the whole: next is what adds most to how near all are to one taken.

    Args:
        overlap: (N, N) in [0, 1], how alike any two are, 1 on the diagonal.

    Returns:
        int64 (N,), positions. (The greedy algorithm for facility location, lazily: Minoux 1978.)
    """
    near = np.zeros(len(overlap), overlap.dtype)
    gains = [(-float(gain), place) for place, gain in enumerate(overlap.sum(1))]
    heapq.heapify(gains)
    order: list[int] = []
    while gains:
        _, place = heapq.heappop(gains)
        gain = float(np.maximum(overlap[place] - near, 0).sum())  # no more than when it was reckoned before
        if gains and gain < -gains[0][0]:
            heapq.heappush(gains, (-gain, place))
            continue
        order.append(place)
        np.maximum(near, overlap[place], out=near)
    return np.array(order, np.int64)


def nearest_kept(vectors: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Cosine similarity (N,) of each vector (N, D) with the nearest of those kept (M, D)."""
    points, kept_points = (torch.from_numpy(np.ascontiguousarray(part)) for part in (vectors, kept))
    return torch.cat(
        [(points[start : start + _BLOCK] @ kept_points.T).amax(1) for start in range(0, len(points), _BLOCK)]
    ).numpy()


def _reach(points: torch.Tensor, owners: torch.Tensor, min_neighbours: int, noise_share: float) -> float:
    """The similarity of the k-th other garment's flat-lay that all but a share of the flat-lays surpass."""
    kth = []
    for start in range(0, len(points), _BLOCK):
        near = points[start : start + _BLOCK] @ points.T
        near[owners[start : start + _BLOCK, None] == owners[None]] = -1.0
        k = min(min_neighbours, len(points))
        kth.append(near.topk(k, dim=1).values[:, -1])
    return float(np.quantile(torch.cat(kth).numpy(), noise_share, method="lower"))
