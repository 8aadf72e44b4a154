"""A log that several processes share: who has a run and until when, who is there, whose runs stand still."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns and tables; a log in a file has them too, and leaves them empty."""
    for column in (
        sa.Column("worker", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("starts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("step", sa.Integer, nullable=False, server_default="0"),
        sa.Column("stop_asked", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("runs", column)
    op.create_table(
        "workers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("checkpoint", sa.String, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table("pauses", sa.Column("owner", sa.String, primary_key=True))
    if op.get_bind().dialect.name == "postgresql":  # SQLite's integers are as wide as they need to be
        op.alter_column("runs", "seed", type_=sa.BigInteger)
