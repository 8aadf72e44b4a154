"""Checksums of a bank's entries: what was altered other than by the bank itself is found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from ragdiffusion.bank.tables import ChecksumRow

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
