"""The queue: its truth is the log, so it outlives the process; each worker takes the next run from it.

Long because one lock guards all of it: what waits, what runs, and who follows.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image

from app.errors import WorkspaceError, explain
from app.files.finished import FinishedRuns
from app.files.image_store import ImageStore
from app.files.pictures import png, same_pixels, thumbnail_jpeg
from app.runs.job import Job, Prepare, Progress, QueueEntry, Request
from app.runs.request import request_of
from app.runs.sheets import compose
from app.runs.turns import turns_of
from app.runs.unsaved import UnsavedRun, UnsavedRuns
from app.session_log.log import SessionLog
from app.session_log.team import LostRunError
from app.session_log.values import FINAL, FinishedRun, Run, RunInputs

if TYPE_CHECKING:
    from app.runs.past_banks import PastBanks
    from ragdiffusion.api import PictureSize, RAGDiffusion

RETRY_SECONDS = 2.0  # between looks into a log that cannot be read
_LOG = logging.getLogger(__name__)


class RunQueue:
    """Runs that wait and those that run; a `JobSource` of workers. Safe to use from several threads.

    A run that has ended and cannot be written is kept and tried again; until it is in, no other of its owner begins,
    which would be lost too. Where several processes share the log, other processes' workers take from the same queue,
    and what cannot be written here is made by one of them.

    Args:
        log: holds the runs.
        images: keeps their pictures.
        past: finds the banks that they were made from.
    """

    def __init__(self, log: SessionLog, images: ImageStore, past: PastBanks) -> None:
        self._log = log
        self._images = images
        self._past = past
        self._changed = threading.Condition(threading.RLock())
        self._jobs: dict[int, Job] = {}
        self._running: dict[int, Run] = {}
        self._closed = False
        self._finished = FinishedRuns(images) if log.team is None else None
        self._found: dict[int, RunInputs] = {}
        self._unsaved = UnsavedRuns(self._write, self._saved)
        self._recover()
        self._turns = turns_of(log)

    # ---- workers

    def take(self, stopped: threading.Event) -> Job | None:
        """Wait for the next run that may move, and give its job to a worker; it runs from then on.

        Returns:
            None once the queue is closed or the worker was stopped.
        """
        with self._changed:
            while not self._closed and not stopped.is_set():
                try:
                    run = self._turns.next(self._running, self._hindered())
                except Exception as error:  # a locked or lost log may come back; the worker must not end
                    _LOG.warning("the queue cannot be read: %s", error)
                    self._changed.wait(RETRY_SECONDS)
                    continue
                if run is not None:
                    self._running[run.id] = run
                    job = self._job(run)
                    with suppress(Exception):
                        self.tell_places()
                    return job
                self._changed.wait(self._turns.patience)
            return None

    def wake(self) -> None:
        """Let waiting workers look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Give out no further run; what waits stays in the log and tells its pages so."""
        with self._changed:
            self._closed = True
            waiting = [job for run_id, job in self._jobs.items() if run_id not in self._running]
            self._changed.notify_all()
        for job in waiting:
            if not job.finished:
                job.publish(Progress("interrupted", error="the studio was closed; it waits in the queue"))

    def save_left(self) -> None:
        """Try once more to write what could not be written, when no worker is left."""
        self._unsaved.close()

    # ---- people

    @contextmanager
    def held(self) -> Iterator[RunQueue]:
        """Let nothing start meanwhile, so that runs are written and added in one."""
        with self._changed:
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
        self._move_on()
        return jobs

    def follow(self, run_id: int, owner: str) -> Job | None:
        """Return the job of a run that waits or runs; None if it does neither.

        Raises:
            ValueError: if there is no such run of theirs.
        """
        with self._changed:
            run = self._log.get(run_id, owner=owner)
            left = run.status == "queued" or (run.status == "running" and self._log.team is not None)
            if run_id not in self._jobs and left:  # by an earlier process, or made by another
                self._job(run)
                self.tell_places()
            return self._jobs.get(run_id)

    def entries(self, owner: str) -> list[QueueEntry]:
        """Return a person's runs: those that run, then those that wait, in order."""
        with self._changed:
            running = [run for run in self._running.values() if run.inputs.owner == owner]
            ahead = {run_id: count for count, run_id, _ in self._waiting()}
            paused = self.paused(owner)
            waiting = [
                QueueEntry(run, Progress("queued", ahead=ahead.get(run.id, 0), paused=paused))
                for run in self._waiting_runs(owner)
            ]
            here = [QueueEntry(run, self._jobs[run.id].latest) for run in running]
            return [*here, *self._turns.elsewhere(owner, self._running), *waiting]

    def paused(self, owner: str) -> bool:
        """Tell whether a person's waiting runs stand still."""
        return owner in self._standing()

    def unsaved(self, run_id: int, owner: str) -> UnsavedRun | None:
        """Return a run that has ended and cannot be written yet; None of any other."""
        kept = self._unsaved.get(run_id)
        return kept if kept is not None and kept.run.inputs.owner == owner else None

    def all_unsaved(self) -> list[UnsavedRun]:
        """Return everybody's runs that have ended and cannot be written yet."""
        return self._unsaved.all()

    def pause(self, owner: str) -> None:
        """Let a person's waiting runs stand still; what runs goes on."""
        with self._changed:
            self._turns.pause(owner)
            self.tell_places()

    def resume(self, owner: str) -> None:
        """Let them move again."""
        with self._changed:
            self._turns.resume(owner)
            self._move_on()

    def move(self, run_ids: Sequence[int], owner: str) -> None:
        """Give a person's waiting runs this order; those not named follow as they are."""
        with self._changed:
            self._log.reorder(run_ids, owner=owner)
            self.tell_places()

    def cancel(self, run_id: int, owner: str) -> bool:
        """Stop a run: at once while it waits, before its next step while it runs.

        Returns:
            Whether it was waiting or running.

        Raises:
            ValueError: if there is no such run of theirs.
        """
        with self._changed:
            run = self._log.get(run_id, owner=owner)
            if run_id in self._running:
                self._jobs[run_id].ask_to_stop()
                return True
            if run.status not in ("queued", "running"):
                return False
            if run_id not in self._turns.cancel([run_id]):
                return True
            job = self._jobs.pop(run_id, None)
            self.tell_places()
        self._end([run], [job])
        return True

    def cancel_all(self, owner: str) -> int:
        """Stop all of a person's runs.

        Returns:
            How many there were.
        """
        with self._changed:
            elsewhere = [entry.run.id for entry in self._turns.elsewhere(owner, self._running)]
            waiting = self._waiting_runs(owner)
            ended = set(self._turns.cancel([*elsewhere, *(run.id for run in waiting)]))
            elsewhere += [run.id for run in waiting if run.id not in ended]  # begun meanwhile
            waiting = [run for run in waiting if run.id in ended]
            jobs = [self._jobs.pop(run.id, None) for run in waiting]
            running = [run.id for run in self._running.values() if run.inputs.owner == owner]
            for run_id in running:
                self._jobs[run_id].ask_to_stop()
            self.tell_places()
        self._end(waiting, jobs)
        return len(waiting) + len(running) + len(elsewhere)

    # ---- the others on a shared log

    def here(self) -> dict[int, Job]:
        """Return the jobs that workers of this process have."""
        with self._changed:
            return {run_id: self._jobs[run_id] for run_id in self._running if run_id in self._jobs}

    def not_here(self) -> dict[int, Job]:
        """Return the jobs that pages here follow and no worker here has."""
        with self._changed:
            return {run_id: job for run_id, job in self._jobs.items() if run_id not in self._running}

    def ended_elsewhere(self, run_id: int) -> None:
        """Forget the job of a run that another process brought to its end."""
        with self._changed:
            self._jobs.pop(run_id, None)

    def tell_places(self) -> None:
        """Tell every waiting job where it stands."""
        with self._changed:
            paused = self._standing()
            for ahead, run_id, owner in self._waiting():
                job = self._jobs.get(run_id)
                if job is not None:
                    job.publish(Progress("queued", ahead=ahead, paused=owner in paused))

    # ---- within

    def _end(self, runs: Sequence[Run], jobs: Sequence[Job | None]) -> None:
        """Tell that waiting runs were cancelled."""
        for job in filter(None, jobs):
            job.ask_to_stop()
            job.publish(Progress("cancelled"))
        for run in {run.group_id: run for run in runs}.values():
            self._finish_group(run)

    def _job(self, run: Run, prepare: Prepare | None = None, preview: bool = False) -> Job:
        made = prepare or partial(self._prepare, run)
        return self._jobs.setdefault(run.id, Job(made, partial(self._record, run), preview))

    def _prepare(self, run: Run, model: RAGDiffusion) -> Request:
        try:
            request, inputs = request_of(run.inputs, model=model, images=self._images, past=self._past)
            request = replace(request, size=self._size_of(run, model))
        except WorkspaceError as error:
            self._turns.leave_to_others(run, error)  # they may have room
            raise
        if inputs != run.inputs:
            try:
                self._log.complete(run.id, inputs)
            except WorkspaceError as error:  # the picture can be made all the same
                _LOG.warning("what run %d found out is written at its end: %s", run.id, error)
                self._found[run.id] = inputs
        return request

    def _move_on(self) -> None:
        """Let workers look for what may run now, and tell the rest where it stands."""
        self._changed.notify_all()
        self.tell_places()

    def _waiting(self) -> Iterator[tuple[int, int, str]]:
        """Yield runs before it, number and owner of every run that waits, in order."""
        waiting = (place for place in self._log.waiting() if place[0] not in self._running)
        for ahead, (run_id, owner) in enumerate(waiting, len(self._running)):
            yield ahead, run_id, owner

    def _waiting_runs(self, owner: str) -> list[Run]:
        return [run for run in self._log.queued(owner=owner) if run.id not in self._running]

    def _standing(self) -> set[str]:
        """Return whose waiting runs stand still: those who paused, and those with a run that cannot be written."""
        return {*self._turns.paused(), *self._hindered()}

    def _hindered(self) -> set[str]:
        return {kept.run.inputs.owner for kept in self._unsaved.all()}

    def _record(self, run: Run, progress: Progress) -> None:
        """Write what became of a run, then let the next one have its turn."""
        if progress.status not in FINAL:
            try:
                self._log.start(run.id)
            except Exception as error:  # the log still says that it waits: a killed studio would make it again
                _LOG.warning("run %d begins, though the log cannot say so: %s", run.id, error)
            return
        try:
            self._write(run, progress)
        except Exception as error:
            if isinstance(error, LostRunError) or self._turns.leave_to_others(run, error):
                self._let_go(run, ended=True)
                raise
            found = replace(run, inputs=self._found.get(run.id, run.inputs))
            self._unsaved.keep(found, progress, explain(error))
            self._let_go(run, ended=False)
            raise
        self._let_go(run, ended=True)
        self._finish_group(run)

    def _let_go(self, run: Run, *, ended: bool) -> None:
        with self._changed:
            self._running.pop(run.id, None)
            if ended:
                self._jobs.pop(run.id, None)
                self._found.pop(run.id, None)
            with suppress(Exception):
                self._move_on()

    def _saved(self, run: Run) -> None:
        """Go on after a run that could not be written for a while."""
        with self._changed:
            job = self._jobs.get(run.id)
        if job is not None:
            job.publish(replace(job.latest, unsaved=None))
        self._let_go(run, ended=True)
        self._finish_group(run)

    def _write(self, run: Run, progress: Progress) -> None:
        if run.id in self._found:
            self._log.complete(run.id, self._found[run.id])
        if progress.status == "cancelled":
            self._log.cancel(run.id)
        elif progress.status != "done":
            with suppress(LostRunError):  # whoever has it now will say
                self._log.fail(run.id, progress.error or "")
        else:
            self._write_picture(run, progress)

    def _write_picture(self, run: Run, progress: Progress) -> None:
        image = progress.result.image
        picture, timings = png(image), dict(progress.result.timings_ms)
        ended = {"timings_ms": timings, "colour": progress.colour, "same_pixels": self._compared(run, image)}
        with self._images.keeping():
            path = self._images.name(picture, "png")
            if self._finished is not None:
                with suppress(OSError):  # the note is for a kill between the next two lines only
                    self._finished.note(FinishedRun(run.id, run.created_at, path, **ended))
            self._images.put(picture, "png")
            self._log.finish(run.id, result_path=path, thumbnail=thumbnail_jpeg(image), **ended)
        if self._finished is not None:
            with suppress(OSError):
                self._finished.forget(run.id)

    def _recover(self) -> None:
        """Take up pictures that an earlier process finished, and was cut off before the log said so."""
        for finished, picture in () if self._finished is None else self._finished.left():
            try:
                with Image.open(io.BytesIO(picture)) as image:
                    found = self._log.recover(finished, thumbnail_jpeg(image))
                if found:
                    _LOG.info("run %d was finished when the studio was cut off: its picture is there", finished.run)
                self._finished.forget(finished.run)
            except Exception as error:  # the note stays for the next start
                _LOG.warning("the picture of run %d cannot be taken up now: %s", finished.run, error)

    def _size_of(self, run: Run, model: RAGDiffusion) -> PictureSize:
        """Return the size of a run's picture: of one that checks another, as that one was made."""
        if run.reproduces is not None:
            with suppress(ValueError):  # it is gone: nothing can be compared
                original = self._log.get(run.reproduces, owner=run.inputs.owner).result_path
                if original is not None and self._picture(original).width == model.image_size:
                    return None
        return "photo"

    def _compared(self, run: Run, image: Image.Image) -> bool | None:
        """Tell whether a picture equals that of the run it was made to check; None if it was made to check none."""
        if run.reproduces is None:
            return None
        try:
            original = self._log.get(run.reproduces, owner=run.inputs.owner).result_path
            return None if original is None else same_pixels(self._images.read(original), image)
        except ValueError as error:  # it is gone meanwhile
            _LOG.warning("run %d cannot be compared with run %d: %s", run.id, run.reproduces, error)
            return None

    def _finish_group(self, run: Run) -> None:
        """Compose a contact sheet if the last of its runs has ended."""
        if run.group_id is None:
            return
        try:
            group, runs = self._log.group(run.group_id, owner=run.inputs.owner)
            if group.kind != "sheet" or any(each.status not in FINAL for each in runs):
                return
            cells = [each.status if each.result_path is None else self._picture(each.result_path) for each in runs]
            self._log.finish_group(run.group_id, self._images.put(png(compose(group.layout, cells)), "png"))
        except Exception as error:  # the pictures themselves are safe
            _LOG.warning("the sheet of run %d could not be made: %s", run.id, error)

    def _picture(self, name: str) -> Image.Image:
        return Image.open(io.BytesIO(self._images.read(name)))
