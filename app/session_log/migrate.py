"""Brings a log of any earlier schema up to date, in one transaction."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select
from sqlalchemy.orm import Session

from app.session_log.tables import SchemaRow

SCHEMA_VERSION = 7
_FIRST = "0001"
_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(session: Session, place: Path | str) -> None:
    """Make the tables of a new log, or change those of an older one; every row is kept.

    Args:
        session: of `Database.migrating`; a failure rolls everything back.
        place: the database's file, or its address without the password.

    Raises:
        ValueError: if the file is a database of something else, or a newer studio made it.
    """
    option = "--workspace" if isinstance(place, Path) else "--log"
    connection = session.connection()
    tables = set(inspect(connection).get_table_names())
    if tables and not {"schema", "runs"} <= tables:
        raise ValueError(f"{place} is a database of something else: move it away, or choose another {option}")
    found = session.scalars(select(SchemaRow.schema_version)).first() if tables else 0
    if not isinstance(found, int):
        raise ValueError(f"{place} is a damaged session log: put a copy of it back, or choose another {option}")
    if found > SCHEMA_VERSION:
        raise ValueError(
            f"{place} has schema version {found}, and this studio knows {SCHEMA_VERSION}: "
            f"update the studio, or choose another {option}"
        )
    if found == SCHEMA_VERSION:
        return
    if tables and "alembic_version" not in tables:  # the first schema was made without migrations
        _run(connection, _FIRST, stamp=True)
    _run(connection, "head", stamp=False)
    session.merge(SchemaRow(id=1, schema_version=SCHEMA_VERSION))


def _run(connection: Connection, revision: str, *, stamp: bool) -> None:
    """Take the steps to a revision, or only note that it is reached."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)

    def steps(current: tuple[str, ...], _: object) -> list:
        return scripts._stamp_revs(revision, current) if stamp else scripts._upgrade_revs(revision, current)

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
