"""Finding runs among thousands: only what a card shows is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, true

from app.session_log.database import Database
from app.session_log.server import ServerDatabase
from app.session_log.tables import CollectionRow, CollectionRunRow, RunRow, ThumbnailRow
from app.session_log.values import STATUSES
from app.session_log.words import folded

_ESCAPE = "\\"
_MARKS = {"starred": RunRow.starred, "rejected": RunRow.rejected}


@dataclass(frozen=True)
class RunFilter:
    """Which runs are wanted; what is left out does not narrow.

    Args:
        text: words that must all be there, in the photo's name, the attributes, the note or the seed.
        status: queued, running, done, failed, cancelled or interrupted.
        mark: "starred" or "rejected".
        category: of the garment, as in Table 6.
        collection: number of one of the person's collections.
        since: earliest start, with its time zone.
        until: the start must lie before this, with its time zone.
        bin: whether the bin is searched, instead of all that is outside it.

    Raises:
        ValueError: for a status or mark that does not exist, or a moment without a time zone.
    """

    text: str = ""
    status: str | None = None
    mark: str | None = None
    category: str | None = None
    collection: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    bin: bool = False

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is no status of a run: choose one of {', '.join(STATUSES)}")
        if self.mark is not None and self.mark not in _MARKS:
            raise ValueError(f"{self.mark!r} is no mark: choose one of {', '.join(_MARKS)}")
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{moment} has no time zone: give one, as datetime.astimezone() does")

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> RunFilter:
        """Read what the fields of a page or a call ask for; days are written as 2026-12-31, and `until` counts whole.

        Raises:
            ValueError: if a field cannot be used.
        """
        collection, until = fields.get("collection") or None, _day(fields.get("until"))
        number = isinstance(collection, int) and not isinstance(collection, bool) and 0 <= collection < 2**63
        if collection is not None and not number:
            raise ValueError(f"{repr(collection)[:40]} is no collection: reload the page")
        return cls(
            text=str(fields.get("text") or "")[:200],
            status=_word(fields, "status"),
            mark=_word(fields, "mark"),
            category=_word(fields, "category"),
            collection=collection,
            since=_day(fields.get("since")),
            until=until + timedelta(days=1) if until else None,
            bin=bool(fields.get("bin")),
        )


@dataclass(frozen=True)
class Card:
    """What a list shows of a run."""

    id: int
    created_at: datetime
    photo_name: str
    seed: int
    status: str
    starred: bool
    rejected: bool
    noted: bool
    result_path: str | None
    owner: str = ""


@dataclass(frozen=True)
class FoundRuns:
    """Some runs and how many there are.

    Args:
        cards: newest first.
        total: runs that the filter lets through.
    """

    cards: tuple[Card, ...]
    total: int


@dataclass(frozen=True)
class Timed:
    """How long a finished run took: milliseconds by stage."""

    id: int
    created_at: datetime
    steps: int
    timings_ms: dict[str, float]


class Search:
    """Searches one person's runs; nobody finds another's, but for overseers.

    Args:
        database: of the log.
        overseers: people who find everybody's.
    """

    def __init__(self, database: Database | ServerDatabase, *, overseers: frozenset[str] = frozenset()) -> None:
        self._database = database
        self._overseers = overseers

    def find(self, wanted: RunFilter, *, owner: str, count: int, before: int | None = None) -> FoundRuns:
        """Return some of the runs that a filter lets through, newest first.

        Args:
            wanted: which.
            owner: whose.
            count: at most so many.
            before: only runs with a smaller number, to go on where an earlier answer ended.
        """
        narrowed = [self._visible(owner), *_conditions(wanted, owner)]
        page = narrowed if before is None else [*narrowed, RunRow.id < before]
        columns = (
            RunRow.id,
            RunRow.created_at,
            RunRow.photo_name,
            RunRow.seed,
            RunRow.status,
            RunRow.starred,
            RunRow.rejected,
            RunRow.note != "",
            RunRow.result_path,
            RunRow.owner,
        )
        with self._database.reading() as session:
            rows = session.execute(select(*columns).where(*page).order_by(RunRow.id.desc()).limit(count)).all()
            total = session.scalars(select(func.count()).select_from(RunRow).where(*narrowed)).one()
        return FoundRuns(tuple(_card(row) for row in rows), total)

    def timings(self, *, owner: str, count: int) -> list[Timed]:
        """Return how long the latest runs took that were made here and are done, oldest first; those in the bin too."""
        query = select(RunRow.id, RunRow.created_at, RunRow.steps, RunRow.timings_ms)
        query = query.where(RunRow.owner == owner, RunRow.status == "done", RunRow.imported.is_(False))
        with self._database.reading() as session:
            rows = session.execute(query.order_by(RunRow.id.desc()).limit(count)).all()
        return [Timed(run_id, moment.replace(tzinfo=timezone.utc), *rest) for run_id, moment, *rest in reversed(rows)]

    def categories(self, *, owner: str) -> list[str]:
        """Return the categories that occur, in order."""
        query = select(RunRow.category).where(self._visible(owner), RunRow.category != "").distinct()
        with self._database.reading() as session:
            return sorted(session.scalars(query))

    def thumbnails(self, run_ids: list[int], *, owner: str) -> dict[int, bytes]:
        """Return the small pictures of runs, as JPEG; runs without one are left out."""
        query = select(ThumbnailRow.run_id, ThumbnailRow.jpeg).join(RunRow, RunRow.id == ThumbnailRow.run_id)
        with self._database.reading() as session:
            found = session.execute(query.where(RunRow.id.in_(run_ids), self._visible(owner))).all()
        return {run_id: jpeg for run_id, jpeg in found}

    def _visible(self, owner: str) -> ColumnElement[bool]:
        return true() if owner in self._overseers else RunRow.owner == owner


def _conditions(wanted: RunFilter, owner: str) -> list[ColumnElement[bool]]:
    found = [RunRow.deleted_at.is_not(None) if wanted.bin else RunRow.deleted_at.is_(None)]
    words = folded(wanted.text).split()
    found += [RunRow.search_text.contains(word, autoescape=True, escape=_ESCAPE) for word in words]
    if wanted.status is not None:
        found.append(RunRow.status == wanted.status)
    if wanted.mark is not None:
        found.append(_MARKS[wanted.mark])
    if wanted.category is not None:
        found.append(RunRow.category == wanted.category)
    if wanted.collection is not None:
        held = select(CollectionRunRow.run_id).join(CollectionRow, CollectionRow.id == CollectionRunRow.collection_id)
        found.append(RunRow.id.in_(held.where(CollectionRow.id == wanted.collection, CollectionRow.owner == owner)))
    if wanted.since is not None:
        found.append(RunRow.created_at >= _plain(wanted.since))
    if wanted.until is not None:
        found.append(RunRow.created_at < _plain(wanted.until))
    return found


def _word(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name) or None
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be a word, got {repr(value)[:40]}")
    return value


def _day(text: object) -> datetime | None:
    """Return the beginning of a day, in this machine's time zone."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").astimezone() if text else None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{str(text)[:20]!r} is no date: write it as 2026-12-31") from error


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def _card(row: Row[Any]) -> Card:
    run_id, created_at, *rest = row
    return Card(run_id, created_at.replace(tzinfo=timezone.utc), *rest)
