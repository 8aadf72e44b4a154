"""A bank's tables, as this version has them, and how the log of changes packs a value."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, DateTime, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ragdiffusion.bank.damage import guarded

SCHEMA_VERSION = 4
FIRST_SCHEMA = 1
READABLE_SCHEMAS = (2, 3, 4)
"""Schema 2 has no checksums, 3 no authors and no snapshots; what can't be written is read as it is."""
SEALED_SINCE = 3
"""The schema from which on entries have checksums."""

_BYTES = guarded(LargeBinary(), lambda value: isinstance(value, bytes), "bytes")
_TEXT = guarded(String(), lambda value: isinstance(value, str), "text")
_PICTURE = guarded(LargeBinary(), lambda value: isinstance(value, bytes), "a picture", nullable=True)
_SWITCH = guarded(Boolean(), lambda value: isinstance(value, bool), "yes or no", stored=lambda value: value in (0, 1))
_MOMENT = guarded(DateTime(), lambda value: isinstance(value, datetime), "a time", nullable=True)
_WORDS = guarded(
    JSON(), lambda value: isinstance(value, list) and all(isinstance(word, str) for word in value), "a list of words"
)
_NAMED_WORDS = guarded(
    JSON(),
    lambda value: isinstance(value, dict) and all(isinstance(word, str) for item in value.items() for word in item),
    "attributes by name",
)


class Base(DeclarativeBase):
    """The bank's tables."""


class BankRow(Base):
    """The bank itself: one row. `digest` is the hash of everything that was ever done to the bank."""

    __tablename__ = "bank"
    id: Mapped[int] = mapped_column(primary_key=True)
    schema_version: Mapped[int]
    name: Mapped[str]
    fingerprint: Mapped[str]
    dimension: Mapped[int]
    precision: Mapped[str]
    revision: Mapped[int]
    digest: Mapped[str]


class EntryRow(Base):
    """One flat-lay garment. Never removed, only marked, so that ids stay valid in old records.

    `revision` is the last one that touched the row: what an index needs to catch up. `shape` is the silhouette as
    `shape_bits` packs it, since to decode those of a whole bank takes seconds. Large values come last,
    since SQLite has to read past what stands before a column.
    """

    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(index=True)
    enabled: Mapped[bool] = mapped_column(_SWITCH)
    deleted_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    embedding: Mapped[bytes] = mapped_column(_BYTES)
    shape: Mapped[bytes] = mapped_column(_BYTES)
    source: Mapped[str] = mapped_column(_TEXT)
    attributes: Mapped[dict[str, str]] = mapped_column(_NAMED_WORDS)
    tags: Mapped[list[str]] = mapped_column(_WORDS)
    silhouette: Mapped[bytes] = mapped_column(_BYTES)
    thumbnail: Mapped[bytes | None] = mapped_column(_PICTURE)


class ChecksumRow(Base):
    """What an entry's embedding and silhouette were when the bank wrote them, as `sealing.checksum`."""

    __tablename__ = "checksum"
    entry_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[bytes] = mapped_column(_BYTES)


class EditRow(Base):
    """One action on the bank, which made one revision."""

    __tablename__ = "edit"
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(_TEXT)
    at: Mapped[datetime] = mapped_column(_MOMENT)
    entries: Mapped[int]
    digest: Mapped[str]
    undone_by: Mapped[int | None]


class ChangeRow(Base):
    """What a field held before an edit; the field "created" stands for an entry that was added."""

    __tablename__ = "change"
    revision: Mapped[int] = mapped_column(ForeignKey("edit.revision"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[bytes | None] = mapped_column(LargeBinary)
    __table_args__ = (Index("change_of_entry", "entry_id", "revision"), {"sqlite_with_rowid": False})


class EditContextRow(Base):
    """Who did an action, and which one an undo or redo took back. Banks before schema 4 lack the table."""

    __tablename__ = "edit_context"
    revision: Mapped[int] = mapped_column(ForeignKey("edit.revision"), primary_key=True, autoincrement=False)
    author: Mapped[str] = mapped_column(_TEXT)
    target: Mapped[int | None]


class SnapshotRow(Base):
    """A revision that was given a name. Banks before schema 4 lack the table."""

    __tablename__ = "snapshot"
    name: Mapped[str] = mapped_column(_TEXT, primary_key=True)
    revision: Mapped[int]
    digest: Mapped[str]
    at: Mapped[datetime] = mapped_column(_MOMENT)
    author: Mapped[str] = mapped_column(_TEXT)
    note: Mapped[str] = mapped_column(_TEXT)


class EncoderRow(Base):
    """An encoder that the bank belonged to before it was encoded again, by the revision that did so."""

    __tablename__ = "encoder"
    until: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(_TEXT)
    dimension: Mapped[int]


class PatternRow(Base):
    """What a silhouette of an entry was drawn from; `silhouette` is the head of its SHA-256. Older banks lack it."""

    __tablename__ = "pattern"
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), primary_key=True, autoincrement=False)
    silhouette: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str]
    measures: Mapped[dict[str, float]] = mapped_column(JSON)


def pack(value: Any) -> bytes | None:
    """A field's value as the change log keeps it: bytes as they are, times as ISO 8601, the rest as JSON."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, datetime):
        return value.isoformat().encode()
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()


def unpack(field: str, packed: bytes | None) -> Any:
    """The value that `pack` kept for this field of an entry."""
    if packed is None or field in ("embedding", "shape", "silhouette", "thumbnail"):
        return packed
    if field == "deleted_at":
        return datetime.fromisoformat(packed.decode())
    return json.loads(packed)
