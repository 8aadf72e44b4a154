"""Who may do what on a bank's database when: transactions that read, follow or edit, and what follows it in memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ragdiffusion.bank.catalogue import Catalogue, View
from ragdiffusion.bank.edit_log import Recorder
from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.opening import bring_up_to_date
from ragdiffusion.bank.store import Store
from ragdiffusion.bank.tables import BankRow


class BankAccess:
    """The transactions of one open bank.

    Args:
        store: its database.

    Attributes:
        about: the bank's own row, as it was when it was opened.
        lock: held by whoever uses what follows the database.
        follower: index and shapes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lock = threading.RLock()
        self._catalogue = Catalogue()
        with store.transaction() as session:
            self.about = session.scalars(select(BankRow)).one()
            self.follower = IndexFollower(session, self.about.dimension, self.about.precision)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one moment of the bank."""
        with self._store.transaction() as session:
            yield session

    @contextmanager
    def following(self) -> Iterator[View]:
        """A reading transaction with the index and the catalogue as they are in it; one at a time."""
        with self.lock, self.reading() as session:
            index = self.follower.refresh(session)
            self._catalogue.refresh(session)
            version = version_of(self.about.name, self.follower.revision, self.follower.digest)
            yield View(session, self.follower, index, self._catalogue, version)

    @contextmanager
    def editing(self, action: str, author: str = "") -> Iterator[Recorder]:
        """One action: what is done on the recorder is one revision of the bank, or nothing on any error.

        Raises:
            RuntimeError: if the bank is read-only or locked.
        """
        self._make_writable()
        with self._store.transaction(writes=True) as session:
            recorder = Recorder(session, action, author)
            yield recorder
            recorder.finish()

    @contextmanager
    def annotating(self) -> Iterator[Session]:
        """A transaction that writes beside the entries, and so makes no revision.

        Raises:
            RuntimeError: if the bank is read-only or locked.
        """
        self._make_writable()
        with self._store.transaction(writes=True) as session:
            session.execute(update(BankRow).values(revision=BankRow.revision))  # writers queue up here
            yield session

    def _make_writable(self) -> None:
        if self._store.read_only:
            label = self._store.label
            raise RuntimeError(f"bank {label} is read-only: copy it to your workspace and change the copy")
        bring_up_to_date(self._store, self.about)


def slug_of(name: str) -> str:
    """A bank's name as its versions begin."""
    return re.sub(r"\W+", "-", name).strip("-").lower() or "bank"


def version_of(name: str, revision: int, digest: str) -> str:
    """A bank's version in words, like "studio-r12-3f2a9c"."""
    return f"{slug_of(name)}-r{revision}-{digest[:6]}"
