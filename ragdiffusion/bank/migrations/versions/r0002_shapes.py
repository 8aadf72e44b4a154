"""Silhouettes as 64 x 64 bits beside their pictures, so that a bank is ranked without decoding it."""

import sqlalchemy as sa
from alembic import op

from ragdiffusion.bank.shape_bits import stored_shape_bits

revision = "0002"
down_revision = "0001"
_PAGE = 256  # silhouettes decoded at a time


def upgrade() -> None:
    """Add the column and fill it."""
    op.add_column("entry", sa.Column("shape", sa.LargeBinary, nullable=False, server_default=sa.text("x''")))
    entries = sa.table(
        "entry",
        sa.column("id", sa.Integer),
        sa.column("shape", sa.LargeBinary),
        sa.column("silhouette", sa.LargeBinary),
    )
    connection = op.get_bind()
    ids = connection.scalars(sa.select(entries.c.id).order_by(entries.c.id)).all()
    for start in range(0, len(ids), _PAGE):
        chunk = ids[start : start + _PAGE]
        rows = connection.execute(sa.select(entries.c.id, entries.c.silhouette).where(entries.c.id.in_(chunk))).all()
        shapes = stored_shape_bits([row.silhouette for row in rows])
        for row, shape in zip(rows, shapes, strict=True):
            connection.execute(sa.update(entries).where(entries.c.id == row.id).values(shape=shape.tobytes()))
