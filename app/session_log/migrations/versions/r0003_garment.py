"""Which garment of the photo a run means."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; earlier runs mean the one garment that is found."""
    op.add_column("runs", sa.Column("garment", sa.JSON))
