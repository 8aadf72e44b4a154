"""The engine: a model on its device, as a worker that takes one job at a time and can stop each within one step."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from app.errors import explain
from app.runs.colour_match import match_to_photo
from app.runs.job import Job, JobSource, Progress, Request

if TYPE_CHECKING:
    from ragdiffusion.api import GenerationResult, RAGDiffusion

T = TypeVar("T")
PREVIEW_SECONDS = 0.8
_LOG = logging.getLogger(__name__)


class Engine:
    """One model on one device, with its thread. Several may take jobs from one source.

    Args:
        load: makes the model; called in a background thread by `start`, and again after a failure.
    """

    def __init__(self, load: Callable[[], RAGDiffusion]) -> None:
        self._load = load
        self._model: RAGDiffusion | None = None
        self._loading = threading.Lock()
        self._short = threading.Lock()
        self._slow = threading.Lock()
        self._running: Job | None = None
        self._stopped = threading.Event()
        self._source: JobSource | None = None
        self._worker: threading.Thread | None = None
        self._preparations: list[Callable[[RAGDiffusion], None]] = []

    def prepare_with(self, function: Callable[[RAGDiffusion], None]) -> None:
        """Run something on the model once it is loaded, before anybody is given it; at once if it is there."""
        with self._loading:
            self._preparations.append(function)
            if self._model is not None:
                function(self._model)

    def start(self, source: JobSource) -> None:
        """Begin to load the model and to take jobs; return at once.

        Raises:
            RuntimeError: if it was started before.
        """
        if self._worker is not None:
            raise RuntimeError("the engine was started already")
        self._source = source
        self._worker = threading.Thread(target=self._work, name="engine", daemon=True)
        self._worker.start()

    def close(self) -> None:
        """Cancel what runs, take no further job, and wait for the running step to end."""
        self._stopped.set()
        running = self._running
        if running is not None:
            running.ask_to_stop()
        if self._worker is not None:
            self._source.wake()
            self._worker.join(timeout=30)

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._model is not None

    def model(self) -> RAGDiffusion:
        """Return the model, waiting for it while it loads; a load that failed is tried again.

        Raises:
            ValueError: if the checkpoint or the bank cannot be used; one line with the remedy.
        """
        with self._loading:
            if self._model is None:
                started = time.perf_counter()
                model = self._load()
                for prepare in self._preparations:
                    prepare(model)
                self._model = model
                _LOG.info("model loaded in %.1f s", time.perf_counter() - started)
            return self._model

    def call(self, function: Callable[[RAGDiffusion], T], *, slow: bool = False) -> T:
        """Run something beside a running generation.

        Args:
            function: of the model; one at a time of the short, and one of the slow.
            slow: it takes seconds, as a larger copy does, not the moment of a retrieval; so edits don't wait for it.
        """
        model = self.model()
        with self._slow if slow else self._short:
            return function(model)

    def _work(self) -> None:
        try:
            self.model()
        except Exception as error:  # whoever asks for the model next gets it with its remedy
            _LOG.warning("the model could not be loaded: %s", error)
        while (job := self._source.take(self._stopped)) is not None:
            self._running = job
            if self._stopped.is_set():  # between the two lines above
                job.ask_to_stop()
            self._run(job)
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
        sampling = request.sampling
        job.publish(Progress("running", steps=sampling.steps))
        settings = {**sampling.of_generation(), "size": request.size}
        result = model.generate(request.sight, request.guide, **settings, on_step=_Follower(job))
        return _matched(request, result) if sampling.colour_match else Progress("done", result=result)


def _matched(request: Request, result: GenerationResult) -> Progress:
    """Return a finished job in the colours of its photo; as it is where no garment is found there."""
    try:
        image, colour = match_to_photo(request.sight, result)
    except ValueError as error:
        _LOG.warning("no colour match: %s", error)
        return Progress("done", result=result)
    return Progress("done", result=replace(result, image=image), colour=colour)


def _conclude(job: Job, outcome: Progress) -> None:
    """Record first, then tell: what is shown as saved must be saved, and of all else is said that it is not."""
    try:
        job.record(outcome)
    except Exception as error:
        outcome = replace(outcome, unsaved=explain(error))
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
