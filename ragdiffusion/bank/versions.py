"""Earlier states of a bank: named snapshots, what differs between two versions, going back, opening one as it was.

The log of edits holds what each field was before, and so every version that there ever was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, inspect, select
from sqlalchemy.orm import Session

from ragdiffusion.bank.access import version_of
from ragdiffusion.bank.edit_log import Recorder
from ragdiffusion.bank.encoders import encoder_at, hold_to_encoder, start_digest
from ragdiffusion.bank.entries import Edit
from ragdiffusion.bank.reading import aware, entry_rows
from ragdiffusion.bank.rewinding import states_at, write_version
from ragdiffusion.bank.tables import BankRow, EditRow, EntryRow, SnapshotRow
from ragdiffusion.files import whole

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank

Ref = int | str
"""A version: its revision, a snapshot's name, or as logs have it ("studio-r12-3f2a9c")."""
_VERSION = re.compile(r".*-r(?P<revision>\d+)-(?P<digest>[0-9a-f]{6})")
_DERIVED = frozenset({"shape"})  # follows from the silhouette


@dataclass(frozen=True)
class Snapshot:
    """A version that was given a name.

    Attributes:
        name: unique within the bank.
        revision: that it names.
        version: the same as logs have it.
        at: when it was taken, UTC.
        author, note: who took it, and why.
    """

    name: str
    revision: int
    version: str
    at: datetime
    author: str
    note: str


@dataclass(frozen=True)
class Difference:
    """What differs between two versions; entries in the bin count as not there.

    Attributes:
        added: entries that only the newer one has.
        removed: entries that only the older one has.
        changed: entries of both -> the fields that differ.
    """

    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    changed: dict[int, tuple[str, ...]] = field(default_factory=dict)


def take_snapshot(bank: Bank, name: str, *, note: str = "", author: str = "") -> Snapshot:
    """Give the bank's present version a name. That is no edit: the version stays.

    Raises:
        ValueError: if the name is empty, a number or taken.
        RuntimeError: if the bank is read-only or locked.
    """
    name = name.strip()
    if not name or name.isdecimal() or _VERSION.fullmatch(name):
        raise ValueError(f"a snapshot needs a name that is no number and no version, got {name!r}")
    with bank.access.annotating() as session:
        if session.get(SnapshotRow, name) is not None:
            raise ValueError(f"there is a snapshot {name!r} already: choose another name, or drop that one")
        about = session.scalars(select(BankRow)).one()
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        row = SnapshotRow(name=name, revision=about.revision, digest=about.digest, at=now, author=author, note=note)
        session.add(row)
        return _snapshot(bank, row)


def snapshots(bank: Bank) -> list[Snapshot]:
    """All snapshots, the latest first."""
    with bank.access.reading() as session:
        if not inspect(session.connection()).has_table(SnapshotRow.__tablename__):
            return []
        rows = session.scalars(select(SnapshotRow).order_by(SnapshotRow.at.desc(), SnapshotRow.name))
        return [_snapshot(bank, row) for row in rows]


def drop_snapshot(bank: Bank, name: str) -> None:
    """Forget a snapshot's name; the version itself stays in the log.

    Raises:
        ValueError: if there is none of this name.
        RuntimeError: if the bank is read-only or locked.
    """
    with bank.access.annotating() as session:
        if not session.execute(delete(SnapshotRow).where(SnapshotRow.name == name)).rowcount:
            raise ValueError(f"there is no snapshot {name!r}")


def compare(bank: Bank, old: Ref, new: Ref | None = None) -> Difference:
    """What differs between two versions.

    Args:
        bank: that both are of.
        old: the one.
        new: the other; None: the present one.

    Raises:
        ValueError: if there is no such version.
    """
    with bank.access.reading() as session:
        first = resolve(session, old)
        second = session.scalars(select(BankRow.revision)).one() if new is None else resolve(session, new)
        low, high = sorted((first, second))
        then, now = states_at(session, low), states_at(session, high)
        present = {row.id: row for row in entry_rows(session, then)}
    return _difference(*((then, now) if first <= second else (now, then)), present)


