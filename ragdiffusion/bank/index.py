"""Nearest neighbours by cosine similarity: a FAISS index that is derived from a bank and never saved."""

import logging
from collections.abc import Sequence

import faiss
import numpy as np

from ragdiffusion.bank.coarse import CANDIDATES, CoarseScan

APPROXIMATE_ABOVE = 100_000
"""Vectors up to which every search is exact: on one core a scan of so many takes some 10 ms."""
RECALL = 0.98
"""Share of the true nearest that an approximate search must find, or it is not used."""
# How far FAISS's float32 similarities of unit vectors may be from the exact ones; closer hits are ranked
# again.
_SIMILARITY_ERROR = 1e-5
_SURPLUS = 16  # candidates by code for each neighbour wanted, at least
_FEW = 64  # tombstones and late comers that never matter
_MANY = 0.05  # share of them that calls for a rebuild

_log = logging.getLogger(__name__)


class VectorIndex:
    """Inner-product search over unit vectors with ids; entries come and go without a rebuild.

    Search is exact up to `approximate_above` vectors. Above, coarse codes give candidates that are ranked by their
    vectors, if that finds the true neighbours in `RECALL` of all cases on a sample; otherwise search stays exact.
    Removed vectors leave tombstones; vectors that came since the codes were made are ranked one by one. When either
    are many, the next search tidies up.

    Args:
        dimension: length D of the vectors.
        approximate_above: number of vectors above which search may be approximate.
    """

    def __init__(self, dimension: int, *, approximate_above: int = APPROXIMATE_ABOVE) -> None:
        self._dimension = dimension
        self._approximate_above = approximate_above
        self._flat = faiss.IndexFlatIP(dimension)
        self._ids = np.zeros(0, np.int64)  # by place
        self._alive = np.zeros(0, bool)  # by place
        self._place: dict[int, int] = {}
        self._coarse: CoarseScan | None = None
        self._candidates: int | None = None
        self._late: set[int] = set()  # positions whose vector is not the one that was coded
        self._refused_at = 0  # size at which the codes' recall fell short

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, entry_id: int) -> bool:
        return entry_id in self._place

    @property
    def approximate(self) -> bool:
        """Whether the latest search, or `prepare`, chose the coarse codes."""
        return self._coarse is not None

    @property
    def candidates(self) -> int:
        """How many vectors a search for few ranks by themselves at least; all of them where search is exact."""
        return len(self) if self._candidates is None else self._candidates

    @property
    def reach(self) -> int:
        """How many neighbours a search finds without reading every vector; all of them where search is exact."""
        return len(self) if self._candidates is None else CANDIDATES[-1] // _SURPLUS

    @property
    def memory_bytes(self) -> int:
        """Bytes of vectors and codes."""
        return self._flat.ntotal * self._dimension * 4 + (self._coarse.memory_bytes if self._coarse else 0)

    def put(self, ids: Sequence[int], vectors: np.ndarray) -> None:
        """Add vectors, replacing those whose id is present.

        Args:
            ids: N ids, each once.
            vectors: (N, D) float32 of unit length.
        """
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        known = np.fromiter((entry_id in self._place for entry_id in ids), dtype=bool, count=len(ids))
        for row in np.nonzero(known)[0]:
            place = self._place[ids[row]]
            self._stored()[place] = vectors[row]
            self._late.add(place)
        fresh = np.asarray(ids, dtype=np.int64)[~known]
        if len(fresh):
            first = self._flat.ntotal
            self._flat.add(vectors if not known.any() else vectors[~known])
            self._ids = np.concatenate([self._ids, fresh])
            self._alive = np.concatenate([self._alive, np.ones(len(fresh), bool)])
            self._place.update(zip(fresh.tolist(), range(first, first + len(fresh)), strict=True))
            if self._coarse is not None:
                self._late.update(range(first, first + len(fresh)))

    def remove(self, ids: Sequence[int]) -> None:
        """Take vectors out; ids that are not in the index are ignored."""
        for entry_id in ids:
            place = self._place.pop(entry_id, None)
            if place is not None:
                self._alive[place] = False
                self._late.discard(place)

    def vectors(self) -> tuple[list[int], np.ndarray]:
        """All ids in ascending order and their vectors (N, D) float32."""
        ids = sorted(self._place)
        return ids, self._stored()[[self._place[entry_id] for entry_id in ids]]

    def similarities(self, query: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How similar entries are to a query.

        Args:
            query: (D,) float32 of unit length.
            ids: (M,) int64, each once.

        Returns:
            (M,) float32, 0 where the index doesn't have an entry; and (M,) bool, where that is so.
        """
        places = np.fromiter((self._place.get(entry_id, -1) for entry_id in ids.tolist()), np.int64, len(ids))
        unknown = places < 0
        found = np.zeros(len(ids), np.float32)
        found[~unknown] = (self._stored() @ query)[places[~unknown]]
        return found, unknown

    def prepare(self) -> None:
        """Do now what the next search would do first: drop many tombstones, make or remake the codes."""
        dead = len(self._ids) - len(self)
        if dead > max(_FEW, _MANY * len(self)):
            self._compact()
        if len(self) <= self._approximate_above:
            self._coarse, self._candidates, self._late = None, None, set()
        elif self._coarse is None:
            if abs(len(self) - self._refused_at) > _MANY * self._refused_at:
                self._code()
        elif len(self._late) > max(_FEW, _MANY * len(self)):
            self._code()

    def search(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The k nearest vectors, most similar first; of equally similar ones the lower id first.

        Args:
            query: (D,) float32 of unit length.
            k: number of hits wanted, from 1 to the size of the index.

        Returns:
            ids (k,) int64, similarities (k,) float64, vectors (k, D) float32.
        """
        self.prepare()
        positions = None
        # Codes are good for some neighbours; a search that wants very many reads everything.
        if self._candidates is not None and k <= self.reach:
            positions = self._near(query, k)
        if positions is None or len(positions) < k:
            positions = self._nearest(query, k)
        return self._ranked(query, positions, k)

    def _stored(self) -> np.ndarray:
        """The vectors by place, (positions, D): a view of FAISS's own memory, good until the next change of size."""
        positions = self._flat.ntotal
        if positions == 0:
            return np.zeros((0, self._dimension), np.float32)
        return faiss.rev_swig_ptr(self._flat.get_xb(), positions * self._dimension).reshape(positions, self._dimension)

    def _near(self, query: np.ndarray, k: int) -> np.ndarray:
        """Places that the codes call similar, and late comers: the best of both, more than k of them."""
        positions = self._coarse.candidates(query, max(self._candidates, _SURPLUS * k))
        if self._late:  # which the codes may have found too
            late = np.fromiter(self._late, dtype=np.int64, count=len(self._late))
            positions = np.unique(np.concatenate([positions, late]))
        positions = positions[self._alive[positions]]
        # A first ranking in float32 keeps the exact one short.
        similarity = self._stored()[positions] @ query
        kept = min(k + 2 * _FEW, len(positions))
        last = np.partition(similarity, -kept)[-kept]
        return positions[similarity >= last - _SIMILARITY_ERROR]

    def _nearest(self, query: np.ndarray, k: int) -> np.ndarray:
        """Places of the k nearest and of whatever ties with the last."""
        parameters = None
        if len(self) < len(self._ids):
            bitmap = np.packbits(self._alive, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        asked = min(k + 8, len(self))
        similarity, positions = self._flat.search(query[None], asked, params=parameters)
        # As long as the last hit ties with the k-th, FAISS may have left out a tie of a lower id.
        while asked < len(self) and similarity[0, -1] >= similarity[0, k - 1] - _SIMILARITY_ERROR:
            asked = min(2 * asked, len(self))
            similarity, positions = self._flat.search(query[None], asked, params=parameters)
        return positions[0]

    def _ranked(self, query: np.ndarray, positions: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        vectors, ids = self._stored()[positions], self._ids[positions]
        # Row sums give equal vectors equal similarities, which a matrix product does not promise.
        exact = np.einsum("ij,j->i", vectors.astype(np.float64), query.astype(np.float64))
        order = np.lexsort((ids, -exact))[:k]
        return ids[order], exact[order], vectors[order]

    def _compact(self) -> None:
        kept = np.nonzero(self._alive)[0]
        vectors = self._stored()[kept]
        self._flat.reset()
        self._flat.add(vectors)
        self._ids, self._alive = self._ids[kept], np.ones(len(kept), bool)
        self._place = dict(zip(self._ids.tolist(), range(len(kept)), strict=True))
        self._coarse, self._candidates, self._late = None, None, set()

    def _code(self) -> None:
        """Make the codes, and keep them if enough of the true neighbours are found by them."""
        self._coarse, self._candidates, self._late = None, None, set()
        if not CoarseScan.serves(self._dimension):
            self._refused_at = len(self)
            return
        if len(self) < len(self._ids):
            self._compact()
        vectors = self._stored()
        coarse = CoarseScan(vectors)
        enough = coarse.enough(vectors, RECALL)
        if enough is None:
            _log.warning("approximate search of %d vectors finds too few of the nearest: search stays exact", len(self))
            self._refused_at = len(self)
            return
        self._coarse, self._candidates, self._refused_at = coarse, enough, 0
