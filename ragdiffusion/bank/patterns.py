"""Patterns beside a bank's entries: the measures that a silhouette was drawn from, so that it can be drawn at any size.

A pattern belongs to the silhouette it was stored with. An entry whose silhouette was changed since has none, until the
change is undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, inspect, select
from sqlalchemy.orm import Session

from ragdiffusion.bank.tables import EntryRow, PatternRow

_DIGITS = 2  # after the point of a measure
_CHUNK = 500  # ids in one statement


@dataclass(frozen=True)
class PatternSpec:
    """What a pattern is drawn from: a key of `garments.patterns.kinds()` and measures by key."""

    kind: str
    measures: Mapping[str, float]


def store_patterns(
    session: Session, ids: Sequence[int], patterns: Sequence[PatternSpec | None], silhouettes: Sequence[bytes]
) -> None:
    """Write the patterns that silhouettes of entries are drawn from; those without one are left out.

    The patterns of silhouettes that an entry had before stay, for an edit may be undone.
    """
    rows = [
        PatternRow(
            entry_id=entry_id,
            kind=pattern.kind,
            silhouette=_digest(silhouette),
            measures={key: round(float(value), _DIGITS) for key, value in pattern.measures.items()},
        )
        for entry_id, pattern, silhouette in zip(ids, patterns, silhouettes, strict=True)
        if pattern is not None
    ]
    for row in rows:
        session.execute(
            delete(PatternRow).where(PatternRow.entry_id == row.entry_id, PatternRow.silhouette == row.silhouette)
        )
    session.add_all(rows)


def read_patterns(session: Session, ids: Sequence[int]) -> dict[int, PatternSpec]:
    """The patterns of those entries that have one and still show the silhouette it draws."""
    if not inspect(session.connection()).has_table(PatternRow.__tablename__):
        return {}
    query = select(PatternRow, EntryRow.silhouette).join(EntryRow, EntryRow.id == PatternRow.entry_id)
    found = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = list(ids[start : start + _CHUNK])
        for row, silhouette in session.execute(query.where(PatternRow.entry_id.in_(chunk))):
            if row.silhouette == _digest(silhouette):
                found[row.entry_id] = PatternSpec(row.kind, dict(row.measures))
    return found


def _digest(silhouette: bytes) -> bytes:
    return hashlib.sha256(silhouette).digest()[:8]
