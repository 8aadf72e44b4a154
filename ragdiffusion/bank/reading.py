"""Rows of a bank's database, and what callers get for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone

import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.bank.entries import BankEntry
from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.store import Store
from ragdiffusion.bank.tables import EntryRow

_CHUNK = 500  # ids in one statement
_PAGE = 256  # entries read at a time


def aware(moment: datetime) -> datetime:
    """A time from the database, which holds UTC without saying so."""
    return moment.replace(tzinfo=timezone.utc)


def entry_rows(session: Session, ids: Iterable[int]) -> list[EntryRow]:
    """The rows of these ids, each once, in ascending order.

    Raises:
        ValueError: if an id is not in the bank.
    """
    wanted = sorted(set(ids))
    rows: list[EntryRow] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows += session.scalars(select(EntryRow).where(EntryRow.id.in_(chunk)).order_by(EntryRow.id))
    missing = sorted(set(wanted) - {row.id for row in rows})
    if missing:
        raise ValueError(f"the bank has no entry {named(missing)}: choose ids that it lists")
    return rows


def to_entry(row: EntryRow, follower: IndexFollower) -> BankEntry:
    """A row of the bank as callers see it."""
    return BankEntry(
        id=row.id,
        embedding=torch.from_numpy(follower.vectors([row])[0].copy()),
        silhouette=row.silhouette,
        thumbnail=row.thumbnail,
        attributes={attribute.key: row.attributes.get(attribute.key, UNKNOWN) for attribute in ATTRIBUTES},
        source=row.source,
        tags=tuple(row.tags),
        enabled=row.enabled,
        deleted_at=None if row.deleted_at is None else aware(row.deleted_at),
        revision=row.revision,
    )


def every_entry(store: Store, follower: IndexFollower, *, enabled: bool | None, deleted: bool) -> Iterator[BankEntry]:
    """Entries in order of their ids, read in short transactions, so that a slow reader holds up nobody."""
    query = select(EntryRow).order_by(EntryRow.id).limit(_PAGE)
    query = query.where(EntryRow.deleted_at.is_not(None) if deleted else EntryRow.deleted_at.is_(None))
    if enabled is not None:
        query = query.where(EntryRow.enabled.is_(enabled))
    last = 0
    while True:
        with store.transaction() as session:
            chunk = [to_entry(row, follower) for row in session.scalars(query.where(EntryRow.id > last))]
        yield from chunk
        if len(chunk) < _PAGE:
            return
        last = chunk[-1].id


def pictures(session: Session, ids: Sequence[int], column: str) -> dict[int, bytes]:
    """Picture files of entries by id: their "silhouette", or the "thumbnail" of those that have one."""
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = [int(entry_id) for entry_id in ids[start : start + _CHUNK]]
        rows = session.execute(select(EntryRow.id, getattr(EntryRow, column)).where(EntryRow.id.in_(chunk)))
        found.update((entry_id, content) for entry_id, content in rows if content is not None)
    return found


def named(ids: Sequence[int]) -> str:
    """Ids for a message: the first five and how many more."""
    shown = ", ".join(str(entry_id) for entry_id in ids[:5])
    return shown if len(ids) <= 5 else f"{shown} and {len(ids) - 5} more"
