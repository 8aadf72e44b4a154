"""What a search of the bank is asked for beyond an embedding, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session
from torch import Tensor

from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.tables import EntryRow, PatternRow
from ragdiffusion.images import decode_silhouettes

_PAGE = 64  # entries read at a time: the first are mostly enough

Suits = Callable[[Mapping[str, str], PatternSpec | None], bool]


@dataclass(frozen=True)
class Ranking:
    """Another order than similarity's for the nearest entries.

    Attributes:
        depth: how many of the nearest are ranked, or all there are; fewer where a bank is so large that to find so
            many would take a look at every vector.
        order: their similarities, (M,) float32 descending, and shapes, (M, 64) uint64 as `shape_bits` packs
            them -> their positions, best first.
        suits: (Table 6 values of an entry, its pattern or None) -> whether it may be the garment that is meant;
            entries that may not come after all others. None: all may.
    """

    depth: int
    order: Callable[[np.ndarray, np.ndarray], np.ndarray]
    suits: Suits | None = None


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The M bank entries that suit a photo best, the best first.

    By embedding alone that is the most similar first; where they were ranked by shape too, a less similar entry may
    stand before a more similar one.

    More are kept than the guide uses, so that K can change without another search.

    Attributes:
        ids: M bank ids.
        similarity: (M,) cosine similarity in [-1, 1] of the embeddings; not sorted after a ranking by shape.
        embeddings: (M, D) unit-length structure embeddings.
        silhouettes: (M, H, W) float in [0, 1].
        bank_version: version of the bank at the time of the search.
        patterns: what silhouettes were drawn from, by id; those without a pattern are left out.

    Raises:
        ValueError: if M is 0 or the parts do not all hold M entries.
    """

    ids: tuple[int, ...]
    similarity: Tensor
    embeddings: Tensor
    silhouettes: Tensor
    bank_version: str
    patterns: Mapping[int, PatternSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.ids)
        shapes = [tuple(part.shape) for part in (self.similarity, self.embeddings, self.silhouettes)]
        if count == 0 or [len(shape) for shape in shapes] != [1, 2, 3] or any(shape[0] != count for shape in shapes):
            raise ValueError(
                f"{count} neighbours need similarity (M,), embeddings (M, D) and silhouettes (M, H, W), got {shapes}"
            )


@dataclass(frozen=True, eq=False)
class Found:
    """What a search finds before pictures are read: ids, similarities (M,) float32 and vectors (M, D) float32."""

    ids: list[int]
    similarity: np.ndarray
    vectors: np.ndarray


def find(
    session: Session,
    follower: IndexFollower,
    query: np.ndarray,
    k: int,
    *,
    exclude: Collection[int] = (),
    ranking: Ranking | None = None,
) -> Found:
    """The k enabled entries nearest to a query (D,) of unit length, or the best k of the nearest.

    Args:
        session: on the bank's database.
        follower: of that database.
        query, k, exclude, ranking: as `Bank.search` says.

    Raises:
        ValueError: if there are fewer than k entries.
    """
    index = follower.refresh(session)
    hidden = {int(entry_id) for entry_id in exclude if int(entry_id) in index}
    found = len(index) - len(hidden)
    if k > found:
        remedy = f"lower K to at most {found} or add entries" if found else "add entries"
        besides = f" besides {len(hidden)} excluded" if hidden else ""
        raise ValueError(f"the bank holds {found} enabled entries{besides}, K={k} asked: {remedy}")
    index.prepare()  # which decides how far it reaches
    depth = k if ranking is None else min(max(k, min(ranking.depth, index.reach)), found)
    ids, similarity, vectors = index.search(query, depth + len(hidden))
    similarity = similarity.astype(np.float32).clip(-1.0, 1.0)
    kept = [i for i, entry_id in enumerate(ids.tolist()) if entry_id not in hidden][:depth]
    if ranking is not None:
        order = ranking.order(similarity[kept], follower.shapes(session, ids[kept].tolist()))
        kept = [kept[place] for place in order]
        if ranking.suits is not None:
            first = _suiting_first(session, ids[kept].tolist(), ranking.suits, k)
            kept = [kept[place] for place in first]
        kept = kept[:k]
    return Found(ids[kept].tolist(), similarity[kept], vectors[kept])


def masks_of(silhouettes: Sequence[bytes], size: int, label: str) -> Tensor:
    """Silhouettes of a bank as float (M, size, size).

    Raises:
        RuntimeError: if one can't be decoded; `label` is the bank in the message.
    """
    try:
        return decode_silhouettes(silhouettes, size)
    except ValueError as error:
        raise RuntimeError(f"bank {label} is damaged: {error}; `bank check` names the entries") from error


def _suiting_first(session: Session, ids: Sequence[int], suits: Suits, k: int) -> list[int]:
    """Positions of entries, those that suit before the others, each in their order; k or more."""
    suiting: list[int] = []
    others: list[int] = []
    drawn = inspect(session.connection()).has_table(PatternRow.__tablename__)
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        rows = session.execute(select(EntryRow.id, EntryRow.attributes).where(EntryRow.id.in_(page)))
        attributes = {row.id: row.attributes for row in rows}
        patterns: dict[int, PatternSpec] = {}
        if drawn:
            query = select(PatternRow.entry_id, PatternRow.kind, PatternRow.measures)
            rows = session.execute(query.where(PatternRow.entry_id.in_(page)))
            patterns = {row.entry_id: PatternSpec(row.kind, row.measures) for row in rows}
        for position, entry_id in enumerate(page, start):
            (suiting if suits(attributes[entry_id], patterns.get(entry_id)) else others).append(position)
        if len(suiting) >= k:
            break
    return suiting + others
