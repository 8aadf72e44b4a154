"""Several studios and workers on one log: who has which run, until when, and who is there.

Every moment is the database's: the clocks of the machines may differ.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.errors import WorkspaceError
from app.session_log.server import ServerDatabase
from app.session_log.tables import PauseRow, RunRow, WorkerRow

LEASE_SECONDS = 30.0
MAX_STARTS = 3  # of one run: what ends three workers is not given to a fourth
_JOINING = 0x52414746  # of a server's lock
_DIED = f"{MAX_STARTS} workers ended while they made it"


class LostRunError(WorkspaceError):
    """A run that this worker had was given to another, because its lease ran out."""


@dataclass(frozen=True)
class Beat:
    """What a worker learns when it says that it is there.

    Args:
        lost: runs that it has no longer.
        to_stop: runs that somebody wants stopped.
    """

    lost: frozenset[int]
    to_stop: frozenset[int]


@dataclass(frozen=True)
class Standing:
    """Where a run stands that another process may have.

    Args:
        status: as in the log.
        step: steps made.
        steps: steps in all.
        error: of a run that failed.
    """

    status: str
    step: int
    steps: int
    error: str | None


class Team:
    """One process among those that share a log. Each method is one transaction.

    Args:
        database: of the log.
        lease_seconds: a worker that says nothing for so long has lost its runs.

    Attributes:
        name: of this process, unlike that of any other.
        checkpoint: fingerprint of the weights that it makes pictures with; None before it has joined.
    """

    def __init__(self, database: ServerDatabase, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        self.lease_seconds = lease_seconds
        self.checkpoint: str | None = None
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    # ---- who is there

    def join(self, checkpoint: str) -> None:
        """Become one of those that make pictures.

        Args:
            checkpoint: fingerprint of the weights.

        Raises:
            ValueError: if those that are there have other weights.
        """
        with self._database.writing() as session:
            session.execute(select(func.pg_advisory_xact_lock(_JOINING)))
            session.execute(delete(WorkerRow).where(WorkerRow.seen_at < _clock() - self._lease))
            other = session.scalars(select(WorkerRow).where(WorkerRow.checkpoint != checkpoint).limit(1)).first()
            if other is not None:
                raise ValueError(
                    f"this machine's checkpoint is {checkpoint[:12]}, and {other.name.split(':')[0]} works on this log "
                    f"with {other.checkpoint[:12]}: start both with the same --checkpoint"
                )
            self._say_so(session, checkpoint)
        self.checkpoint = checkpoint

    def leave(self) -> None:
        """Give back what this process has, and be there no longer."""
        self.checkpoint = None
        with self._database.writing() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.name == self.name))
            untouched = {**_handed_back(), "status": _wanted_or_not(), "error": None, "starts": RunRow.starts - 1}
            session.execute(update(RunRow).where(*self._mine).values(**untouched))

    def clock_difference(self) -> float:
        """Return by how many seconds this machine's clock is ahead of the database's."""
        with self._database.reading() as session:
            before = datetime.now(timezone.utc)
            theirs = session.scalars(select(_clock())).one().replace(tzinfo=timezone.utc)
            after = datetime.now(timezone.utc)
        return (before + (after - before) / 2 - theirs).total_seconds()

    def beat(self, steps: Mapping[int, int]) -> Beat:
        """Say that this process is there and goes on with its runs; give back what others left behind.

        Args:
            steps: how many steps are made, by run.
        """
        found: dict[int, bool] = {}
        with self._database.writing() as session:
            if self.checkpoint is not None:
                self._say_so(session, self.checkpoint)
            for run_id, step in sorted(steps.items()):
                longer = update(RunRow).where(RunRow.id == run_id, *self._mine)
                longer = longer.values(lease_until=_clock() + self._lease, step=step).returning(RunRow.stop_asked)
                found.update((run_id, stop) for stop in session.scalars(longer))
            late = select(RunRow.id).where(RunRow.status == "running", RunRow.lease_until < _clock())
            back = update(RunRow).where(RunRow.id.in_(late.with_for_update(skip_locked=True)))
            session.execute(back.values(**_handed_back()))
        to_stop = (run_id for run_id, stop in found.items() if stop)
        return Beat(frozenset(steps.keys() - found.keys()), frozenset(to_stop))

    # ---- runs

    def claim(self) -> tuple[int, str] | None:
        """Take the first run that waits; nobody else gets it as long as this process goes on saying that it is there.

        Returns:
            Number and owner of the run; None if none waits, or all that wait stand still.
        """
        moving = RunRow.owner.not_in(select(PauseRow.owner))
        first = select(RunRow.id).where(RunRow.status == "queued", moving)
        first = first.order_by(RunRow.position, RunRow.id).limit(1).with_for_update(skip_locked=True)
        with self._database.writing() as session:
            run_id = session.scalars(first).one_or_none()
            if run_id is None:
                return None
            taken = update(RunRow).where(RunRow.id == run_id).returning(RunRow.id, RunRow.owner)
            changes: dict[str, Any] = {
                "status": "running",
                "worker": self.name,
                "lease_until": _clock() + self._lease,
                "starts": RunRow.starts + 1,
                "step": 0,
                "stop_asked": False,
            }
            found, owner = session.execute(taken.values(**changes)).one()
            return found, owner

    def require(self, session: Session, run_id: int) -> None:
        """See that a run is still this process's, and keep it so to the end of the transaction.

        Raises:
            LostRunError: if it was given to another.
        """
        held = select(RunRow.id).where(RunRow.id == run_id, *self._mine).with_for_update()
        if session.scalars(held).one_or_none() is None:
            raise LostRunError(f"run {run_id} took longer than its lease and was given to another worker")

    def give_back(self, run_id: int, error: str) -> None:
        """Let another worker try a run that could not be kept here; after several tries it has failed.

        Args:
            run_id: which.
            error: why, in one line.
        """
        with self._database.writing() as session:
            session.execute(update(RunRow).where(RunRow.id == run_id, *self._mine).values(**_handed_back(error)))

    def standings(self, run_ids: Iterable[int]) -> dict[int, Standing]:
        """Return where runs stand; those that are gone are left out."""
        columns = (RunRow.id, RunRow.status, RunRow.step, RunRow.steps, RunRow.error)
        with self._database.reading() as session:
            rows = session.execute(select(*columns).where(RunRow.id.in_(tuple(run_ids)))).all()
        return {run_id: Standing(*rest) for run_id, *rest in rows}

    def cancel_waiting(self, run_ids: Sequence[int]) -> list[int]:
        """Cancel those of some runs that wait; those that run are asked to stop.

        Returns:
            Those that waited.
        """
        some = RunRow.id.in_(run_ids)
        with self._database.writing() as session:
            waited = update(RunRow).where(some, RunRow.status == "queued").values(status="cancelled")
            found = list(session.scalars(waited.returning(RunRow.id)))
            session.execute(update(RunRow).where(some, RunRow.status == "running").values(stop_asked=True))
        return found

    def running(self, owner: str) -> list[int]:
        """Return a person's runs that some worker has."""
        query = select(RunRow.id).where(RunRow.status == "running", RunRow.owner == owner).order_by(RunRow.id)
        with self._database.reading() as session:
            return list(session.scalars(query))

    # ---- whose runs stand still

    def paused(self) -> frozenset[str]:
        """Return whose waiting runs stand still."""
        with self._database.reading() as session:
            return frozenset(session.scalars(select(PauseRow.owner)))

    def pause(self, owner: str) -> None:
        """Let a person's waiting runs stand still, on every machine."""
        with self._database.writing() as session:
            session.execute(insert(PauseRow).values(owner=owner).on_conflict_do_nothing())

    def resume(self, owner: str) -> None:
        """Let them move again."""
        with self._database.writing() as session:
            session.execute(delete(PauseRow).where(PauseRow.owner == owner))

    @property
    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return RunRow.worker == self.name, RunRow.status == "running"

    def _say_so(self, session: Session, checkpoint: str) -> None:
        now = {"checkpoint": checkpoint, "seen_at": _clock()}
        here = insert(WorkerRow).values(name=self.name, **now)
        session.execute(here.on_conflict_do_update(index_elements=[WorkerRow.name], set_=now))


def _clock() -> ColumnElement[Any]:
    """The database's moment, in UTC; unlike `now()` it goes on within a transaction."""
    return func.timezone("UTC", func.clock_timestamp())


def _handed_back(error: str = _DIED) -> dict[str, Any]:
    """What becomes of a run whose worker has it no longer: it waits in its old place, unless nobody wants it so."""
    given_up = RunRow.starts >= MAX_STARTS
    return {
        "status": case((given_up & RunRow.stop_asked.is_(False), "failed"), else_=_wanted_or_not()),
        "error": case((given_up & RunRow.stop_asked.is_(False), error), else_=None),
        "worker": None,
        "lease_until": None,
    }


def _wanted_or_not() -> ColumnElement[str]:
    return case((RunRow.stop_asked, "cancelled"), else_="queued")
