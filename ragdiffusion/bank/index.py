"""Nearest neighbours by cosine similarity: a FAISS index that is derived from a bank and never saved."""

from collections.abc import Sequence

import faiss
import numpy as np

# How far FAISS's float32 similarities of unit vectors may be from the exact ones; closer hits are ranked
# again.
_SIMILARITY_ERROR = 1e-5


class VectorIndex:
    """Exact inner-product search over unit vectors with ids; entries come and go without a rebuild.

    Args:
        dimension: length D of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self._faiss = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry_id: int) -> bool:
        return entry_id in self._ids

    def put(self, ids: Sequence[int], vectors: np.ndarray) -> None:
        """Adds vectors, replacing those whose id is present.

        Args:
            ids: N ids, each once.
            vectors: [N, D] float32 of unit length.
        """
        self.remove(ids)
        if ids:
            self._faiss.add_with_ids(np.ascontiguousarray(vectors), np.asarray(ids, dtype=np.int64))
            self._ids.update(ids)

    def remove(self, ids: Sequence[int]) -> None:
        """Takes vectors out; ids that are not in the index are ignored."""
        present = self._ids.intersection(ids)
        if present:
            self._faiss.remove_ids(np.fromiter(present, dtype=np.int64))
            self._ids -= present

    def vectors(self) -> tuple[list[int], np.ndarray]:
        """All ids in ascending order and their vectors [N, D] float32."""
        ids = sorted(self._ids)
        return ids, self._faiss.reconstruct_batch(np.asarray(ids, dtype=np.int64))

    def search(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The k nearest vectors, most similar first; of equally similar ones the lower id first.

        Args:
            query: [D] float32 of unit length.
            k: number of hits wanted, from 1 to the size of the index.

        Returns:
            ids [k] int64, similarities [k] float64, vectors [k, D] float32.
        """
        asked = min(k + 8, len(self))
        similarity, ids = self._faiss.search(query[None], asked)
        # As long as the last hit ties with the k-th, FAISS may have left out a tie of a lower id.
        while asked < len(self) and similarity[0, -1] >= similarity[0, k - 1] - _SIMILARITY_ERROR:
            asked = min(2 * asked, len(self))
            similarity, ids = self._faiss.search(query[None], asked)
        vectors = self._faiss.reconstruct_batch(ids[0])  # [asked, D]
        # Row sums give equal vectors equal similarities, which a matrix product does not promise.
        exact = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((ids[0], -exact))[:k]
        return ids[0][order], exact[order], vectors[order]
