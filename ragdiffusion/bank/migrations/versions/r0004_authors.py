"""Authors, snapshots, earlier encoders, an index for an entry's own history, and patterns that an undo brings back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; earlier undos are told what they took back."""
    op.create_table(
        "edit_context",
        sa.Column("revision", sa.Integer, sa.ForeignKey("edit.revision"), primary_key=True, autoincrement=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("target", sa.Integer),
    )
    op.create_table(
        "snapshot",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_table(
        "encoder",
        sa.Column("until", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
    )
    op.create_index("change_of_entry", "change", ["entry_id", "revision"])
    op.execute(
        "INSERT INTO edit_context (revision, author, target) "
        "SELECT undone_by, '', revision FROM edit WHERE undone_by IS NOT NULL"
    )
    _patterns()


def _patterns() -> None:
    """One pattern for each silhouette that an entry ever had, where there was one for each entry."""
    older = sa.inspect(op.get_bind()).has_table("pattern")
    if older:
        op.rename_table("pattern", "pattern_before")
    op.create_table(
        "pattern",
        sa.Column("entry_id", sa.Integer, sa.ForeignKey("entry.id"), primary_key=True, autoincrement=False),
        sa.Column("silhouette", sa.LargeBinary, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("measures", sa.JSON, nullable=False),
    )
    if older:
        op.execute(
            "INSERT INTO pattern (entry_id, silhouette, kind, measures) "
            "SELECT entry_id, silhouette, kind, measures FROM pattern_before"
        )
        op.drop_table("pattern_before")
