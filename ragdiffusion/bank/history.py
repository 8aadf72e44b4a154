"""What was done to one entry, edit by edit, with what each field was before and after."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ragdiffusion.bank.edit_log import CREATED, to_edits
from ragdiffusion.bank.entries import Edit
from ragdiffusion.bank.reading import entry_rows
from ragdiffusion.bank.tables import ChangeRow, EditRow, EntryRow, unpack

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank

_CHUNK = 500  # ids in one statement
_DERIVED = frozenset({"shape"})  # follows from the silhouette


@dataclass(frozen=True)
class FieldChange:
    """One field of one edit.

    Attributes:
        field: of `EntryRow`, or "created" for the edit that added the entry, which has no values.
        before, after: values; embeddings and pictures as the database has them.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class EntryEdit:
    """What one edit did to an entry."""

    edit: Edit
    changes: tuple[FieldChange, ...]


def of_entry(bank: Bank, entry_id: int) -> list[EntryEdit]:
    """All that was done to an entry, the latest first.

    Raises:
        ValueError: if there is none of this id.
    """
    with bank.access.reading() as session:
        row = entry_rows(session, [entry_id])[0]
        edits = {edit.revision: edit for edit in edits_of(session, entry_id)}
        changes = session.scalars(
            select(ChangeRow).where(ChangeRow.entry_id == entry_id).order_by(ChangeRow.revision.desc(), ChangeRow.field)
        ).all()
    later = {column.key: getattr(row, column.key) for column in EntryRow.__table__.columns}
    found: dict[int, list[FieldChange]] = {}
    for change in changes:
        before = unpack(change.field, change.before)
        if change.field not in _DERIVED:
            found.setdefault(change.revision, []).append(FieldChange(change.field, before, later.get(change.field)))
        if change.field != CREATED:
            later[change.field] = before
    return [EntryEdit(edits[revision], tuple(fields)) for revision, fields in found.items()]


def revisions(bank: Bank, ids: Collection[int]) -> dict[int, int]:
    """By entry, the last revision that changed it, to be given back as `expected` with an edit."""
    found: dict[int, int] = {}
    with bank.access.reading() as session:
        for start in range(0, len(ids), _CHUNK):
            chunk = list(ids)[start : start + _CHUNK]
            rows = session.execute(select(EntryRow.id, EntryRow.revision).where(EntryRow.id.in_(chunk)))
            found.update({row.id: row.revision for row in rows})
    return found


def edits_of(session: Session, entry_id: int, *, since: int = -1) -> list[Edit]:
    """The edits that touched an entry after a revision, the oldest first."""
    touched = select(ChangeRow.revision).where(ChangeRow.entry_id == entry_id, ChangeRow.revision > since)
    rows = session.scalars(select(EditRow).where(EditRow.revision.in_(touched)).order_by(EditRow.revision)).all()
    return to_edits(session, rows)
