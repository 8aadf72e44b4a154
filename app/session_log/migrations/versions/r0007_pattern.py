"""What a run's landmark was drawn from, where it is a drafted one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; no earlier run obeyed a drafted shape."""
    op.add_column("runs", sa.Column("pattern", sa.JSON))
