"""What a person does with finished runs: marks, notes, the bin, collections; and their own presets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Update, delete, func, select, update
from sqlalchemy.orm import Session

from app.session_log.database import Database
from app.session_log.server import ServerDatabase
from app.session_log.tables import CollectionRow, CollectionRunRow, GroupRow, PresetRow, RunRow
from app.session_log.values import FINAL, mask_path
from app.session_log.words import search_words

MAX_NAME = 80
MAX_NOTE = 4000
_MARKS = ("starred", "rejected")


@dataclass(frozen=True)
class Collection:
    """A named set of runs and how many it holds outside the bin."""

    id: int
    name: str
    count: int


@dataclass(frozen=True)
class OwnPreset:
    """Settings under a name."""

    name: str
    settings: dict[str, Any]


class RunLibrary:
    """One log's collections, marks and presets. Each method is one transaction.

    Args:
        database: of the log.
    """

    def __init__(self, database: Database | ServerDatabase) -> None:
        self._database = database

    def mark(self, run_ids: Sequence[int], mark: str | None, *, owner: str) -> None:
        """Mark runs as "starred" or "rejected", which exclude each other, or take the mark away (None).

        Raises:
            ValueError: if there is no such mark, or one of the runs is not theirs.
        """
        if mark is not None and mark not in _MARKS:
            raise ValueError(f"{mark!r} is no mark: choose one of {', '.join(_MARKS)}")
        self._change(run_ids, owner, update(RunRow).values({name: name == mark for name in _MARKS}))

    def note(self, run_id: int, text: str, *, owner: str) -> None:
        """Write a note to a run; "" takes it away.

        Raises:
            ValueError: if it is too long, or the run is not theirs.
        """
        text = text.strip()
        if len(text) > MAX_NOTE:
            raise ValueError(f"the note has {len(text)} characters, and {MAX_NOTE} fit: shorten it")
        with self._database.writing() as session:
            _require(session, [run_id], owner)
            row = session.get_one(RunRow, run_id)
            row.note = text
            row.search_text = words_of(row)

    def discard(self, run_ids: Sequence[int], *, owner: str) -> None:
        """Put runs into the bin.

        Raises:
            ValueError: if one of them is not theirs, or has not ended.
        """
        with self._database.writing() as session:
            rows = _require(session, run_ids, owner)
            going = [row.id for row in rows if row.status not in FINAL]
            if going:
                raise ValueError(f"run {going[0]} has not ended yet: cancel it first")
            moment = datetime.now(timezone.utc).replace(tzinfo=None)
            session.execute(update(RunRow).where(RunRow.id.in_(run_ids)).values(deleted_at=moment))

    def bring_back(self, run_ids: Sequence[int], *, owner: str) -> None:
        """Take runs out of the bin.

        Raises:
            ValueError: if one of them is not theirs.
        """
        self._change(run_ids, owner, update(RunRow).values(deleted_at=None))

    def empty_bin(self, *, owner: str) -> list[str]:
        """Forget the runs in the bin.

        Returns:
            The pictures that no other run needs any more.
        """
        gone = (RunRow.owner == owner) & RunRow.deleted_at.is_not(None)
        with self._database.writing() as session:
            names = set(_pictures(session, gone))
            session.execute(delete(RunRow).where(gone))
            return sorted(names - _needed(session))

    def unneeded(self, names: Iterable[str]) -> list[str]:
        """Return those of some pictures that nothing in the log needs."""
        with self._database.reading() as session:
            return sorted(set(names) - _needed(session))

    def collections(self, *, owner: str) -> list[Collection]:
        """Return a person's collections by name."""
        inside = select(func.count()).select_from(CollectionRunRow).join(RunRow, RunRow.id == CollectionRunRow.run_id)
        inside = inside.where(CollectionRunRow.collection_id == CollectionRow.id, RunRow.deleted_at.is_(None))
        query = select(CollectionRow.id, CollectionRow.name, inside.scalar_subquery())
        with self._database.reading() as session:
            rows = session.execute(query.where(CollectionRow.owner == owner)).all()
        return sorted((Collection(*row) for row in rows), key=lambda found: found.name.casefold())

    def collections_of(self, run_id: int, *, owner: str) -> list[int]:
        """Return the collections that a run is in."""
        query = select(CollectionRunRow.collection_id).join(
            CollectionRow, CollectionRow.id == CollectionRunRow.collection_id
        )
        with self._database.reading() as session:
            return sorted(session.scalars(query.where(CollectionRunRow.run_id == run_id, CollectionRow.owner == owner)))

    def collect(self, run_ids: Sequence[int], name: str, *, owner: str) -> Collection:
        """Put runs into a collection; a name that is new makes one.

        Raises:
            ValueError: if the name is empty or too long, or one of the runs is not theirs.
        """
        name = _name(name, "collection")
        with self._database.writing() as session:
            _require(session, run_ids, owner)
            same = select(CollectionRow).where(CollectionRow.owner == owner, CollectionRow.name == name)
            row = session.scalars(same).one_or_none()
            if row is None:
                row = CollectionRow(owner=owner, name=name)
                session.add(row)
                session.flush()
            for run_id in dict.fromkeys(run_ids):
                session.merge(CollectionRunRow(collection_id=row.id, run_id=run_id))
            session.flush()
            held = select(func.count()).select_from(CollectionRunRow).where(CollectionRunRow.collection_id == row.id)
            return Collection(row.id, name, session.scalars(held).one())

    def take_out(self, run_ids: Sequence[int], collection: int, *, owner: str) -> None:
        """Take runs out of a collection; one that is empty then is forgotten.

        Raises:
            ValueError: if one of the runs or the collection is not theirs.
        """
        with self._database.writing() as session:
            _require(session, run_ids, owner)
            row = session.get(CollectionRow, collection)
            if row is None or row.owner != owner:
                raise ValueError(f"there is no collection {collection} of yours: reload the page")
            held = CollectionRunRow.collection_id == collection
            session.execute(delete(CollectionRunRow).where(held, CollectionRunRow.run_id.in_(run_ids)))
            if session.scalars(select(CollectionRunRow).where(held).limit(1)).first() is None:
                session.delete(row)

    def presets(self, *, owner: str) -> list[OwnPreset]:
        """Return a person's presets by name."""
        query = select(PresetRow.name, PresetRow.settings).where(PresetRow.owner == owner)
        with self._database.reading() as session:
            found = [OwnPreset(name, settings) for name, settings in session.execute(query)]
        return sorted(found, key=lambda preset: preset.name.casefold())

    def keep_preset(self, preset: OwnPreset, *, owner: str) -> None:
        """Keep settings under a name, in place of earlier ones of that name.

        Raises:
            ValueError: if the name is empty or too long.
        """
        name = _name(preset.name, "preset")
        with self._database.writing() as session:
            session.execute(delete(PresetRow).where(PresetRow.owner == owner, PresetRow.name == name))
            session.add(PresetRow(owner=owner, name=name, settings=preset.settings))

    def forget_preset(self, name: str, *, owner: str) -> None:
        """Forget a preset.

        Raises:
            ValueError: if there is none of that name.
        """
        with self._database.writing() as session:
            gone = session.execute(delete(PresetRow).where(PresetRow.owner == owner, PresetRow.name == name))
            if not gone.rowcount:
                raise ValueError(f"there is no preset {name!r}: reload the page")

    def _change(self, run_ids: Sequence[int], owner: str, change: Update) -> None:
        with self._database.writing() as session:
            _require(session, run_ids, owner)
            session.execute(change.where(RunRow.id.in_(run_ids)))


