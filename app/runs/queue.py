"""The queue: its truth is the log, so it outlives the process; the engine is fed from it one run at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.files.image_store import ImageStore
from app.files.pictures import thumbnail_jpeg
from app.runs.engine import FINAL, Engine, Job, Progress, Request, explain
from app.runs.request import png, request_of
from app.runs.sheets import finish_sheet, same_pixels
from app.session_log import Run, SessionLog

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion

Prepare = Callable[["RAGDiffusion"], Request]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A run in the queue.

    Args:
        run: as the log holds it.
        progress: where it stands.
    """

    run: Run
    progress: Progress


class RunQueue:
    """Runs that wait and the one that runs. Safe to use from several threads.

    Runs that an earlier process left waiting are paused until their owner resumes them.

    Args:
        engine: runs them.
        log: holds them.
        images: keeps their pictures.
    """

    def __init__(self, engine: Engine, log: SessionLog, images: ImageStore) -> None:
        self._engine = engine
        self._log = log
        self._images = images
        self._lock = threading.RLock()
        self._jobs: dict[int, Job] = {}
        self._running: Run | None = None
        self._closed = False
        self._paused = {owner for _, owner in log.places()}

    def close(self) -> None:
        """Stop feeding the engine; what waits stays in the log and tells its pages so."""
        with self._lock:
            self._closed = True
            waiting = [job for run_id, job in self._jobs.items() if self._running is None or run_id != self._running.id]
        for job in waiting:
            job.publish(Progress("interrupted", error="the studio was closed; it waits in the queue"))

    @contextmanager
    def held(self) -> Iterator[RunQueue]:
        """Nothing starts while this is held, so that runs are written and added in one."""
        with self._lock:
            yield self

    def add(self, runs: Sequence[Run], prepare: Sequence[Prepare] | None = None, *, preview: bool = False) -> list[Job]:
        """Let runs that were just written to the log take part; `held` must be held since before that.

        Args:
            runs: in the order of the queue.
            prepare: makes the request of each; None makes them from the log.
            preview: whether pictures are wanted while they run.
        """
        made = prepare or [None] * len(runs)
        jobs = [self._job(run, one, preview) for run, one in zip(runs, made, strict=True)]
        self._advance()
        return jobs

    def follow(self, run_id: int, owner: str) -> Job | None:
        """The job of a run that waits or runs; None if it does neither.

        Raises:
            ValueError: there is no such run of theirs.
        """
        with self._lock:
            run = self._log.get(run_id, owner=owner)
            if run_id not in self._jobs and run.status == "queued":  # left by an earlier process
                self._job(run)
                self._tell_places()
            return self._jobs.get(run_id)

    def places(self, owner: str) -> list[Place]:
        """A person's runs: the one that runs, then those that wait, in order."""
        with self._lock:
            waiting = self._log.queued(owner=owner)
            running = self._running
            ahead = {run_id: place for place, run_id, _ in self._waiting()}
            places = [
                Place(run, Progress("queued", ahead=ahead.get(run.id, 0), paused=owner in self._paused))
                for run in waiting
                if running is None or run.id != running.id
            ]
            if running is not None and running.inputs.owner == owner:
                places.insert(0, Place(running, self._jobs[running.id].latest))
            return places

    def paused(self, owner: str) -> bool:
        """Whether a person's waiting runs stand still."""
        return owner in self._paused

    def pause(self, owner: str) -> None:
        """Let a person's waiting runs stand still; what runs goes on."""
        with self._lock:
            self._paused.add(owner)
            self._tell_places()

    def resume(self, owner: str) -> None:
        """Let them move again."""
        with self._lock:
            self._paused.discard(owner)
            self._advance()

    def move(self, run_ids: Sequence[int], owner: str) -> None:
        """Give a person's waiting runs this order; those not named follow as they are."""
        with self._lock:
            self._log.reorder(run_ids, owner=owner)
            self._tell_places()

    def cancel(self, run_id: int, owner: str) -> bool:
        """Stop a run: at once while it waits, before its next step while it runs.

        Returns:
            Whether it was waiting or running.

        Raises:
            ValueError: there is no such run of theirs.
        """
        run = self._log.get(run_id, owner=owner)
        with self._lock:
            job = self._jobs.get(run_id)
            if self._running is not None and self._running.id == run_id:
                self._engine.cancel(job)
                return True
            if run.status != "queued":
                return False
            self._log.cancel(run_id)
            self._jobs.pop(run_id, None)
            self._tell_places()
        if job is not None:
            job.ask_to_stop()
            job.publish(Progress("cancelled"))
        self._finish_group(run)
        return True

    def cancel_all(self, owner: str) -> int:
        """Stop all of a person's runs.

        Returns:
            How many there were.
        """
        with self._lock:
            running = self._running
            waiting = [run for run in self._log.queued(owner=owner) if running is None or run.id != running.id]
            self._log.cancel(*(run.id for run in waiting))  # at once: a thousand one by one would take minutes
            jobs = [self._jobs.pop(run.id, None) for run in waiting]
            going = running is not None and running.inputs.owner == owner
            if going:
                self._engine.cancel(self._jobs[running.id])
            self._tell_places()
        for job in filter(None, jobs):
            job.ask_to_stop()
            job.publish(Progress("cancelled"))
        for run in {run.group_id: run for run in waiting}.values():
            self._finish_group(run)
        return len(waiting) + going

    def _job(self, run: Run, prepare: Prepare | None = None, preview: bool = False) -> Job:
        made = prepare or partial(self._prepare, run)
        return self._jobs.setdefault(run.id, Job(made, partial(self._record, run), preview))

    def _prepare(self, run: Run, model: RAGDiffusion) -> Request:
        request, inputs = request_of(run.inputs, model=model, images=self._images)
        if inputs != run.inputs:
            self._log.complete(run.id, inputs)
        return request

    def _advance(self) -> None:
        """Give the engine the next run if it has none."""
        if self._running is None and not self._closed:
            run = self._log.next_queued(but=self._paused)
            if run is not None:
                self._running = run
                try:
                    self._engine.submit(self._job(run))
                except RuntimeError:  # the engine was closed: the run stays in the queue
                    self._running = None
        self._tell_places()

    def _tell_places(self) -> None:
        for ahead, run_id, owner in self._waiting():
            job = self._jobs.get(run_id)
            if job is not None:
                job.publish(Progress("queued", ahead=ahead, paused=owner in self._paused))

    def _waiting(self) -> Iterator[tuple[int, int, str]]:
        """Runs before it, number and owner of every run that waits, in order."""
        going = self._running
        waiting = (place for place in self._log.places() if going is None or place[0] != going.id)
        for ahead, (run_id, owner) in enumerate(waiting, going is not None):
            yield ahead, run_id, owner

    def _record(self, run: Run, progress: Progress) -> None:
        """Write what became of a run, then let the next one have its turn."""
        if progress.status not in FINAL:
            self._log.start(run.id)
            return
        try:
            self._write(run, progress)
        except Exception as error:
            # Nothing can be kept now, so nothing more of theirs is begun: it would be lost too.
            self._paused.add(run.inputs.owner)
            with suppress(Exception):
                self._log.fail(run.id, explain(error))
            raise
        finally:
            with self._lock:
                self._running = None
                self._jobs.pop(run.id, None)
                with suppress(Exception):
                    self._advance()
        self._finish_group(run)

    def _write(self, run: Run, progress: Progress) -> None:
        if progress.status == "cancelled":
            self._log.cancel(run.id)
        elif progress.status != "done":
            self._log.fail(run.id, progress.error or "")
        else:
            image = progress.result.image
            self._log.finish(
                run.id,
                result_path=self._images.put(png(image), "png"),
                timings_ms=dict(progress.result.timings_ms),
                thumbnail=thumbnail_jpeg(image),
                colour=progress.colour,
                same_pixels=same_pixels(run, image, self._log, self._images),
            )

    def _finish_group(self, run: Run) -> None:
        if run.group_id is None:
            return
        try:
            finish_sheet(run.group_id, run.inputs.owner, self._log, self._images)
        except Exception as error:  # the pictures themselves are safe
            _LOG.warning("the sheet of run %d could not be made: %s", run.id, error)
