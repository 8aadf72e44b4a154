"""Looking a bank over: is every entry what was put in, and can search and generation use it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ragdiffusion.bank.entries import PRECISIONS, UNIT_NORM_TOLERANCE, check_silhouette, decode_embeddings
from ragdiffusion.bank.sealing import checksum
from ragdiffusion.bank.shape_bits import stored_shape_bits
from ragdiffusion.bank.store import Store, open_store
from ragdiffusion.bank.tables import SEALED_SINCE, BankRow, ChecksumRow, EditRow, EntryRow


@dataclass(frozen=True)
class BankCheck:
    """What was found.

    Attributes:
        entries: that were looked at, deleted ones included.
        sealed: those that have a checksum; a bank of an older schema has none until it is changed for the first time.
        problems: one line each.
    """

    entries: int
    sealed: int
    problems: tuple[str, ...]


def check_bank(location: str | Path) -> BankCheck:
    """Look over a bank, without changing it.

    Args:
        location: a bank file or SQLAlchemy URL.

    Raises:
        ValueError: if there is no bank, or its schema is none that is read.
        RuntimeError: if it is locked, or too damaged to be read.
    """
    store = open_store(location, read_only=True)
    try:
        with store.transaction() as session:
            bank = session.scalars(select(BankRow)).one()
            sums = _sums(session) if bank.schema_version >= SEALED_SINCE else {}
            problems = [*_of_file(store, session), *_of_log(session, bank)]
            entries = 0
            for row in session.scalars(select(EntryRow).order_by(EntryRow.id).execution_options(yield_per=256)):
                entries += 1
                problems += [f"entry {row.id}: {problem}" for problem in _of_entry(row, bank, sums)]
            missing = sorted(set(sums) - set(session.scalars(select(EntryRow.id))))
            problems += [f"entry {entry_id}: it is gone, its checksum is there" for entry_id in missing]
        return BankCheck(entries, len(sums), tuple(problems))
    finally:
        store.close()


def _sums(session: Session) -> dict[int, bytes]:
    return {row.entry_id: row.sha256 for row in session.scalars(select(ChecksumRow))}


def _of_file(store: Store, session: Session) -> Iterator[str]:
    if store.path is not None:
        for (line,) in session.connection().exec_driver_sql("PRAGMA integrity_check(5)"):
            if line != "ok":
                yield " ".join(str(line).split())


def _of_log(session: Session, bank: BankRow) -> Iterator[str]:
    latest = session.scalars(select(EditRow).order_by(EditRow.revision.desc()).limit(1)).one_or_none()
    revision, digest = (0, bank.digest) if latest is None else (latest.revision, latest.digest)
    if (revision, digest) != (bank.revision, bank.digest):
        yield f"the log of edits ends at revision {revision}, the bank is at {bank.revision}: one of them was altered"


def _of_entry(row: EntryRow, bank: BankRow, sums: dict[int, bytes]) -> Iterator[str]:
    if bank.schema_version >= SEALED_SINCE:
        if row.id not in sums:
            yield "it has no checksum: it was not added by the bank"
        elif checksum(row.embedding, row.shape, row.silhouette) != sums[row.id]:
            yield "its embedding or silhouette was altered"
    try:
        kind = np.dtype(PRECISIONS[bank.precision])
        decode_embeddings([row.embedding], bank.dimension, bank.precision)
        length = float(np.linalg.norm(np.frombuffer(row.embedding, kind).astype(np.float64)))
        if abs(length - 1) > 2 * UNIT_NORM_TOLERANCE:
            yield f"its embedding has length {length:.3g}, 1 wanted"
    except RuntimeError as error:
        yield str(error)
    try:
        check_silhouette(row.silhouette)
        if stored_shape_bits([row.silhouette])[0].tobytes() != row.shape:
            yield "its coarse shape is not that of its silhouette"
    except ValueError as error:
        yield str(error)
