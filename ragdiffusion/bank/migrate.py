"""Brings a bank of any earlier schema up to date, in one transaction; entries, log and version stay."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, update

from ragdiffusion.bank.store import Store
from ragdiffusion.bank.tables import SCHEMA_VERSION, BankRow

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(store: Store) -> None:
    """Take a bank from its schema to this program's, or leave it as it is.

    Raises:
        RuntimeError: if the database is locked, full or damaged.
    """
    with store.transaction(writes=True) as session:
        # Writing first: whoever opens the bank at the same time waits here, and then finds it up to date.
        session.execute(update(BankRow).values(revision=BankRow.revision))
        found = session.scalars(select(BankRow.schema_version)).one()
        if found < SCHEMA_VERSION:
            _steps(session.connection(), found)
            session.execute(update(BankRow).values(schema_version=SCHEMA_VERSION))


def _steps(connection: Connection, found: int) -> None:
    """The row of the bank says which schema it has; where Alembic's own note is missing or older, that counts."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    for plan in (
        lambda current, _: scripts._stamp_revs(f"{found:04d}", current),
        lambda current, _: scripts._upgrade_revs("head", current),
    ):
        with EnvironmentContext(config, scripts, fn=plan) as environment:
            environment.configure(connection=connection, transactional_ddl=True)
            environment.run_migrations()
