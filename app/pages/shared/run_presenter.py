"""From a run of the log to what pages show of it: pictures are fetched here, and missing ones forgiven."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.files.pictures import png, png_url
from app.pages.shared.run_views import (
    file_name,
    history_view,
    progress_view,
    queue_view,
    result_view,
)
from app.pages.shared.status import Status
from app.runs.followed import Followed
from app.runs.job import Job
from app.runs.queue import RunQueue
from app.runs.run_files import RunFiles
from app.runs.unsaved import UnsavedRun
from app.session_log.log import SessionLog
from app.session_log.search import RunFilter
from app.session_log.values import Run
from app.web.site import Views

if TYPE_CHECKING:
    from app.runs.runs import Runs

HISTORY_LENGTH = 24
RUN_VIEWS = ("result", "history", "queue", "status", "cancel")


class RunPresenter:
    """Makes the views of runs.

    Args:
        runs: knows what became different since they were made.
        log: holds the runs.
        queue: holds those that wait or run.
        files: fetches their pictures.
        status: the status line.
    """

    def __init__(self, runs: Runs, log: SessionLog, queue: RunQueue, files: RunFiles, status: Status) -> None:
        self._runs = runs
        self._log = log
        self._queue = queue
        self._files = files
        self._status = status
        self._tokens = itertools.count()

    def result(self, run: Run) -> dict[str, Any]:
        """Return a run in the result pane. What is gone from the disk is said in its note."""
        missing = []
        photo = result = saved = None
        try:
            photo = self._files.photo(run)
        except ValueError:
            missing.append("its photo cannot be read")
        try:
            if run.result_path:
                result = self._files.picture(run.result_path)
                background = run.inputs.sampling.background
                saved = self._files.exported(run, background=background, with_settings=True)
        except ValueError:
            missing.append("its picture is gone")
        note = "; ".join(filter(None, [_checked(run), self._runs.changes_since(run), *missing]))
        sheet = self._files.sheet(run)
        shown = result_view(run, photo, result=result, saved=saved, sheet=sheet, note=note)
        return {**shown, "sizes": self._files.sizes(result, photo)}

    def progress(self, run: Run, job: Job) -> dict[str, Any]:
        """Return a run that waits or runs in the result pane, which then asks to follow it."""
        return {**progress_view(run, job.latest), "follow": True}

    def unsaved(self, kept: UnsavedRun) -> dict[str, Any]:
        """Return a run that has ended and cannot be written yet in the result pane, to be saved by hand too."""
        run, result, saved = kept.as_ended(), None, None
        if kept.progress.result is not None:
            result = png(kept.progress.result.image)
            background = run.inputs.sampling.background
            with suppress(ValueError):
                saved = self._files.exported_unsaved(kept, background=background, with_settings=True)
        return result_view(run, None, result=result, saved=saved, sheet=None, note=f"not saved yet: {kept.why}")

    def started(self, owner: str, followed: Sequence[Followed]) -> Views:
        """Return the views of runs that were just queued, `RUN_VIEWS`."""
        run_id, job = followed[0]
        several = f"Runs {run_id} to {followed[-1][0]} are" if len(followed) > 1 else f"Run {run_id} is"
        waits = "in the queue, which is paused" if self._queue.paused(owner) else "under way"
        return {
            "result": self.progress(self._log.get(run_id, owner=owner), job),
            "status": self._status.view(f"{several} {waits}"),
            "cancel": {"interactive": True},
            **self.lists(owner),
        }

    def download(self, run: Run, wish: dict[str, Any]) -> dict[str, str]:
        """Return a file of a run for the browser to save.

        Args:
            run: of the log.
            wish: it may hold a `size`, and tell `what`: the "silhouette", or else the picture on a `background`,
                perhaps `with_settings`.

        Raises:
            ValueError: if it cannot be had.
        """
        size = wish.get("size")
        suffix = "" if size is None else f"-{size}"
        if wish.get("what") == "silhouette":
            data, name = self._files.silhouette(run, size=size), file_name(run, f"{suffix}.silhouette.png")
        else:
            background = str(wish.get("background") or run.inputs.sampling.background)
            inside = bool(wish.get("with_settings"))
            data = self._files.exported(run, background=background, with_settings=inside, size=size)
            name = file_name(run, f"{suffix}.png")
        return {"name": name, "url": png_url(data), "token": secrets.token_hex(4)}

    def lists(self, owner: str, shown: int | None = None) -> dict[str, Any]:
        """Return the history strip and the queue."""
        return {"history": self.history(owner, shown), "queue": self.queue(owner)}

    def history(self, owner: str, shown: int | None = None) -> dict[str, Any]:
        """Return the history strip."""
        found = self._log.search.find(RunFilter(), owner=owner, count=HISTORY_LENGTH)
        small = self._files.thumbnails(found.cards, owner)
        # The browser is told of a value only when it differs from the last one, and it is to ask again then.
        token = next(self._tokens)
        return {**history_view(found.cards, small, shown=shown, going=self.going(owner)), "token": token}

    def queue(self, owner: str) -> dict[str, Any]:
        """Return the queue."""
        return queue_view(self._queue.entries(owner), paused=self._queue.paused(owner))

    def going(self, owner: str) -> bool:
        """Tell whether something of theirs will change by itself."""
        if any(kept.run.inputs.owner == owner for kept in self._queue.all_unsaved()):
            return True
        entries = self._queue.entries(owner)
        running = any(entry.progress.status == "running" for entry in entries)
        return running or bool(entries) and not self._queue.paused(owner)


def _checked(run: Run) -> str:
    if run.reproduces is None or run.same_pixels is None:
        return ""
    return f"pixels {'equal' if run.same_pixels else 'differ from'} those of run {run.reproduces}"
