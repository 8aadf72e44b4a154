"""The log's SQLite file: how it is opened, and what its errors mean to a person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import WorkspaceError

BUSY_TIMEOUT_MS = 5000


class Database:
    """One SQLite file with write-ahead log, readable by its owner alone. Safe to use from several threads.

    Args:
        path: made with its folder when missing; any name that the system takes, whatever it means in a URL.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_private(path)
        self._engine = create_engine(URL.create("sqlite", database=str(path.absolute())))
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        options = {"reading": {}, "writing": {"writes": True}, "migrating": {"writes": True, "rebuilds": True}}
        self._sessions = {
            name: sessionmaker(self._engine.execution_options(**each), expire_on_commit=False)
            for name, each in options.items()
        }

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Session]:
        """Return a session that only reads; it never waits for a writer.

        Raises:
            ValueError, WorkspaceError: as for `writing`.
        """
        return self._transaction("reading")

    def writing(self) -> AbstractContextManager[Session]:
        """Return a session that is committed at the end, or rolled back by whatever is raised.

        Raises:
            ValueError: if the file is no database.
            WorkspaceError: if the database is locked, read-only, full or damaged.
        """
        return self._transaction("writing")

    def migrating(self) -> AbstractContextManager[Session]:
        """Return a session as `writing` does, in which a table may be made anew while rows of others refer to it.

        Raises:
            ValueError, WorkspaceError: as for `writing`.
        """
        return self._transaction("migrating")

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[Session]:
        try:
            with self._sessions[kind].begin() as session:
                yield session
        except DatabaseError as error:
            reason = str(error.orig)
            if "not a database" in reason:
                raise ValueError(
                    f"{self.path} is not a session log: move it away, or choose another --workspace"
                ) from error
            raise WorkspaceError(
                f"the session log {self.path} cannot be used ({reason}): "
                "check free space and permissions, and that no other program holds it"
            ) from error


def _set_pragmas(connection: Any, _: Any) -> None:
    # The driver's own implicit BEGIN skips DDL, which would leave half a schema after a crash.
    connection.isolation_level = None
    # First, as the switch to a write-ahead log may meet a lock itself.
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    # Can be said outside a transaction only. With it, dropping a table takes the rows along that refer to its own.
    connection.exec_driver_sql(f"PRAGMA foreign_keys={'OFF' if options.get('rebuilds') else 'ON'}")
    # A transaction that reads first and writes then would fail at once, instead of waiting for the lock, if
    # another one wrote in between: so writers take the lock at their beginning.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _make_private(path: Path) -> None:
    """Let nobody but the owner read the file; SQLite gives its companions the same permissions."""
    with suppress(OSError):  # what cannot be opened is said when it is used; some disks have no permissions
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
