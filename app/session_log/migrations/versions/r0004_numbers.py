"""Numbers of runs and collections are given once, also after the newest was deleted."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make both tables anew with SQLite's AUTOINCREMENT; other databases count so by themselves."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in ("runs", "collections"):
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
