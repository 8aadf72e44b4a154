"""The log itself: runs from the queue to their end."""

from __future__ import annotations

from collections.abc import Collection as SomeOf
from collections.abc import Sequence
from datetime import timezone
from pathlib import Path
from typing import Any

from sqlalchemy import URL, func, select, update
from sqlalchemy.orm import Session

from app.errors import RunGoneError
from app.session_log.database import Database
from app.session_log.library import RunLibrary, words_of
from app.session_log.migrate import migrate
from app.session_log.retrieved import RetrievedEntries
from app.session_log.search import Search
from app.session_log.server import ServerDatabase, hold_end_of_queue, moment
from app.session_log.tables import GroupRow, RunRow, ThumbnailRow
from app.session_log.team import LEASE_SECONDS, Team
from app.session_log.values import FinishedRun, Run, RunGroup, RunInputs
from app.session_log.words import category_of

_ORDER = (RunRow.position, RunRow.id)


class SessionLog:
    """The log in one SQLite file or on a server. Safe to use from several threads; each method is one transaction.

    Opening a file marks runs that an earlier process was working on as interrupted and leaves queued ones queued,
    so one workspace belongs to one studio at a time (`app.files.workspace` sees to that). On a server several
    processes share it, and `team` tells which of them has which run.

    Args:
        place: the file, made with its tables when missing, or the URL of a PostgreSQL database, made before; both
            migrated when older.
        overseers: people who see everybody's runs.
        lease_seconds: on a server, a worker that says nothing for so long has lost its runs.

    Attributes:
        path: of the file; None on a server.
        team: this process among those that share the log; None where it has a file to itself.

    Raises:
        ValueError: if the file is no session log, or a newer studio made it.
        WorkspaceError: if the database is locked, read-only, full or damaged. Every method may raise this.
    """

    def __init__(self, place: Path | URL, *, overseers: SomeOf[str] = (), lease_seconds: float = LEASE_SECONDS) -> None:
        self.path = place if isinstance(place, Path) else None
        self._database = Database(place) if isinstance(place, Path) else ServerDatabase(place)
        shared = isinstance(self._database, ServerDatabase)
        self.team = Team(self._database, lease_seconds=lease_seconds) if shared else None
        self.overseers = frozenset(overseers)
        self.search = Search(self._database, overseers=self.overseers)
        self.library = RunLibrary(self._database)
        self.retrieved = RetrievedEntries(self._database)
        try:
            with self._database.migrating() as session:
                migrate(session, self._database.name if shared else place)
            if self.team is None:
                with self._database.writing() as session:
                    cut = update(RunRow).where(RunRow.status == "running")
                    session.execute(cut.values(status="interrupted", error="the studio was closed meanwhile"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def add(self, inputs: RunInputs, *, reproduces: int | None = None) -> Run:
        """Write a new run at the end of the queue.

        Args:
            inputs: of the run.
            reproduces: number of the run that it is to check, None if it is to check none.
        """
        with self._database.writing() as session:
            return _run(_add(session, inputs, _end_of_queue(session), reproduces=reproduces))

    def add_group(
        self, inputs: Sequence[RunInputs], *, kind: str, title: str, layout: dict[str, Any] | None = None
    ) -> tuple[RunGroup, list[Run]]:
        """Write runs of one person that were started by one press: all of them or none.

        Args:
            inputs: of each, of one owner; not empty.
            kind: "seeds", "sheet" or "batch".
            title: for people.
            layout: of a sheet.
        """
        with self._database.writing() as session:
            row = GroupRow(
                created_at=moment(session),
                owner=inputs[0].owner,
                kind=kind,
                title=title,
                layout=layout or {},
                picture_path=None,
            )
            session.add(row)
            session.flush()
            first = _end_of_queue(session)
            rows = [_add(session, each, first + i, group_id=row.id) for i, each in enumerate(inputs)]
            return _group(row), [_run(each) for each in rows]

    def adopt(self, runs: Sequence[tuple[Run, bytes | None]], *, owner: str) -> list[Run]:
        """Write runs of a bundle with their thumbnails: all of them or none. They get numbers of this log."""
        adopted = []
        with self._database.writing() as session:
            for run, jpeg in runs:
                row = RunRow(
                    **{**vars(run.inputs), "owner": owner},
                    created_at=run.created_at.astimezone(timezone.utc).replace(tzinfo=None),
                    status=run.status,
                    error=run.error,
                    timings_ms=run.timings_ms,
                    result_path=run.result_path,
                    starred=run.starred,
                    rejected=run.rejected,
                    note=run.note,
                    colour=run.colour,
                    imported=True,
                    category=category_of(run.inputs.attributes),
                )
                row.search_text = words_of(row)
                session.add(row)
                session.flush()
                if jpeg is not None:
                    session.add(ThumbnailRow(run_id=row.id, jpeg=jpeg))
                session.refresh(row)
                adopted.append(_run(row))
        return adopted

    def start(self, run_id: int) -> None:
        """Mark a queued run as running."""
        self._set(run_id, status="running")

    def complete(self, run_id: int, inputs: RunInputs) -> None:
        """Write what a run of a batch found out when it began.

        Raises:
            RunGoneError: if there is no such run.
        """
        with self._database.writing() as session:
            self._hold(session, run_id)
            row = _require(session, run_id)
            for name, value in vars(inputs).items():
                setattr(row, name, value)
            row.category = category_of(inputs.attributes)
            row.search_text = words_of(row)

    def finish(
        self,
        run_id: int,
        *,
        result_path: str,
        timings_ms: dict[str, float],
        thumbnail: bytes | None = None,
        colour: dict[str, float] | None = None,
        same_pixels: bool | None = None,
    ) -> None:
        """Mark a run as done. The picture must be in the image store already.

        Args:
            run_id: which.
            result_path: its picture.
            timings_ms: of its stages.
            thumbnail: the picture, small, as JPEG.
            colour: ΔE2000 `before` and `after` a colour match.
            same_pixels: whether it equals the run that it was made to check.

        Raises:
            RunGoneError: if there is no such run.
        """
        with self._database.writing() as session:
            self._hold(session, run_id)
            row = _require(session, run_id)
            row.status, row.result_path, row.timings_ms = "done", result_path, timings_ms
            row.colour, row.same_pixels = colour, same_pixels
            if thumbnail is not None:
                session.merge(ThumbnailRow(run_id=run_id, jpeg=thumbnail))

    def recover(self, finished: FinishedRun, thumbnail: bytes) -> bool:
        """Mark a run as done that an earlier process finished, and was cut off before it said so.

        Returns:
            Whether there is such a run, and it was not done already.
        """
        with self._database.writing() as session:
            row = session.get(RunRow, finished.run)
            created = finished.created_at.astimezone(timezone.utc).replace(tzinfo=None)
            if row is None or row.created_at != created or row.status not in ("queued", "running", "interrupted"):
                return False
            row.status, row.error, row.result_path = "done", None, finished.result_path
            row.timings_ms, row.colour, row.same_pixels = finished.timings_ms, finished.colour, finished.same_pixels
            session.merge(ThumbnailRow(run_id=row.id, jpeg=thumbnail))
            return True

    def fail(self, run_id: int, error: str) -> None:
        """Mark a run as failed, with what a person was told."""
        self._set(run_id, status="failed", error=error)

    def cancel(self, *run_ids: int) -> None:
        """Mark runs as cancelled, all of them or none."""
        with self._database.writing() as session:
            self._hold(session, *run_ids)
            session.execute(update(RunRow).where(RunRow.id.in_(run_ids)).values(status="cancelled"))

    def get(self, run_id: int, *, owner: str) -> Run:
        """Return one run of one person, in the bin or not.

        Raises:
            ValueError: if there is no such run, or it is someone else's.
        """
        with self._database.reading() as session:
            row = session.get(RunRow, run_id)
            if row is None or (row.owner != owner and owner not in self.overseers):
                raise ValueError(f"there is no run {run_id} in your history: reload the page")
            return _run(row)

    def latest(self, count: int, *, owner: str) -> list[Run]:
        """Return the last runs of one person outside the bin, newest first."""
        query = select(RunRow).where(RunRow.owner == owner, RunRow.deleted_at.is_(None))
        with self._database.reading() as session:
            return [_run(row) for row in session.scalars(query.order_by(RunRow.id.desc()).limit(count))]

    def keep_thumbnail(self, run_id: int, jpeg: bytes) -> None:
        """Keep the small picture of a run that has none yet."""
        with self._database.writing() as session:
            session.merge(ThumbnailRow(run_id=run_id, jpeg=jpeg))

    def group(self, group_id: int, *, owner: str) -> tuple[RunGroup, list[Run]]:
        """Return a group and its runs in the order they were asked for.

        Raises:
            ValueError: if there is no such group, or it is someone else's.
        """
        with self._database.reading() as session:
            row = session.get(GroupRow, group_id)
            if row is None or (row.owner != owner and owner not in self.overseers):
                raise ValueError(f"there is no group {group_id} in your history: reload the page")
            runs = session.scalars(select(RunRow).where(RunRow.group_id == group_id).order_by(RunRow.id))
            return _group(row), [_run(each) for each in runs]

    def finish_group(self, group_id: int, picture_path: str) -> None:
        """Keep the sheet's picture, which must be in the image store already."""
        with self._database.writing() as session:
            session.execute(update(GroupRow).where(GroupRow.id == group_id).values(picture_path=picture_path))

    def queued(self, *, owner: str) -> list[Run]:
        """Return a person's waiting runs in the order of the queue."""
        query = select(RunRow).where(RunRow.status == "queued", RunRow.owner == owner).order_by(*_ORDER)
        with self._database.reading() as session:
            return [_run(row) for row in session.scalars(query)]

    def waiting(self) -> list[tuple[int, str]]:
        """Return number and owner of every queued run, in the order of the queue."""
        query = select(RunRow.id, RunRow.owner).where(RunRow.status == "queued").order_by(*_ORDER)
        with self._database.reading() as session:
            return [(run_id, owner) for run_id, owner in session.execute(query)]

    def next_queued(self, *, paused: SomeOf[str], taken: SomeOf[int]) -> Run | None:
        """Return the first queued run; None if there is none.

        Args:
            paused: owners whose runs stand still.
            taken: runs that a worker has already, though the log does not say so yet.
        """
        waits = RunRow.status == "queued", RunRow.owner.not_in(paused), RunRow.id.not_in(tuple(taken))
        query = select(RunRow).where(*waits)
        with self._database.reading() as session:
            row = session.scalars(query.order_by(*_ORDER).limit(1)).one_or_none()
            return None if row is None else _run(row)

    def reorder(self, run_ids: Sequence[int], *, owner: str) -> None:
        """Give a person's waiting runs another order; the places of other people's stay as they are.

        Args:
            run_ids: in the wanted order; runs that wait no longer are passed over, and those not named follow.
            owner: whose.
        """
        waiting = select(RunRow).where(RunRow.status == "queued", RunRow.owner == owner).order_by(*_ORDER)
        with self._database.writing() as session:
            rows = {row.id: row for row in session.scalars(waiting)}
            places = [row.position for row in rows.values()]
            wanted = [run_id for run_id in dict.fromkeys(run_ids) if run_id in rows]
            wanted += [run_id for run_id in rows if run_id not in wanted]
            for run_id, place in zip(wanted, places, strict=True):
                rows[run_id].position = place

    def _set(self, run_id: int, **values: Any) -> None:
        with self._database.writing() as session:
            self._hold(session, run_id)
            session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))

    def _hold(self, session: Session, *run_ids: int) -> None:
        """Where several processes share the log, see that these runs are still this one's (`LostRunError`)."""
        if self.team is not None:
            for run_id in run_ids:
                self.team.require(session, run_id)


