"""Whose turn it is: in a studio that has its log to itself, and among several processes that share one."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from app.errors import explain
from app.runs.job import Progress, QueueEntry
from app.session_log.values import Run

if TYPE_CHECKING:
    from app.session_log.log import SessionLog
    from app.session_log.team import Team

POLL_SECONDS = 0.5  # between looks into a shared log for a run to take
REST_SECONDS = 30.0  # after a picture could not be kept on this machine; others go on
_LOG = logging.getLogger(__name__)


class Turns(Protocol):
    """Decides which run comes next, and which stand still."""

    patience: float | None
    """Seconds after which a worker that found nothing looks again; None: when it is woken."""

    def next(self, taken: Collection[int], hindered: Collection[str]) -> Run | None:
        """Return the run whose turn it is, None without one.

        Args:
            taken: those that a worker here has already.
            hindered: people of whom nothing may begin for now.
        """

    def paused(self) -> Collection[str]:
        """Return whose waiting runs stand still."""

    def pause(self, owner: str) -> None:
        """Let a person's waiting runs stand still."""

    def resume(self, owner: str) -> None:
        """Let them move again."""

    def cancel(self, run_ids: Sequence[int]) -> Collection[int]:
        """Cancel waiting runs and return them; those that another process makes by now are asked to stop."""

    def elsewhere(self, owner: str, here: Collection[int]) -> list[QueueEntry]:
        """Return a person's runs that other processes make."""

    def leave_to_others(self, run: Run, error: Exception) -> bool:
        """Let another machine make a run that could not be kept here; False where there is none."""


def turns_of(log: SessionLog) -> Turns:
    """Return who decides in a log."""
    return OwnTurns(log) if log.team is None else SharedTurns(log, log.team)


class OwnTurns:
    """The log is this process's alone, so it knows by itself what runs and what stands still.

    What an earlier process left waiting is paused until its owner resumes it.

    Args:
        log: in a file.
    """

    patience = None

    def __init__(self, log: SessionLog) -> None:
        self._log = log
        self._paused = {owner for _, owner in log.waiting()}

    def next(self, taken: Collection[int], hindered: Collection[str]) -> Run | None:
        """As `Turns.next`."""
        return self._log.next_queued(paused=self._paused.union(hindered), taken=taken)

    def paused(self) -> Collection[str]:
        """As `Turns.paused`."""
        return self._paused

    def pause(self, owner: str) -> None:
        """As `Turns.pause`."""
        self._paused.add(owner)

    def resume(self, owner: str) -> None:
        """As `Turns.resume`."""
        self._paused.discard(owner)

    def cancel(self, run_ids: Sequence[int]) -> Collection[int]:
        """As `Turns.cancel`, in one transaction: a thousand one by one would take minutes."""
        self._log.cancel(*run_ids)
        return run_ids

    def elsewhere(self, owner: str, here: Collection[int]) -> list[QueueEntry]:
        """As `Turns.elsewhere`: none."""
        return []

    def leave_to_others(self, run: Run, error: Exception) -> bool:
        """As `Turns.leave_to_others`: there is none."""
        return False


class SharedTurns:
    """Several processes share the log; what one takes no other gets.

    Args:
        log: on a server.
        team: this process among the others.
    """

    patience = POLL_SECONDS

    def __init__(self, log: SessionLog, team: Team) -> None:
        self._log = log
        self._team = team
        self._rests_until = 0.0

    def next(self, taken: Collection[int], hindered: Collection[str]) -> Run | None:
        """As `Turns.next`; nothing before this process has joined, nor while it rests."""
        if self._team.checkpoint is None or time.monotonic() < self._rests_until:
            return None
        claimed = self._team.claim()
        return None if claimed is None else self._log.get(claimed[0], owner=claimed[1])

    def paused(self) -> Collection[str]:
        """As `Turns.paused`."""
        return self._team.paused()

    def pause(self, owner: str) -> None:
        """As `Turns.pause`, on every machine."""
        self._team.pause(owner)

    def resume(self, owner: str) -> None:
        """As `Turns.resume`."""
        self._team.resume(owner)

    def cancel(self, run_ids: Sequence[int]) -> Collection[int]:
        """As `Turns.cancel`."""
        return self._team.cancel_waiting(run_ids)

    def elsewhere(self, owner: str, here: Collection[int]) -> list[QueueEntry]:
        """As `Turns.elsewhere`."""
        others = [run_id for run_id in self._team.running(owner) if run_id not in here]
        standings = self._team.standings(others)
        return [
            QueueEntry(self._log.get(run_id, owner=owner), Progress("running", step=found.step, steps=found.steps))
            for run_id, found in standings.items()
        ]

    def leave_to_others(self, run: Run, error: Exception) -> bool:
        """As `Turns.leave_to_others`; this one takes nothing for a while: its disk may be full, those of others not."""
        _LOG.warning("run %d goes to another worker, and this one rests: %s", run.id, explain(error))
        self._rests_until = time.monotonic() + REST_SECONDS
        with suppress(Exception):
            self._team.give_back(run.id, explain(error))
        return True
