"""Checksums of a bank's entries: what was altered other than by the bank itself is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ragdiffusion.bank.store import SCHEMA_VERSION, BankRow, ChecksumRow, EntryRow

SEALED = ("embedding", "shape", "silhouette")
"""The fields of an entry that a checksum covers."""
_CHUNK = 500  # ids in one statement


def checksum(embedding: bytes, shape: bytes, silhouette: bytes) -> bytes:
    """SHA-256 of what search and generation take from an entry."""
    digest = hashlib.sha256()
    for content in (embedding, shape, silhouette):
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()


def seal(session: Session, sums: Mapping[int, bytes]) -> None:
    """Write the checksums of entries, in place of those that they had."""
    ids = sorted(sums)
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        session.execute(delete(ChecksumRow).where(ChecksumRow.entry_id.in_(chunk)))
        session.execute(insert(ChecksumRow), [{"entry_id": i, "sha256": sums[i]} for i in chunk])


def upgrade(session: Session, bank: BankRow) -> None:
    """Bring a bank of schema 2 to this one, in the transaction of the first change that is made to it.

    A bank that is only read stays as it is.
    """
    if bank.schema_version == SCHEMA_VERSION:
        return
    ChecksumRow.__table__.create(session.connection(), checkfirst=True)
    seal(session, dict(_sums(session)))
    bank.schema_version = SCHEMA_VERSION


def _sums(session: Session) -> Iterable[tuple[int, bytes]]:
    columns = (EntryRow.id, EntryRow.embedding, EntryRow.shape, EntryRow.silhouette)
    return ((row.id, checksum(row.embedding, row.shape, row.silhouette)) for row in session.execute(select(*columns)))
