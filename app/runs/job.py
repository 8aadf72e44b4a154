"""A job: one picture on its way from the queue through a worker, and what is told of it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from app.session_log.sampling import Sampling
from app.session_log.values import FINAL, Run

if TYPE_CHECKING:
    from ragdiffusion.api import GenerationResult, PictureSize, RAGDiffusion, Sight
    from ragdiffusion.retrieval.guide import StructureGuide

PROGRESS_SECONDS = 0.2
HEARTBEAT_SECONDS = 10.0  # a page that was closed is noticed when it is told something


@dataclass(frozen=True, eq=False)
class Request:
    """One picture to make.

    Args:
        sight: of the garment that is meant in the photo.
        guide: what retrieval found and the person chose.
        sampling: settings of the run.
        size: of the picture: the photo's own, as `RAGDiffusion.generate` takes it, or None for the model's.
    """

    sight: Sight
    guide: StructureGuide
    sampling: Sampling
    size: PictureSize = "photo"


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a job stands.

    Args:
        status: queued, running, done, failed, cancelled, or interrupted when the studio closes before it.
        ahead: jobs before it, while queued.
        paused: whether its queue stands still, while queued.
        step: steps made.
        steps: steps in all.
        seconds_left: estimate, None until two steps were timed.
        preview: the newest picture of a running job, if wanted.
        result: of a job that is done.
        colour: ΔE2000 `before` and `after`, of a job that is done and was given the photo's colours.
        error: one line for a person, of a job that failed.
        unsaved: why it is not in the log yet, in one line, of a job that ended; None if it is.
    """

    status: str
    ahead: int = 0
    paused: bool = False
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    preview: Image.Image | None = None
    result: GenerationResult | None = None
    colour: dict[str, float] | None = None
    error: str | None = None
    unsaved: str | None = None


Prepare = Callable[["RAGDiffusion"], Request]


@dataclass(eq=False)
class Job:
    """A request on its way. Any number of pages may follow it.

    Args:
        prepare: makes the request, in the worker's thread when the job's turn has come.
        record: called in the worker's thread with every change of status, before anyone sees it; if it fails at the
            end, whoever follows is told so.
        preview: whether pictures are wanted while it runs; may be changed meanwhile.
    """

    prepare: Prepare
    record: Callable[[Progress], None]
    preview: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _finished: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _latest: Progress = Progress("queued")
    _count: int = 0

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled.is_set()

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return self._finished.is_set()

    @property
    def latest(self) -> Progress:
        """Where it stands now."""
        return self._latest

    def ask_to_stop(self) -> None:
        """Stop before the next step; nothing happens to a finished job."""
        self._cancelled.set()

    def progress(self) -> Iterator[Progress]:
        """Yield where it stands, to the end, a few times a second: a page needs no more, and steps need the CPU."""
        seen, shown = 0, None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._count > seen, HEARTBEAT_SECONDS)  # noqa: B023 - called here only
                seen, news = self._count, self._latest
            preview, shown = None if news.preview is shown else news.preview, news.preview
            yield replace(news, preview=preview)
            if news.status in FINAL:
                return
            self._finished.wait(PROGRESS_SECONDS)

    def publish(self, progress: Progress) -> None:
        """Tell whoever follows `progress`."""
        with self._changed:
            if progress.status == "running" and progress.preview is None:
                progress = replace(progress, preview=self._latest.preview)
            if progress.status in FINAL:
                self._finished.set()
            self._latest, self._count = progress, self._count + 1
            self._changed.notify_all()


class JobSource(Protocol):
    """Where workers get their jobs from; any number of them may ask at once."""

    def take(self, stopped: threading.Event) -> Job | None:
        """Wait for the next job; None once there will be no more, or the worker was stopped."""

    def wake(self) -> None:
        """Let waiting workers look whether they were stopped."""


@dataclass(frozen=True)
class QueueEntry:
    """A run in the queue.

    Args:
        run: as the log holds it.
        progress: where it stands.
    """

    run: Run
    progress: Progress
