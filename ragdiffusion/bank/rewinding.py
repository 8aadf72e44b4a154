"""The log read backwards: what entries were at a revision, and a bank file that is as the bank was then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, inspect, select
from sqlalchemy.orm import Session

from ragdiffusion.bank.edit_log import CREATED
from ragdiffusion.bank.encoders import encoder_at
from ragdiffusion.bank.sealing import SEALED, checksum, seal
from ragdiffusion.bank.store import create_store
from ragdiffusion.bank.tables import (
    SCHEMA_VERSION,
    BankRow,
    Base,
    ChangeRow,
    EditContextRow,
    EditRow,
    EntryRow,
    PatternRow,
    unpack,
)

_PAGE = 500  # rows copied at a time


def states_at(session: Session, revision: int) -> dict[int, dict[str, Any] | None]:
    """What entries were that were changed after a revision: the fields that changed since; None: not there yet."""
    query = select(ChangeRow).where(ChangeRow.revision > revision)
    found: dict[int, dict[str, Any] | None] = {}
    for change in session.scalars(query.order_by(ChangeRow.revision.desc())):
        if change.field == CREATED:
            found[change.entry_id] = None
        else:
            state = found.setdefault(change.entry_id, {})
            assert state is not None  # nothing is before an entry was added
            state[change.field] = unpack(change.field, change.before)
    return found


def write_version(session: Session, revision: int, digest: str, path: Path) -> None:
    """Write a new bank file that holds a bank as it was at a revision, with its log until then.

    Args:
        session: on the bank's database.
        revision: of the version.
        digest: the hash of all that was done until it.
        path: of the file; it must not be there.

    Raises:
        RuntimeError: if it can't be written.
    """
    about, encoder = session.scalars(select(BankRow)).one(), encoder_at(session, revision)
    store = create_store(
        path,
        BankRow(
            id=1,
            schema_version=SCHEMA_VERSION,
            name=about.name,
            fingerprint=encoder.fingerprint,
            dimension=encoder.dimension,
            precision=about.precision,
            revision=revision,
            digest=digest,
        ),
    )
    try:
        with store.transaction(writes=True) as new:
            for rows in _entries(session, revision):
                new.execute(insert(EntryRow), rows)
                seal(new, {row["id"]: checksum(*(row[name] for name in SEALED)) for row in rows})
            _copy_log(session, new, revision)
        with store.engine.connect() as connection:  # all into the file itself, and no log beside it
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    finally:
        store.close()


def _entries(session: Session, revision: int) -> Iterator[list[dict[str, Any]]]:
    states = states_at(session, revision)
    latest = dict(
        session.execute(
            select(ChangeRow.entry_id, func.max(ChangeRow.revision))
            .where(ChangeRow.revision <= revision)
            .group_by(ChangeRow.entry_id)
        ).all()
    )
    last = 0
    while True:
        page = session.scalars(select(EntryRow).where(EntryRow.id > last).order_by(EntryRow.id).limit(_PAGE)).all()
        if not page:
            return
        last = page[-1].id
        rows = []
        for row in page:
            state = states.get(row.id, {})
            if state is not None:
                now = {column.key: getattr(row, column.key) for column in EntryRow.__table__.columns}
                rows.append({**now, **state, "revision": latest.get(row.id, row.revision)})
        session.expunge_all()
        if rows:
            yield rows


def _copy_log(session: Session, new: Session, revision: int) -> None:
    """Edits, contexts, changes and patterns until a revision; what was undone since stands again."""
    tables = set(inspect(session.connection()).get_table_names())
    contexts: dict[int, int | None] = {}
    if EditContextRow.__tablename__ in tables:
        query = select(EditContextRow).where(EditContextRow.revision <= revision)
        contexts = {row.revision: row.target for row in session.scalars(query)}
    undone: dict[int, int | None] = {}
    for made, target in sorted(contexts.items()):
        if target is not None:
            undone.update({old: None for old, by in undone.items() if by == target})  # a redo lets it stand again
            undone[target] = made
    edits = _rows(session, EditRow, EditRow.revision <= revision)
    _put(new, EditRow, [{**row, "undone_by": undone.get(row["revision"])} for row in edits])
    if contexts:
        _put(new, EditContextRow, _rows(session, EditContextRow, EditContextRow.revision <= revision))
    _put(new, ChangeRow, _rows(session, ChangeRow, ChangeRow.revision <= revision))
    if PatternRow.__tablename__ in tables:
        held = set(new.scalars(select(EntryRow.id)))
        _put(new, PatternRow, [row for row in _rows(session, PatternRow) if row["entry_id"] in held])


def _rows(session: Session, table: type[Base], *conditions: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(select(table.__table__).where(*conditions)).mappings()]


def _put(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _PAGE):
        session.execute(insert(table), rows[start : start + _PAGE])
