"""The engine: owns the model, runs one generation at a time, and can stop each within one step."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from app.workspace import WorkspaceError

if TYPE_CHECKING:
    from ragdiffusion.api import GenerationResult, RAGDiffusion
    from ragdiffusion.retrieval.guide import StructureGuide

T = TypeVar("T")
PREVIEW_SECONDS = 0.8
PROGRESS_SECONDS = 0.2
HEARTBEAT_SECONDS = 10.0  # a page that was closed is noticed when it is told something
_LOG = logging.getLogger(__name__)
FINAL = ("done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, eq=False)
class Request:
    """One picture to make.

    Args:
        photo: RGB.
        guide: what retrieval found and the person chose.
        seed: of the noise.
        steps: of the sampler.
        strength: share of the noise schedule that is run, in (0, 1].
        guidance: weight of the conditions.
        colour_match: whether the picture is given the colours of the photo's garment.
    """

    photo: Image.Image
    guide: StructureGuide
    seed: int
    steps: int
    strength: float
    guidance: float
    colour_match: bool = False


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


@dataclass(eq=False)
class Job:
    """A request on its way through the queue. Any number of pages may follow it.

    Args:
        prepare: makes the request, in the engine's thread when the job's turn has come.
        record: called in the engine's thread with every change of status, before anyone sees it.
        preview: whether pictures are wanted while it runs; may be changed meanwhile.
    """

    prepare: Callable[[RAGDiffusion], Request]
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
        """Where it stands, to the end, a few times a second: a page needs no more, and steps need the CPU."""
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


class Engine:
    """One model on one device, with its queue and its thread.

    Args:
        load: makes the model; called in a background thread by `start`, and again after a failure.
    """

    def __init__(self, load: Callable[[], RAGDiffusion]) -> None:
        self._load = load
        self._model: RAGDiffusion | None = None
        self._loading = threading.Lock()
        self._light = threading.Lock()
        self._slow = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._running: Job | None = None
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to load the model and to serve the queue; returns at once."""
        self._worker.start()

    def close(self) -> None:
        """Cancel everything and wait for the running step to end."""
        with self._changed:
            self._closed = True
            jobs = [*self._jobs, *([self._running] if self._running else [])]
            for job in jobs:
                job.ask_to_stop()
            self._changed.notify_all()
        if self._worker.ident is not None:
            self._worker.join(timeout=30)

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._model is not None

    def model(self) -> RAGDiffusion:
        """The model, waiting for it while it loads; a load that failed is tried again.

        Raises:
            ValueError: the checkpoint or the bank cannot be used; one line with the remedy.
        """
        with self._loading:
            if self._model is None:
                started = time.perf_counter()
                self._model = self._load()
                _LOG.info("model loaded in %.1f s", time.perf_counter() - started)
            return self._model

    def call(self, function: Callable[[RAGDiffusion], T], *, slow: bool = False) -> T:
        """Run something beside a running generation.

        Args:
            function: of the model; one at a time of the short, and one of the slow.
            slow: it takes seconds, as a larger copy does, not the moment of a retrieval; so edits don't wait for it.
        """
        model = self.model()
        with self._slow if slow else self._light:
            return function(model)

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue.

        Raises:
            RuntimeError: the engine was closed.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the studio is closing: start it again")
            self._jobs.append(job)
            self._tell_places()
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Stop a job: at once while it waits, before its next step while it runs."""
        job.ask_to_stop()
        with self._changed:
            if job not in self._jobs:
                return
            self._jobs.remove(job)
            self._tell_places()
        _conclude(job, Progress("cancelled"))

    def _tell_places(self) -> None:
        for place, job in enumerate(self._jobs):
            ahead = place + (self._running is not None)
            job.publish(Progress("queued", ahead=ahead))

    def _work(self) -> None:
        try:
            self.model()
        except Exception as error:  # whoever asks for the model next gets it with its remedy
            _LOG.warning("the model could not be loaded: %s", error)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return
                job = self._running = self._jobs.popleft()
                self._tell_places()
            try:
                self._run(job)
            finally:
                with self._changed:
                    self._running = None

    def _run(self, job: Job) -> None:
        # Imported here, as it brings the whole model package along: the page is up before that.
        from ragdiffusion.api import GenerationCancelled

        try:
            outcome = self._generate(job)
        except GenerationCancelled:
            outcome = Progress("cancelled")
        except Exception as error:
            outcome = Progress("failed", error=explain(error))
        _conclude(job, outcome)

    def _generate(self, job: Job) -> Progress:
        if job.cancelled:
            return Progress("cancelled")
        model = self.model()
        job.record(Progress("running"))
        job.publish(Progress("running"))
        request = job.prepare(model)
        job.publish(Progress("running", steps=request.steps))
        result = model.generate(
            request.photo,
            request.guide,
            seed=request.seed,
            steps=request.steps,
            strength=request.strength,
            guidance=request.guidance,
            on_step=_Follower(job),
        )
        return _matched(model, request, result) if request.colour_match else Progress("done", result=result)


def _matched(model: RAGDiffusion, request: Request, result: GenerationResult) -> Progress:
    """A finished job in the colours of its photo; as it is where no garment is found there."""
    from app.colour_match import match_to_photo

    try:
        image, colour = match_to_photo(model, request.photo, result)
    except ValueError as error:
        _LOG.warning("no colour match: %s", error)
        return Progress("done", result=result)
    return Progress("done", result=replace(result, image=image), colour=colour)


def _conclude(job: Job, outcome: Progress) -> None:
    """Record first, then tell: what is shown as saved must be saved."""
    try:
        job.record(outcome)
    except Exception as error:
        outcome = Progress("failed", error=explain(error))
    job.publish(outcome)


class _Follower:
    """Turns the sampler's steps into progress, and a cancel into its exception."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._first: tuple[int, float] | None = None
        self._previewed = time.perf_counter()

    def __call__(self, step: int, steps: int, preview: Callable[[], Image.Image]) -> None:
        from ragdiffusion.api import GenerationCancelled

        if self._job.cancelled:
            raise GenerationCancelled
        now = time.perf_counter()
        left = None
        if self._first is None:
            self._first = step, now
        elif step > self._first[0]:
            left = (steps - step) * (now - self._first[1]) / (step - self._first[0])
        picture = None
        if self._job.preview and step < steps and now - self._previewed >= PREVIEW_SECONDS:
            picture = preview()
            self._previewed = time.perf_counter()
        self._job.publish(Progress("running", step=step, steps=steps, seconds_left=left, preview=picture))


def explain(error: Exception) -> str:
    """One line for a person: what was meant for them says it itself, anything else is logged whole and said short."""
    if isinstance(error, ValueError | WorkspaceError):
        return str(error)
    _LOG.error("unexpected", exc_info=error)
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line[:200]} (the whole of it is in the terminal)"