def _require(session: Session, run_id: int) -> RunRow:
    row = session.get(RunRow, run_id)
    if row is None:
        raise RunGoneError(f"there is no run {run_id} in the log any more")
    return row


def _end_of_queue(session: Session) -> int:
    """Return the first free place; nobody else gets it before this transaction ends."""
    hold_end_of_queue(session)
    return (session.scalars(select(func.max(RunRow.position))).one() or 0) + 1


def _add(
    session: Session, inputs: RunInputs, place: int, *, group_id: int | None = None, reproduces: int | None = None
) -> RunRow:
    row = RunRow(
        **vars(inputs),
        created_at=moment(session),
        status="queued",
        error=None,
        timings_ms={},
        result_path=None,
        group_id=group_id,
        reproduces=reproduces,
        position=place,
        category=category_of(inputs.attributes),
        note="",
    )
    row.search_text = words_of(row)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def _run(row: RunRow) -> Run:
    plain = set(Run.__dataclass_fields__) - {"inputs", "created_at", "deleted_at"}
    deleted = row.deleted_at
    return Run(
        inputs=RunInputs(**{name: getattr(row, name) for name in RunInputs.__dataclass_fields__}),
        created_at=row.created_at.replace(tzinfo=timezone.utc),
        deleted_at=None if deleted is None else deleted.replace(tzinfo=timezone.utc),
        **{name: getattr(row, name) for name in plain},
    )


def _group(row: GroupRow) -> RunGroup:
    return RunGroup(**{name: getattr(row, name) for name in RunGroup.__dataclass_fields__})
