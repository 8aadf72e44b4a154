"""The log's tables as they are now; `migrations` tells how they came to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, composite, mapped_column

from app.session_log.sampling import Sampling


class LogBase(DeclarativeBase):
    """The log's tables."""

    # What a Python float becomes differs between the pinned versions of SQLAlchemy.
    type_annotation_map = {float: Float}


class SchemaRow(LogBase):
    """One row: the version of the tables. Studios of the first schema look here."""

    __tablename__ = "schema"
    id: Mapped[int] = mapped_column(primary_key=True)
    schema_version: Mapped[int]


class GroupRow(LogBase):
    """Runs that were started by one press."""

    __tablename__ = "groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    owner: Mapped[str]
    kind: Mapped[str]
    title: Mapped[str]
    layout: Mapped[dict[str, Any]] = mapped_column(JSON)
    picture_path: Mapped[str | None]


def _sampling_columns() -> Iterator[MappedColumn[Any]]:
    """Yield one column for each setting, named as it is; types come from the dataclass."""
    for setting in fields(Sampling):
        default = setting.default
        server_default = None if default is MISSING else false() if default is False else default
        wide = (BigInteger().with_variant(Integer, "sqlite"),) if setting.name == "seed" else ()
        yield mapped_column(setting.name, *wide, server_default=server_default)


class RunRow(LogBase):
    """One picture that was asked for. Pictures are names in the image store; times are UTC."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    owner: Mapped[str]
    photo_sha256: Mapped[str]
    photo_name: Mapped[str]
    photo_path: Mapped[str]
    checkpoint: Mapped[str]
    bank_version: Mapped[str]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    consensus: Mapped[int]
    choice: Mapped[int | None]
    alpha: Mapped[float]
    k: Mapped[int]
    attributes: Mapped[dict[str, str]] = mapped_column(JSON)
    landmark_path: Mapped[str]
    landmark_source: Mapped[str]
    sampling: Mapped[Sampling] = composite(*_sampling_columns())
    preset: Mapped[str]
    device: Mapped[str]
    status: Mapped[str]
    error: Mapped[str | None]
    timings_ms: Mapped[dict[str, float]] = mapped_column(JSON)
    result_path: Mapped[str | None]
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    starred: Mapped[bool] = mapped_column(server_default=false())
    rejected: Mapped[bool] = mapped_column(server_default=false())
    note: Mapped[str] = mapped_column(server_default="")
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime)
    colour: Mapped[dict[str, float] | None] = mapped_column(JSON(none_as_null=True))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", name="run_group"))
    reproduces: Mapped[int | None]
    same_pixels: Mapped[bool | None]
    imported: Mapped[bool] = mapped_column(server_default=false())
    position: Mapped[int] = mapped_column(server_default="0")
    category: Mapped[str] = mapped_column(server_default="")
    search_text: Mapped[str] = mapped_column(server_default="")
    garment: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None] = mapped_column(DateTime)
    starts: Mapped[int] = mapped_column(server_default="0")
    step: Mapped[int] = mapped_column(server_default="0")
    stop_asked: Mapped[bool] = mapped_column(server_default=false())
    framing: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    pattern: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (
        Index("runs_of_owner", "owner", "id"),
        Index("runs_by_status", "status", "position"),
        Index("runs_of_group", "group_id"),
        {"sqlite_autoincrement": True},  # a number that was seen once never means another run
    )


class ThumbnailRow(LogBase):
    """A run's picture, small. Apart from the runs, so that searching them reads no pictures."""

    __tablename__ = "thumbnails"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)


class CollectionRow(LogBase):
    """A person's named set of runs."""

    __tablename__ = "collections"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    __table_args__ = (UniqueConstraint("owner", "name", name="collection_name"), {"sqlite_autoincrement": True})


class CollectionRunRow(LogBase):
    """A run in a collection."""

    __tablename__ = "collection_runs"
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


class PresetRow(LogBase):
    """A person's own settings under a name."""

    __tablename__ = "presets"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (UniqueConstraint("owner", "name", name="preset_name"),)


class WorkerRow(LogBase):
    """A process that makes pictures of a log that several share."""

    __tablename__ = "workers"
    name: Mapped[str] = mapped_column(primary_key=True)
    checkpoint: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(DateTime)


class PauseRow(LogBase):
    """A person whose waiting runs stand still, in a log that several share."""

    __tablename__ = "pauses"
    owner: Mapped[str] = mapped_column(primary_key=True)
