"""Candidates among very many vectors: product-quantised codes, scanned in place of the vectors themselves."""

from __future__ import annotations

import faiss
import numpy as np

RECALL_AT = 4  # neighbours that a photo's guide is made from
_DIMENSIONS_PER_CODE = 2  # of 4 bits: two bits a dimension, a 16th of float32
_TRAINING = 30_000
CANDIDATES = (128, 256, 512, 1024, 2048, 4096, 8192, 16384)  # from 1024 on, ranking them takes longer than the scan


class CoarseScan:
    """Which vectors may be nearest, read off 4-bit product-quantised codes held in registers (FAISS fast scan).

    Vectors are known by their place. On vectors without any structure a graph or inverted lists have to visit most
    of them; codes of two bits a dimension are scanned whole, and what they cost in precision the candidates' own
    vectors make good. One thread reads them as fast as memory gives them, so shards would gain nothing.

    Args:
        vectors: (N, D) float32 of unit length; D a multiple of 2.
        seed: of the sample that the codes are learnt on.
    """

    def __init__(self, vectors: np.ndarray, *, seed: int = 0) -> None:
        count, dimension = vectors.shape
        chosen = np.random.default_rng(seed).choice(count, min(count, _TRAINING), replace=False)
        codes = f"PQ{dimension // _DIMENSIONS_PER_CODE}x4fs"
        self._codes = faiss.index_factory(dimension, codes, faiss.METRIC_INNER_PRODUCT)
        self._codes.train(np.ascontiguousarray(vectors[np.sort(chosen)]))
        self._codes.add(vectors)
        self.count = count
        self.memory_bytes = count * dimension // _DIMENSIONS_PER_CODE // 2

    @staticmethod
    def serves(dimension: int) -> bool:
        """Whether vectors of this length can be coded."""
        return dimension % _DIMENSIONS_PER_CODE == 0

    def candidates(self, query: np.ndarray, count: int) -> np.ndarray:
        """Places of the vectors whose codes are most similar to a query (D,): at most `count`, in no order."""
        _, positions = self._codes.search(query[None], min(count, self.count))
        return positions[0][positions[0] >= 0]

    def enough(self, vectors: np.ndarray, recall: float, *, queries: int = 96, seed: int = 1) -> int | None:
        """How many candidates find the true neighbours often enough.

        Half of the queries are vectors of the index, each searched among all the others; half lie between two of
        them, as what is alike to neither. Both halves must reach the recall.

        Args:
            vectors: (N, D), those that were coded.
            recall: share of the `RECALL_AT` nearest that must be among the candidates.
            queries: size of the sample.
            seed: of the sample.

        Returns:
            The least of `CANDIDATES` that reaches the recall; None if none does.
        """
        rng = np.random.default_rng(seed)
        own, other = (rng.choice(len(vectors), min(queries // 2, len(vectors)), replace=False) for _ in range(2))
        middle = vectors[own] + vectors[other]
        middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-6)
        sample = np.concatenate([vectors[own], middle])
        _, nearest = faiss.knn(sample, vectors, RECALL_AT + 2, faiss.METRIC_INNER_PRODUCT)
        # What a query was made of is no neighbour to find.
        made_of = np.concatenate([np.stack([own, own], 1), np.stack([own, other], 1)])
        truth = [
            [place for place in row if place not in parts][:RECALL_AT]
            for row, parts in zip(nearest.tolist(), made_of.tolist(), strict=True)
        ]
        for wanted in CANDIDATES:
            found = [
                np.isin(row, self.candidates(query, wanted)).mean() for query, row in zip(sample, truth, strict=True)
            ]
            if min(np.mean(found[: len(own)]), np.mean(found[len(own) :])) >= recall:
                return wanted
        return None
