"""A batch from beginning to end: find the photos, leave out what is done, make the rest, write the report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.batch.executors import BatchJob, Executor
from ragdiffusion.batch.making import picture_name
from ragdiffusion.batch.report import REPORT, Row, open_journal, photo_name, read_report, write_report
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.tasks import Task, find_tasks
from ragdiffusion.files import sweep
from ragdiffusion.parsing.choice import parse_choice, separate

Track = Callable[[Iterable[Row], int], Iterable[Row]]
"""Shows progress over so many lines while they pass through."""


@dataclass(frozen=True)
class BatchResult:
    """What a batch did.

    Attributes:
        photos: that there are.
        already_done: whose pictures were there.
        made: whose pictures were made now.
        failed: lines of those that could not be made.
        left_out: files in the folders that are no pictures.
        seconds: that it took.
        report: the file.
    """

    photos: int
    already_done: int
    made: int
    failed: tuple[Row, ...]
    left_out: tuple[Path, ...]
    seconds: float
    report: Path


def run_batch(
    sources: Sequence[Path],
    destination: Path,
    request: PictureRequest,
    executor: Executor,
    *,
    again: bool = False,
    recursive: bool = True,
    track: Track = lambda rows, total: rows,
) -> BatchResult:
    """Make the pictures of photos, and go on where an earlier batch stopped.

    Args:
        sources: folders and photos.
        destination: folder for the pictures, which keep the folders of their photos, and the report.
        request: what is made of each photo.
        executor: makes them.
        again: make pictures that are there already once more.
        recursive: whether folders inside folders are looked into.
        track: shows progress.

    Raises:
        ValueError: if a source, the destination or the request can't be used, or there is no photo.
    """
    started = time.perf_counter()
    if request.garment is not None:
        separate(parse_choice(request.garment))
    found = find_tasks(sources, destination, recursive=recursive)
    for folder in {destination, *(task.picture.parent for task in found.tasks)}:
        sweep(folder)
    report, settings = destination / REPORT, request.fingerprint()
    kept = {} if again else read_report(report)
    finished = {photo_name(task.photo) for task in found.tasks if _is_done(task, kept, settings, destination)}
    waiting = [task for task in found.tasks if photo_name(task.photo) not in finished]
    rows = dict(kept)
    destination.mkdir(parents=True, exist_ok=True)
    with open_journal(report) as journal:
        for row in track(executor.run(waiting, BatchJob(request, destination)), len(waiting)):
            rows[row.photo] = row
            journal.add(row)  # a stopped batch goes on from here
    write_report(report, rows.values())
    failed = tuple(row for task in waiting if (row := rows[photo_name(task.photo)]).status == "failed")
    return BatchResult(
        photos=len(found.tasks),
        already_done=len(finished),
        made=len(waiting) - len(failed),
        failed=failed,
        left_out=found.left_out,
        seconds=time.perf_counter() - started,
        report=report,
    )


def _is_done(task: Task, kept: Mapping[str, Row], settings: str, destination: Path) -> bool:
    row = kept.get(photo_name(task.photo))
    if row is None or row.status != "done" or row.settings != settings or not task.picture.is_file():
        return False
    if row.picture != picture_name(task, destination):
        return False
    try:
        return hashlib.sha256(task.photo.read_bytes()).hexdigest() == row.sha256
    except OSError:
        return False
