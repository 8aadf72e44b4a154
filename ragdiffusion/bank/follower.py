"""What a bank keeps in memory beside its database, brought up to date before each use: vectors and coarse shapes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ragdiffusion.bank.damage import DamagedBankError
from ragdiffusion.bank.entries import decode_embeddings
from ragdiffusion.bank.index import VectorIndex
from ragdiffusion.bank.shape_bits import SIDE
from ragdiffusion.bank.tables import BankRow, EditRow, EntryRow

_PAGE = 10_000  # embeddings decoded at a time
_SHAPES = 100_000  # coarse shapes kept, half a kilobyte each


class IndexFollower:
    """Holds the index over a bank's enabled entries, their shapes, and the revision that these stand for.

    Args:
        session: on the bank's database.
        dimension: length D of its embeddings.
        precision: how they are stored.
    """

    revision: int
    digest: str

    def __init__(self, session: Session, dimension: int, precision: str) -> None:
        self._dimension, self._precision = dimension, precision
        self._fingerprint = session.scalars(select(BankRow.fingerprint)).one()
        self._load(session)

    def refresh(self, session: Session) -> VectorIndex:
        """Take over what was changed since, by whomever, and return the index.

        Raises:
            RuntimeError: if the bank was encoded for another encoder since.
        """
        state = session.execute(select(BankRow.revision, BankRow.digest)).one()
        if tuple(state) == (self.revision, self.digest):
            return self._index
        encoder = session.scalars(select(BankRow.fingerprint)).one()
        if encoder != self._fingerprint:
            raise RuntimeError(f"the bank was encoded for encoder {encoder} meanwhile: open it again with that one")
        known = session.scalar(select(EditRow.digest).where(EditRow.revision == self.revision))
        if self.revision > 0 and known != self.digest:  # the database was put back to another history
            self._load(session)
            return self._index
        columns = (EntryRow.id, EntryRow.enabled, EntryRow.deleted_at, EntryRow.embedding, EntryRow.shape)
        rows = session.execute(select(*columns).where(EntryRow.revision > self.revision).order_by(EntryRow.id)).all()
        alive = [row for row in rows if row.enabled and row.deleted_at is None]
        living = {row.id for row in alive}
        self._index.remove([row.id for row in rows if row.id not in living])
        for row in rows:
            self._shapes.pop(row.id, None)
        self._put(alive)
        self.revision, self.digest = state
        return self._index

    def vectors(self, rows: Sequence[Any]) -> np.ndarray:
        """The embeddings of database rows, (N, D) float32 of unit length."""
        return decode_embeddings([row.embedding for row in rows], self._dimension, self._precision)

    def shapes(self, session: Session, ids: Sequence[int]) -> np.ndarray:
        """Silhouettes of entries as `shape_bits` packs them, (M, 64) uint64.

        Args:
            session: on the database, of the transaction in which `refresh` was called.
            ids: M ids of entries.
        """
        unread = [entry_id for entry_id in ids if entry_id not in self._shapes]
        if unread:
            rows = session.execute(select(EntryRow.id, EntryRow.shape).where(EntryRow.id.in_(unread)))
            self._shapes.update((row.id, _shape(row.shape)) for row in rows)
        found = np.stack([self._shapes[entry_id] for entry_id in ids])
        self._forget()
        return found

    def _load(self, session: Session) -> None:
        state = session.execute(select(BankRow.revision, BankRow.digest)).one()
        columns = (EntryRow.id, EntryRow.embedding, EntryRow.shape)
        alive = select(*columns).where(EntryRow.enabled, EntryRow.deleted_at.is_(None))
        self._index = VectorIndex(self._dimension)
        self._shapes: dict[int, np.ndarray] = {}
        for rows in session.execute(alive.order_by(EntryRow.id)).partitions(_PAGE):
            self._put(rows)
        self.revision, self.digest = state

    def _put(self, rows: Sequence[Any]) -> None:
        if rows:
            self._index.put([row.id for row in rows], self.vectors(rows))
            self._shapes.update((row.id, _shape(row.shape)) for row in rows)
            self._forget()

    def _forget(self) -> None:
        while len(self._shapes) > _SHAPES:
            self._shapes.pop(next(iter(self._shapes)))  # the oldest


def _shape(packed: bytes) -> np.ndarray:
    if len(packed) != SIDE**2 // 8:
        raise DamagedBankError(f"a coarse shape in it has {len(packed)} bytes, {SIDE**2 // 8} wanted")
    return np.frombuffer(packed, np.uint64)
