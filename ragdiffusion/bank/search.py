"""What a search of the bank is asked for beyond an embedding, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Ranking:
    """Another order than similarity's for the nearest entries.

    Attributes:
        depth: how many of the nearest are ranked, or all there are; fewer where a bank is so large that to find so
            many would take a look at every vector.
        order: their similarities, (M,) float32 descending, and shapes, (M, 64) uint64 as `shape_bits` packs
            them -> their positions, best first.
        group: "upper", "lower" or "dress": entries that are known to be of another one come after all others; None
            where the garment's own is not known.
    """

    depth: int
    order: Callable[[np.ndarray, np.ndarray], np.ndarray]
    group: str | None = None


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The M bank entries that suit a photo best, the best first.

    By embedding alone that is the most similar first; where they were ranked by shape too, a less similar entry may
    stand before a more similar one.

    More are kept than the guide uses, so that K can change without another search.

    Attributes:
        ids: M bank ids.
        similarity: [M] cosine similarity in [-1, 1] of the embeddings; not sorted after a ranking by shape.
        embeddings: [M, D] unit-length structure embeddings.
        silhouettes: [M, H, W] float in [0, 1].
        bank_version: version of the bank at the time of the search.

    Raises:
        ValueError: if M is 0 or the parts do not all hold M entries.
    """

    ids: tuple[int, ...]
    similarity: Tensor
    embeddings: Tensor
    silhouettes: Tensor
    bank_version: str

    def __post_init__(self) -> None:
        count = len(self.ids)
        shapes = [list(part.shape) for part in (self.similarity, self.embeddings, self.silhouettes)]
        if count == 0 or [len(shape) for shape in shapes] != [1, 2, 3] or any(shape[0] != count for shape in shapes):
            raise ValueError(
                f"{count} neighbours need similarity [M], embeddings [M, D] and silhouettes [M, H, W], got {shapes}"
            )
