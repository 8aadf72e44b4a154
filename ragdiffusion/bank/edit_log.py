"""The log behind a bank: each action is one revision that remembers what was before, and so can be undone."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import func, insert, inspect, select, update
from sqlalchemy.orm import Session

from ragdiffusion.bank.encoders import encoded_since
from ragdiffusion.bank.entries import Edit
from ragdiffusion.bank.reading import aware, entry_rows, named
from ragdiffusion.bank.sealing import SEALED, checksum, seal
from ragdiffusion.bank.tables import BankRow, ChangeRow, EditContextRow, EditRow, EntryRow, pack, unpack

_CHUNK = 500  # ids in one statement
CREATED = "created"
"""The field that stands for an entry that was added."""
BACK_AND_FORTH = ("undo", "redo")
"""The actions that take others back."""


def to_edits(session: Session, rows: Sequence[EditRow]) -> list[Edit]:
    """Rows of the log as callers see them."""
    known: dict[int, tuple[str, int | None]] = {}
    has_contexts = bool(rows) and inspect(session.connection()).has_table(EditContextRow.__tablename__)
    for start in range(0, len(rows), _CHUNK):
        chunk = [row.revision for row in rows[start : start + _CHUNK]]
        if has_contexts:
            contexts = session.scalars(select(EditContextRow).where(EditContextRow.revision.in_(chunk)))
            known.update((row.revision, (row.author, row.target)) for row in contexts)
        else:  # a bank of before, which is read as it is
            undone = session.execute(select(EditRow.undone_by, EditRow.revision).where(EditRow.undone_by.in_(chunk)))
            known.update((row.undone_by, ("", row.revision)) for row in undone)
    return [_to_edit(row, *known.get(row.revision, ("", None))) for row in rows]


def _to_edit(row: EditRow, author: str, target: int | None) -> Edit:
    return Edit(row.revision, row.action, aware(row.at), row.entries, row.undone_by is not None, author, target)


class Recorder:
    """One action within one transaction: makes the changes and writes them down.

    Args:
        session: of a fresh transaction, on which nothing was read yet; what is read on it later holds until the end,
            as no other writer comes between.
        action: its name in the log.
        author: who does it.
    """

    def __init__(self, session: Session, action: str, author: str = "") -> None:
        self.session = session
        self._action, self._author = action, author
        self._target: int | None = None
        self._beside = False
        self.at = datetime.now(timezone.utc).replace(tzinfo=None)
        # Writing first makes writers queue up here; a reader that turns writer would fail instead.
        session.execute(update(BankRow).values(revision=BankRow.revision + 1))
        self._bank = session.scalars(select(BankRow)).one()
        self._changes: list[dict[str, Any]] = []
        self._sums: dict[int, bytes] = {}
        # The hash covers what was done and not when: the same actions give the same version anywhere.
        self._hash = hashlib.sha256(f"{self._bank.digest}\n{action}\n".encode())

    def rows(self, ids: Iterable[int], *, deleted: bool = False) -> list[EntryRow]:
        """The entries to change.

        Raises:
            ValueError: if one is unknown, or in the bin when it should not be, or the other way round.
        """
        rows = entry_rows(self.session, ids)
        wrong = [row.id for row in rows if (row.deleted_at is not None) != deleted]
        if wrong and deleted:
            raise ValueError(f"entry {named(wrong)} is not deleted: there is nothing to restore")
        if wrong:
            raise ValueError(f"entry {named(wrong)} is deleted: restore it first")
        return rows

    def create(self, entries: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        """Add entries with these field values and return their ids."""
        first = (self.session.scalar(select(func.max(EntryRow.id))) or 0) + 1
        ids = tuple(range(first, first + len(entries)))
        rows = [
            {"id": entry_id, "revision": self._bank.revision, **values}
            for entry_id, values in zip(ids, entries, strict=True)
        ]
        if rows:
            self.session.execute(insert(EntryRow), rows)
        for entry_id, values in zip(ids, entries, strict=True):
            for field in sorted(values):
                self._digest(entry_id, field, values[field])
            self._changes.append({"entry_id": entry_id, "field": CREATED, "before": None})
            self._sums[entry_id] = checksum(*(values[field] for field in SEALED))
        return ids

    def set(self, row: EntryRow, values: Mapping[str, Any]) -> None:
        """Give fields of an entry new values; a field that has its value already is no change."""
        for field in sorted(values):
            before = pack(getattr(row, field))
            if before == pack(values[field]):
                continue
            setattr(row, field, values[field])
            row.revision = self._bank.revision
            self._digest(row.id, field, values[field])
            self._changes.append({"entry_id": row.id, "field": field, "before": before})
        if any(field in SEALED for field in values):
            self._sums[row.id] = checksum(*(getattr(row, field) for field in SEALED))

    @property
    def revision(self) -> int:
        """The one that this action makes."""
        return self._bank.revision

    @property
    def changed(self) -> bool:
        """Whether anything was changed so far."""
        return bool(self._changes)

    def also(self, done: str) -> None:
        """Let the version tell of something beside the entries that this action does; it counts as a change."""
        self._hash.update(done.encode())
        self._beside = True

    def undo(self) -> Edit:
        """Take back the latest action that still stands, and return it.

        Raises:
            RuntimeError: if there is none.
        """
        standing = select(EditRow).where(
            EditRow.action.not_in(BACK_AND_FORTH),
            EditRow.undone_by.is_(None),
            EditRow.revision > encoded_since(self.session),
        )
        target = self.session.scalars(standing.order_by(EditRow.revision.desc()).limit(1)).one_or_none()
        if target is None:
            raise RuntimeError("there is nothing to undo: every action in the bank's log was undone already")
        self._revert(target)
        return to_edits(self.session, [target])[0]

    def redo(self) -> Edit:
        """Do again what the latest undo took back, and return that action.

        Raises:
            RuntimeError: if there is none, or something else was done since.
        """
        fresh = self.session.scalar(select(func.max(EditRow.revision)).where(EditRow.action.not_in(BACK_AND_FORTH)))
        undone = select(EditRow).where(
            EditRow.action == "undo", EditRow.undone_by.is_(None), EditRow.revision > (fresh or 0)
        )
        target = self.session.scalars(undone.order_by(EditRow.revision.desc()).limit(1)).one_or_none()
        if target is None:
            raise RuntimeError("there is nothing to redo: nothing was undone since the latest action")
        again = self.session.scalars(select(EditRow).where(EditRow.undone_by == target.revision)).one()
        self._revert(target)
        again.undone_by = None
        return to_edits(self.session, [again])[0]

    def _revert(self, target: EditRow) -> None:
        changes = self.session.scalars(
            select(ChangeRow).where(ChangeRow.revision == target.revision).order_by(ChangeRow.entry_id)
        ).all()
        rows = {row.id: row for row in entry_rows(self.session, [change.entry_id for change in changes])}
        for change in changes:
            if change.field == CREATED:
                self.set(rows[change.entry_id], {"deleted_at": self.at})
            else:
                self.set(rows[change.entry_id], {change.field: unpack(change.field, change.before)})
        target.undone_by, self._target = self._bank.revision, target.revision

    def finish(self) -> None:
        """Write the revision down; an action that changed nothing leaves no trace."""
        if not self._changes and not self._beside:
            self.session.rollback()
            return
        self._bank.digest = self._hash.hexdigest()
        revision = self._bank.revision
        entries = len({change["entry_id"] for change in self._changes})
        self.session.add(
            EditRow(revision=revision, action=self._action, at=self.at, entries=entries, digest=self._bank.digest)
        )
        self.session.flush()
        self.session.add(EditContextRow(revision=revision, author=self._author, target=self._target))
        seal(self.session, self._sums)
        if self._changes:
            self.session.execute(insert(ChangeRow), [{"revision": revision, **change} for change in self._changes])

    def _digest(self, entry_id: int, field: str, value: Any) -> None:
        packed = pack(value is not None) if field == "deleted_at" else pack(value)
        self._hash.update(f"{entry_id} {field} {-1 if packed is None else len(packed)}\n".encode())
        self._hash.update(packed or b"")
