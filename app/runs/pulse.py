"""The pulse of a process that shares a log: it says that it is there, and learns what the others do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from app.runs.job import Job, Progress
from app.session_log.values import FINAL

if TYPE_CHECKING:
    from app.session_log.team import Team

WATCH_SECONDS = 1.0
_BEATS_PER_LEASE = 6
_LOG = logging.getLogger(__name__)


class Followed(Protocol):
    """What the pulse asks of a queue."""

    def here(self) -> Mapping[int, Job]:
        """Return the jobs that workers of this process have."""

    def not_here(self) -> Mapping[int, Job]:
        """Return the jobs that pages here follow and no worker here has."""

    def ended_elsewhere(self, run_id: int) -> None:
        """Forget the job of a run that another process brought to its end."""

    def tell_places(self) -> None:
        """Tell every waiting job where it stands."""


class Pulse:
    """A thread that renews the leases of this process's runs and brings other processes' progress to its pages.

    Args:
        team: this process among those that share the log.
        queue: of this process.
    """

    def __init__(self, team: Team, queue: Followed) -> None:
        self._team = team
        self._queue = queue
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin; return at once."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def beat(self) -> None:
        """Say once that this process is there; runs that it has no longer, or that nobody wants, are stopped."""
        jobs = self._queue.here()
        news = self._team.beat({run_id: job.latest.step for run_id, job in jobs.items()})
        for run_id in news.lost | news.to_stop:
            jobs[run_id].ask_to_stop()

    def watch(self) -> None:
        """Look once where the runs stand that pages here follow."""
        jobs = self._queue.not_here()
        if not jobs:
            return
        standings = self._team.standings(jobs)
        for run_id, found in standings.items():
            if found.status in FINAL:
                self._queue.ended_elsewhere(run_id)
                jobs[run_id].publish(Progress(found.status, error=found.error))
            elif found.status == "running":
                jobs[run_id].publish(Progress("running", step=found.step, steps=found.steps))
        if any(found.status == "queued" for found in standings.values()):
            self._queue.tell_places()

    def _run(self) -> None:
        tick = min(WATCH_SECONDS, self._team.lease_seconds / _BEATS_PER_LEASE)
        beats, ticks = max(1, int(self._team.lease_seconds / _BEATS_PER_LEASE / tick)), 0
        while not self._stopped.is_set():
            try:
                if ticks % beats == 0:
                    self.beat()
                self.watch()
            except Exception as error:  # a server that is gone may come back; until then leases run
                _LOG.warning("the others cannot be reached: %s", error)
            ticks += 1
            self._stopped.wait(tick)
