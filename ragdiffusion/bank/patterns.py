"""Patterns beside a bank's entries: the measures that a silhouette was drawn from, so that it can be drawn at any size.

A pattern belongs to the silhouette it was stored with. An entry whose silhouette was changed since has none, until the
change is undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import JSON, ForeignKey, LargeBinary, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ragdiffusion.bank.store import Base, EntryRow

_DIGITS = 2  # after the point of a measure


@dataclass(frozen=True)
class PatternSpec:
    """What a pattern is drawn from: a key of `garments.patterns.kinds()` and measures by key."""

    kind: str
    measures: Mapping[str, float]


class PatternRow(Base):
    """The pattern of one entry, and the hash of the silhouette that it draws. Older banks lack the table."""

    __tablename__ = "pattern"
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), primary_key=True, autoincrement=False)
    kind: Mapped[str]
    measures: Mapped[dict[str, float]] = mapped_column(JSON)
    silhouette: Mapped[bytes] = mapped_column(LargeBinary)


def store_patterns(
    session: Session, ids: Sequence[int], patterns: Sequence[PatternSpec | None], silhouettes: Sequence[bytes]
) -> None:
    """Write the patterns of entries that were just added; those without one are left out."""
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
    if rows:
        PatternRow.__table__.create(session.connection(), checkfirst=True)
        session.add_all(rows)


def read_patterns(session: Session, ids: Sequence[int]) -> dict[int, PatternSpec]:
    """The patterns of those entries that have one and still show the silhouette it draws."""
    if not inspect(session.connection()).has_table(PatternRow.__tablename__):
        return {}
    query = select(PatternRow, EntryRow.silhouette).join(EntryRow, EntryRow.id == PatternRow.entry_id)
    return {
        row.entry_id: PatternSpec(row.kind, dict(row.measures))
        for row, silhouette in session.execute(query.where(PatternRow.entry_id.in_(ids)))
        if row.silhouette == _digest(silhouette)
    }


def _digest(silhouette: bytes) -> bytes:
    return hashlib.sha256(silhouette).digest()[:8]