def restore_version(bank: Bank, ref: Ref, *, author: str = "") -> Edit | None:
    """Bring all entries back to an earlier version, in one edit that can be undone.

    Entries that came since go to the bin.

    Returns:
        The edit; None if nothing differs.

    Raises:
        ValueError: if there is no such version.
        RuntimeError: if the bank is read-only or locked.
    """
    with bank.access.editing("restore version", author) as edit:
        revision = resolve(edit.session, ref)
        hold_to_encoder(edit.session, revision)
        states = states_at(edit.session, revision)
        for row in entry_rows(edit.session, states):
            _put_back(edit, row, states[row.id])
        made, changed = edit.revision, edit.changed
    return bank.edits(1, before=made + 1)[0] if changed else None


def open_version(bank: Bank, ref: Ref, folder: Path) -> Bank:
    """Open a bank for reading as it was at a version: the same entries, the same version in words.

    Args:
        bank: that has the version in its log.
        ref: which.
        folder: keeps the file, so that a second time is quick; made if it is missing.

    Raises:
        ValueError: if there is no such version.
        RuntimeError: if the file can't be written.
    """
    from ragdiffusion.bank.bank import Bank as Opened

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with bank.access.reading() as session:
        revision = resolve(session, ref)
        digest = _digest_at(session, revision)
        path = folder / f"{digest[:32]}.sqlite3"
        if not path.is_file():
            with whole(path) as partial:
                write_version(session, revision, digest, partial)
    opened = Opened.open(path, read_only=True)
    opened.name = opened.access.about.name = bank.name  # which may be another since the file was written
    return opened


def has_version(bank: Bank, ref: Ref) -> bool:
    """Tell whether a bank is or once was at a version."""
    try:
        with bank.access.reading() as session:
            resolve(session, ref)
    except ValueError:
        return False
    return True


def resolve(session: Session, ref: Ref) -> int:
    """The revision that is meant.

    Raises:
        ValueError: if this bank has no such version, or another history.
    """
    if isinstance(ref, str) and not ref.isdecimal():
        found = _VERSION.fullmatch(ref)
        named = (
            session.get(SnapshotRow, ref)
            if inspect(session.connection()).has_table(SnapshotRow.__tablename__)
            else None
        )
        if named is not None:
            revision, digest = named.revision, named.digest
        elif found is not None:
            revision, digest = int(found["revision"]), found["digest"]
        else:
            raise ValueError(f"the bank has no version or snapshot {ref!r}: `bank show` lists them")
    else:
        revision, digest = int(ref), ""
    latest = session.scalars(select(BankRow.revision)).one()
    if not 0 <= revision <= latest:
        raise ValueError(f"the bank has no revision {revision}: it is at {latest}")
    if not _digest_at(session, revision).startswith(digest):
        raise ValueError(f"version {ref!r} is of another history than this bank's: open the bank that it names")
    return revision


def _digest_at(session: Session, revision: int) -> str:
    """The hash of all that was done until a revision."""
    about = session.scalars(select(BankRow)).one()
    if revision == about.revision:
        return about.digest
    if revision == 0:
        encoder = encoder_at(session, 0)
        return start_digest(encoder.fingerprint, encoder.dimension, about.precision)
    return session.scalars(select(EditRow.digest).where(EditRow.revision == revision)).one()


def _difference(
    old: dict[int, dict[str, Any] | None], new: dict[int, dict[str, Any] | None], present: dict[int, EntryRow]
) -> Difference:
    added, removed, changed = [], [], {}
    for entry_id, row in sorted(present.items()):
        before, after = (_whole(row, states.get(entry_id, {})) for states in (old, new))
        there, then = (state is not None and state["deleted_at"] is None for state in (before, after))
        if then and not there:
            added.append(entry_id)
        elif there and not then:
            removed.append(entry_id)
        elif there and before is not None and after is not None:
            fields = tuple(key for key in before if before[key] != after[key] and key not in _DERIVED)
            if fields:
                changed[entry_id] = fields
    return Difference(tuple(added), tuple(removed), changed)


def _whole(row: EntryRow, state: dict[str, Any] | None) -> dict[str, Any] | None:
    """All fields of an entry in a state."""
    if state is None:
        return None
    now = {c.key: getattr(row, c.key) for c in EntryRow.__table__.columns if c.key not in ("id", "revision")}
    return {**now, **state}


def _put_back(edit: Recorder, row: EntryRow, state: dict[str, Any] | None) -> None:
    if state is not None:
        edit.set(row, state)
    elif row.deleted_at is None:
        edit.set(row, {"deleted_at": edit.at})


def _snapshot(bank: Bank, row: SnapshotRow) -> Snapshot:
    version = version_of(bank.name, row.revision, row.digest)
    return Snapshot(row.name, row.revision, version, aware(row.at), row.author, row.note)
