"""Runs that have ended and cannot be written yet: kept in memory, and tried again until they are in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.errors import RunGoneError
from app.runs.job import Progress
from app.session_log.values import Run

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two tries; each wait is twice the one before."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class UnsavedRun:
    """A run that has ended.

    Args:
        run: with its inputs as they were used.
        progress: how it ended.
        why: it cannot be written, in one line for a person.
    """

    run: Run
    progress: Progress
    why: str

    def as_ended(self) -> Run:
        """Return the run as the log will hold it, but for its picture."""
        result = self.progress.result
        timings = dict(result.timings_ms) if result else {}
        ended = {"status": self.progress.status, "error": self.progress.error, "colour": self.progress.colour}
        return replace(self.run, timings_ms=timings, **ended)


class UnsavedRuns:
    """Keeps them, oldest first. Safe to use from several threads.

    Args:
        write: writes how a run ended.
        saved: called when a run is in at last, or is not wanted any more.
    """

    def __init__(self, write: Callable[[Run, Progress], None], saved: Callable[[Run], None]) -> None:
        self._write = write
        self._saved = saved
        self._changed = threading.Condition()
        self._kept: dict[int, UnsavedRun] = {}
        self._worker: threading.Thread | None = None
        self._closed = False

    def keep(self, run: Run, progress: Progress, why: str) -> None:
        """Keep a run, and begin to try."""
        _LOG.warning("run %d cannot be written, and is kept in memory: %s", run.id, why)
        with self._changed:
            self._kept[run.id] = UnsavedRun(run, progress, why)
            if self._worker is None:
                self._worker = threading.Thread(target=self._try_on, name="unsaved", daemon=True)
                self._worker.start()

    def get(self, run_id: int) -> UnsavedRun | None:
        """Return a run that is kept; None if it is not, or was written."""
        with self._changed:
            return self._kept.get(run_id)

    def all(self) -> list[UnsavedRun]:
        """Return all that are kept."""
        with self._changed:
            return list(self._kept.values())

    def close(self) -> None:
        """Try once more, and tell of what is lost then."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join(timeout=30)
        for kept in self.all():
            self._try(kept)
        for kept in self.all():
            _LOG.error("run %d could not be written before the studio was closed: %s", kept.run.id, kept.why)

    def _try_on(self) -> None:
        wait = FIRST_WAIT
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, wait)
                if self._closed:
                    return
            tried = self.all()
            for kept in tried:
                self._try(kept)
            with self._changed:
                if not self._kept:
                    self._worker = None
                    return
                wait = min(2 * wait, LONGEST_WAIT) if len(self._kept) >= len(tried) else FIRST_WAIT

    def _try(self, kept: UnsavedRun) -> None:
        try:
            self._write(kept.run, kept.progress)
        except RunGoneError as error:
            _LOG.error("run %d is not written: %s", kept.run.id, error)
        except Exception as error:
            _LOG.info("run %d still cannot be written: %s", kept.run.id, error)
            return
        with self._changed:
            self._kept.pop(kept.run.id, None)
        self._saved(kept.run)
