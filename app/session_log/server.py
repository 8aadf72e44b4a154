"""A log's database on a PostgreSQL server, which several studios and workers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone

from sqlalchemy import URL, create_engine, func, select
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import WorkspaceError

FORM = "postgresql+psycopg://USER@HOST/DATABASE"
_CONNECT_SECONDS = 10
_MIGRATING, _ADDING = 0x52414744, 0x52414745  # of the server's locks that are asked for by number


class ServerDatabase:
    """One database on a server. Safe to use from several threads.

    Args:
        url: of the database, with the driver psycopg.

    Raises:
        ValueError: if it is no such address, or the driver is not installed.
    """

    def __init__(self, url: URL) -> None:
        if url.get_backend_name() != "postgresql" or not url.database:
            raise ValueError(f"a shared log is an address such as {FORM}, got {url.render_as_string()}")
        self.name = url.render_as_string()  # without the password
        timed = url.update_query_dict({"connect_timeout": str(_CONNECT_SECONDS)})
        try:
            # A connection that was cut while it waited in the pool is noticed before it is used.
            self._engine = create_engine(timed, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise ValueError(
                f"{self.name} needs the driver psycopg: pip install 'ragdiffusion-studio[postgres]', "
                f"and write the address as {FORM}"
            ) from error
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Session]:
        """Return a session that only reads.

        Raises:
            WorkspaceError: as for `writing`.
        """
        return self.writing()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that is committed at the end, or rolled back by whatever is raised.

        Raises:
            WorkspaceError: if the server does not answer, refuses the login, or cannot keep what is written.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except DatabaseError as error:
            reason = " ".join(str(error.orig).split())[:300]
            raise WorkspaceError(
                f"the session log {self.name} cannot be used ({reason}): "
                "check that the server runs and answers here, and the user's password and rights"
            ) from error

    @contextmanager
    def migrating(self) -> Iterator[Session]:
        """Give a session as `writing` does; of several studios that start at once, one after the other has it."""
        with self.writing() as session:
            session.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            yield session


def moment(session: Session) -> datetime:
    """Return the present in UTC, without its time zone: a server's, where several machines write."""
    if not _on_server(session):
        return datetime.now(timezone.utc).replace(tzinfo=None)
    return session.scalars(select(func.timezone("UTC", func.clock_timestamp()))).one()


def hold_end_of_queue(session: Session) -> None:
    """Let no other process add a run before this transaction ends, so that no two runs get one place."""
    if _on_server(session):
        session.execute(select(func.pg_advisory_xact_lock(_ADDING)))


def _on_server(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
