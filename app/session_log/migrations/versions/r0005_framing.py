"""How a run's photo is turned and cut before anybody looks at it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; earlier runs take their photos as they are."""
    op.add_column("runs", sa.Column("framing", sa.JSON))
