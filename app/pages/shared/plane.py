"""A plane to look at embeddings in, and the colours of categories on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ragdiffusion.attributes import UNKNOWN

MAP_SIDE = 4000  # steps along the longer side of a map
_CATEGORIES = 6
_PART = 4096  # vectors at a time


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane through a cloud of embeddings along which they differ most (PCA).

    Args:
        mean: (D,) of the cloud.
        axes: (2, D) orthonormal, the direction of largest variance first.
        share: (2,) of the variance that lies along each, in [0, 1].
    """

    mean: np.ndarray
    axes: np.ndarray
    share: np.ndarray

    def place(self, vectors: np.ndarray) -> np.ndarray:
        """Return where embeddings (N, D) lie in the plane, (N, 2)."""
        return np.concatenate([(part - self.mean) @ self.axes.T for part in _parts(vectors)])


def principal_plane(vectors: np.ndarray) -> Plane:
    """Return the principal plane of embeddings.

    The same cloud always gives the same plane: an axis points to where its largest component is positive.

    Args:
        vectors: (N, D), N at least 1, D at least 2.
    """
    mean = np.mean(vectors, axis=0, dtype=np.float64)
    # Of D x D rather than of N x D: a bank has many more entries than dimensions.
    moments = sum((part - mean).T @ (part - mean) for part in _parts(vectors))
    spread, directions = np.linalg.eigh(moments)
    axes = directions[:, :-3:-1].T  # (2, D)
    largest = axes[np.arange(2), np.abs(axes).argmax(axis=1)]
    total = spread.sum()
    share = spread[:-3:-1].clip(0) / total if total > 0 else np.zeros(2)
    return Plane(mean, axes * np.where(largest < 0, -1.0, 1.0)[:, None], share)


def _parts(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Vectors in double precision, some at a time: all of a large bank would fill the memory twice over."""
    for start in range(0, max(1, len(vectors)), _PART):
        yield np.asarray(vectors[start : start + _PART], np.float64)


def steps_of(points: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return points (N, 2) in whole steps from their lower left corner, and how far they reach."""
    low = points.min(axis=0)
    steps = MAP_SIDE / max(float((points.max(axis=0) - low).max()), 1e-9)
    place = ((points - low) * steps).round().astype(int)
    return place, place.max(axis=0).tolist()


def categories_of(categories: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the number of each category among the most frequent ones, their count for all others, and their names."""
    known = Counter(name for name in categories if name != UNKNOWN)
    names = [name for name, _ in sorted(known.items(), key=lambda pair: (-pair[1], pair[0]))[:_CATEGORIES]]
    number = {name: index for index, name in enumerate(names)}
    return [number.get(name, len(names)) for name in categories], names
