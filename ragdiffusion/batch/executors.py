"""Who makes the pictures of a batch: this process, or several of this machine; a cluster fits the same protocol."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ragdiffusion.batch.making import failed, make
from ragdiffusion.batch.report import ReportRow
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.tasks import Task

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.batch.destination import Destination

_TRIES = 2  # of a photo whose worker process died


@dataclass(frozen=True)
class BatchJob:
    """What every worker is told.

    Attributes:
        request: what is made of each photo.
        destination: keeps pictures and report.
    """

    request: PictureRequest
    destination: Destination


class Executor(Protocol):
    """Makes pictures somewhere."""

    def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
        """Make the picture of every task, in any order.

        Yields:
            A line of the report as soon as its picture is written, or has failed; one for every task, or, those of a
            task together, one for every garment of its photo.

        Raises:
            ValueError: if the model can't be loaded.
        """
        ...


class ThisProcess:
    """Makes one picture after the other, here."""

    def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
        """As `Executor.run`, in the order of the tasks."""
        if tasks:
            model = job.request.load_model()
            for lot in lots(tasks, job.request.together):
                yield from (row for rows in make(lot, model, job.request, job.destination) for row in rows)


class LocalProcesses:
    """Spreads the tasks over processes of this machine, each with a model of its own.

    A process that dies costs its own photo a second try, never the batch.

    Args:
        workers: so many.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
        """As `Executor.run`."""
        waiting, tries = lots(tasks, job.request.together)[::-1], dict.fromkeys(tasks, 0)
        while waiting:
            going: dict[Future[list[tuple[ReportRow, ...]]], Sequence[Task]] = {}
            with self._pool(job) as pool:
                try:
                    while waiting or going:
                        while waiting and len(going) < self._workers:
                            lot = waiting.pop()
                            going[pool.submit(_make_here, lot, job)] = lot
                        for future in wait(going, return_when=FIRST_COMPLETED).done:
                            made = future.result()
                            del going[future]
                            yield from (row for rows in made for row in rows)
                except BrokenProcessPool:
                    for task in (task for lot in going.values() for task in lot):
                        tries[task] += 1
                        if tries[task] < _TRIES:
                            waiting.append([task])
                        else:
                            yield failed(task, job.request, "its process died (no memory?)")

    def _pool(self, job: BatchJob) -> ProcessPoolExecutor:
        # Forking a process that runs torch's threads can hang; so each worker starts afresh.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_load_here, initargs=(job.request, self._workers)
        )


def lots(tasks: Sequence[Task], size: int) -> list[Sequence[Task]]:
    """Tasks that are made together."""
    return [tasks[start : start + size] for start in range(0, len(tasks), size)]


def local_executor(workers: int) -> Executor:
    """Who makes pictures on this machine.

    Args:
        workers: processes, 1 to 64; one works in this process.

    Raises:
        ValueError: if there are fewer or more.
    """
    if not 1 <= workers <= 64:
        raise ValueError(f"--workers is {workers}, 1 to 64 wanted")
    return ThisProcess() if workers == 1 else LocalProcesses(workers)


_here: list[RAGDiffusion | ValueError] = []  # the model of a worker process, or why it has none


def _load_here(request: PictureRequest, workers: int) -> None:
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
    try:
        _here.append(request.load_model())
    except ValueError as error:  # raised here it would look like a process that died
        _here.append(error)


def _make_here(lot: Sequence[Task], job: BatchJob) -> list[tuple[ReportRow, ...]]:
    if isinstance(_here[0], ValueError):
        raise _here[0]
    return make(lot, _here[0], job.request, job.destination)
