"""The first released schema: the runs and their inputs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table("schema", sa.Column("id", sa.Integer, primary_key=True), _column("schema_version", sa.Integer))
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        _column("created_at", sa.DateTime),
        *(_column(name, sa.String) for name in ("owner", "photo_sha256", "photo_name", "photo_path")),
        *(_column(name, sa.String) for name in ("checkpoint", "bank_version")),
        _column("candidates", sa.JSON),
        _column("consensus", sa.Integer),
        sa.Column("choice", sa.Integer),
        _column("alpha", sa.Float),
        _column("k", sa.Integer),
        _column("attributes", sa.JSON),
        *(_column(name, sa.String) for name in ("landmark_path", "landmark_source")),
        *(_column(name, sa.Integer) for name in ("seed", "steps")),
        *(_column(name, sa.Float) for name in ("strength", "guidance")),
        *(_column(name, sa.String) for name in ("preset", "device", "status")),
        sa.Column("error", sa.String),
        _column("timings_ms", sa.JSON),
        sa.Column("result_path", sa.String),
    )
    op.create_index("runs_of_owner", "runs", ["owner", "id"])


def _column(name: str, kind: type) -> sa.Column:
    return sa.Column(name, kind, nullable=False)
