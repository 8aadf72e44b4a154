"""The log's SQLite file: how it is opened, and what its errors mean to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import WorkspaceError

BUSY_TIMEOUT_MS = 5000


class Database:
    """One SQLite file with write-ahead log. Safe to use from several threads.

    Args:
        path: made with its folder when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        writing = self._engine.execution_options(writes=True)
        self._sessions = {
            writes: sessionmaker(engine, expire_on_commit=False)
            for writes, engine in ((False, self._engine), (True, writing))
        }

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Session]:
        """Return a session that only reads; it never waits for a writer.

        Raises:
            ValueError, WorkspaceError: as for `writing`.
        """
        return self._transaction(writes=False)

    def writing(self) -> AbstractContextManager[Session]:
        """Return a session that is committed at the end, or rolled back by whatever is raised.

        Raises:
            ValueError: if the file is no database.
            WorkspaceError: if the database is locked, read-only, full or damaged.
        """
        return self._transaction(writes=True)

    def migrating(self) -> AbstractContextManager[Session]:
        """Return a session as `writing` does."""
        return self._transaction(writes=True)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Session]:
        try:
            with self._sessions[writes].begin() as session:
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
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes then would fail at once, instead of waiting for the lock, if
    # another one wrote in between: so writers take the lock at their beginning.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
