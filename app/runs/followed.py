"""The jobs that a page follows: those started from its bench, and those it was asked to show."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.runs.job import Job

Followed = tuple[int, "Job"]
"""Number of a run and its job."""


class FollowedJobs:
    """Jobs by the number of their run, in order. Several browsers may follow at once; each end is told once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._told: set[int] = set()

    def start(self, jobs: Sequence[Followed]) -> None:
        """Follow jobs from now on, after those whose end was not told yet; the others are forgotten."""
        with self._lock:
            unreported = {run_id: job for run_id, job in self._jobs.items() if run_id not in self._told}
            self._jobs = {**unreported, **dict(jobs)}
            self._told.clear()

    def add(self, jobs: Sequence[Followed]) -> None:
        """Follow further jobs; one that is followed already stays as it is."""
        with self._lock:
            for run_id, job in jobs:
                self._jobs.setdefault(run_id, job)

    def all(self) -> list[Followed]:
        """Return all of them, the first started first."""
        with self._lock:
            return list(self._jobs.items())

    def going(self) -> list[Followed]:
        """Return those that have not ended."""
        return [each for each in self.all() if not each[1].finished]

    def next(self) -> Followed | None:
        """Return what to show: what ended before anybody saw it, else what runs, else what waits longest."""
        with self._lock:
            left = [each for each in self._jobs.items() if each[0] not in self._told]
        ended = [each for each in left if each[1].finished]
        running = [each for each in left if each[1].latest.status == "running"]
        return next(iter(ended + running + left), None)

    def tell(self, run_id: int) -> bool:
        """Note that the end of a run is shown; True the first time only."""
        with self._lock:
            unreported = run_id not in self._told
            self._told.add(run_id)
        return unreported

    @property
    def last(self) -> int | None:
        """The run that was started last."""
        return next(reversed(self._jobs), None)
