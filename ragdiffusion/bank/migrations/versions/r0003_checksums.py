"""A checksum for each entry, so that what is altered other than by the bank is found."""

import sqlalchemy as sa
from alembic import op

from ragdiffusion.bank.sealing import SEALED, checksum

revision = "0003"
down_revision = "0002"
_PAGE = 1000  # entries read at a time


def upgrade() -> None:
    """Make the table and seal every entry as it is."""
    op.create_table(
        "checksum",
        sa.Column("entry_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
    )
    entries = sa.table("entry", sa.column("id"), *(sa.column(name, sa.LargeBinary) for name in SEALED))
    sums = sa.table("checksum", sa.column("entry_id"), sa.column("sha256", sa.LargeBinary))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(
        sa.select(entries).where(entries.c.id > last).order_by(entries.c.id).limit(_PAGE)
    ).all():
        connection.execute(
            sa.insert(sums),
            [{"entry_id": row.id, "sha256": checksum(row.embedding, row.shape, row.silhouette)} for row in rows],
        )
        last = rows[-1].id