def words_of(row: RunRow) -> str:
    """Return the words that a row is found by."""
    return search_words(
        photo_name=row.photo_name,
        attributes=row.attributes,
        seed=row.seed,
        landmark_source=row.landmark_source,
        note=row.note or "",
    )


def _pictures(session: Session, *conditions: ColumnElement[bool]) -> Iterator[str]:
    """Yield what runs need of the image store."""
    columns = (RunRow.photo_path, RunRow.landmark_path, RunRow.result_path, RunRow.garment)
    for *names, garment in session.execute(select(*columns).where(*conditions)):
        yield from filter(None, (*names, mask_path(garment)))


def _needed(session: Session) -> set[str]:
    return {*_pictures(session), *(name for name in session.scalars(select(GroupRow.picture_path)) if name)}


def _require(session: Session, run_ids: Sequence[int], owner: str) -> list[RunRow]:
    """Return the rows, all of them this person's."""
    rows = list(session.scalars(select(RunRow).where(RunRow.id.in_(run_ids), RunRow.owner == owner)))
    missing = sorted(set(run_ids) - {row.id for row in rows})
    if missing:
        raise ValueError(f"there is no run {missing[0]} in your history: reload the page")
    return rows


def _name(text: str, kind: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"the name of a {kind} has 1 to {MAX_NAME} characters, got {len(name)}: {name[:20]!r}")
    return name
