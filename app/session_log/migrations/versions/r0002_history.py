"""History and queue: stars, notes, collections, the bin, groups, thumbnails, presets, and words to search."""

import sqlalchemy as sa
from alembic import op

from app.session_log.words import category_of, search_words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns; fill what earlier runs can tell by themselves."""
    op.create_table(
        "groups",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("owner", "kind", "title")),
        sa.Column("layout", sa.JSON, nullable=False),
        sa.Column("picture_path", sa.String),
    )
    flag = {"type_": sa.Boolean, "nullable": False, "server_default": sa.false()}
    for column in (
        sa.Column("embedding", sa.LargeBinary),
        sa.Column("colour_match", **flag),
        sa.Column("background", sa.String, nullable=False, server_default="white"),
        sa.Column("starred", **flag),
        sa.Column("rejected", **flag),
        sa.Column("note", sa.String, nullable=False, server_default=""),
        sa.Column("deleted_at", sa.DateTime),
        sa.Column("colour", sa.JSON),
        sa.Column("reproduces", sa.Integer),
        sa.Column("same_pixels", sa.Boolean),
        sa.Column("imported", **flag),
        sa.Column("position", sa.Integer, nullable=False, server_default="0"),
        sa.Column("category", sa.String, nullable=False, server_default=""),
        sa.Column("search_text", sa.String, nullable=False, server_default=""),
    ):
        op.add_column("runs", column)
    # SQLite takes a foreign key only along with its column, and Alembic only apart from it.
    op.execute("ALTER TABLE runs ADD COLUMN group_id INTEGER CONSTRAINT run_group REFERENCES groups (id)")
    op.create_index("runs_by_status", "runs", ["status", "position"])
    op.create_index("runs_of_group", "runs", ["group_id"])
    op.create_table(
        "thumbnails",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("owner", "name")),
        sa.UniqueConstraint("owner", "name", name="collection_name"),
    )
    op.create_table(
        "collection_runs",
        sa.Column("collection_id", sa.Integer, sa.ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_table(
        "presets",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("owner", "name")),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.UniqueConstraint("owner", "name", name="preset_name"),
    )
    _describe_runs()


def _describe_runs() -> None:
    runs = sa.table(
        "runs",
        *(sa.column(name) for name in ("id", "photo_name", "seed", "landmark_source")),
        *(sa.column(name) for name in ("category", "search_text", "position")),
        sa.column("attributes", sa.JSON),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(runs)).all():
        words = search_words(
            photo_name=row.photo_name,
            attributes=row.attributes,
            seed=row.seed,
            landmark_source=row.landmark_source,
            note="",
        )
        described = runs.update().where(runs.c.id == row.id)
        category = category_of(row.attributes)
        connection.execute(described.values(category=category, search_text=words, position=row.id))
