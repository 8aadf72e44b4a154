"""The bank beyond the candidates: its entries as they suit a photo, of all kinds or of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.runs.work import Work
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank.search import Neighbours
from ragdiffusion.retrieval.retriever import ranking_of

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion

MOST_SHOWN = 240


@dataclass(frozen=True, eq=False)
class Browsed:
    """What a bank has for a photo.

    Args:
        category: that all are of, "" for all kinds.
        categories: the bank's categories with the number of their entries, most first.
        total: how many there are, beside the candidates in use.
        found: the first of them, those that suit best first; None where there is none.
    """

    category: str
    categories: tuple[tuple[str, int], ...]
    total: int
    found: Neighbours | None


def browse(model: RAGDiffusion, work: Work, *, category: str, count: int) -> Browsed:
    """Rank the bank for a photo as retrieval does; K and the candidates in use stay as they are.

    Args:
        model: whose bank it is.
        work: on the photo.
        category: of Table 6; "" for all kinds.
        count: entries wanted, from the first.

    Raises:
        ValueError: if the count is out of range, or the bank has no such category.
    """
    if not 1 <= count <= MOST_SHOWN:
        raise ValueError(f"1 to {MOST_SHOWN} shapes are shown at once, got {count}")
    kinds = {entry: known["category"] for entry, known in model.bank.attributes_by_id().items()}
    counts = Counter(kind for kind in kinds.values() if kind != UNKNOWN)
    if category and category not in counts:
        raise ValueError(f"the bank has no entries of the category {category[:40]!r}: choose one of those it has")
    used = {candidate.id for candidate in work.guide.candidates}
    left_out = {entry for entry, kind in kinds.items() if entry in used or (category and kind != category)}
    total = len(kinds) - len(left_out)
    found = None
    if total:
        wanted, size = min(count, total), work.guide.landmark.shape[-1]
        ranking = ranking_of(work.sight)
        found = model.bank.search(work.guide.query, wanted, size=size, exclude=left_out, ranking=ranking)
    return Browsed(category, tuple(counts.most_common()), total, found)
