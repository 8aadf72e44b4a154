"""A batch from beginning to end: find the photos, leave out what is done, make the rest, write the report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.batch.destination import Destination, Folder
from ragdiffusion.batch.executors import BatchJob, Executor
from ragdiffusion.batch.making import picture_name
from ragdiffusion.batch.report import ReportRow, parsed, photo_name
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.tasks import Task, find_tasks
from ragdiffusion.parsing.choice import EACH, parse_choice

Track = Callable[[Iterable[ReportRow], int | None], Iterable[ReportRow]]
"""Shows progress over so many lines while they pass through; None: how many is not known before."""


@dataclass(frozen=True)
class BatchResult:
    """What a batch did.

    Attributes:
        photos: that there are.
        already_done: photos whose pictures were there.
        made: photos whose pictures were made now, all of them.
        pictures: that were made now.
        failed: lines of those that could not be made.
        look_turned: the first lines of those that look turned and were not, failed ones too.
        left_out: files in the folders that are no pictures.
        seconds: that it took.
        report: the file.
    """

    photos: int
    already_done: int
    made: int
    pictures: int
    failed: tuple[ReportRow, ...]
    look_turned: tuple[ReportRow, ...]
    left_out: tuple[Path, ...]
    seconds: float
    report: str


def run_batch(
    sources: Sequence[Path],
    destination: Path | Destination,
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
        destination: folder or bucket for the pictures, which keep the folders of their photos, and the report.
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
        parse_choice(request.garment)
    place = Folder(destination) if isinstance(destination, Path) else destination
    found = find_tasks(sources, place.root, recursive=recursive)
    place.prepare({task.picture.parent for task in found.tasks})
    settings = request.fingerprint()
    rows = {} if again else place.rows()
    finished = {photo_name(task.photo) for task in found.tasks if _is_done(task, rows, settings, place)}
    waiting = [task for task in found.tasks if photo_name(task.photo) not in finished]
    made: list[ReportRow] = []
    with place.journal() as add:
        count = None if request.garment == EACH else len(waiting)
        for row in track(executor.run(waiting, BatchJob(request, place)), count):
            add(row)  # a stopped batch goes on from here
            made.append(row)
    place.finish(row for lines in (rows | parsed(made)).values() for row in lines)
    failed = tuple(row for row in made if row.status == "failed")
    return BatchResult(
        photos=len(found.tasks),
        already_done=len(finished),
        made=len({row.photo for row in made} - {row.photo for row in failed}),
        pictures=len(made) - len(failed),
        failed=failed,
        look_turned=tuple({row.photo: row for row in made if row.looks_turned not in ("", "0")}.values()),
        left_out=found.left_out,
        seconds=time.perf_counter() - started,
        report=place.report,
    )


def _is_done(task: Task, kept: Mapping[str, Sequence[ReportRow]], settings: str, place: Destination) -> bool:
    rows = kept.get(photo_name(task.photo), ())
    if not rows or str(len(rows)) != rows[0].garments:
        return False
    if not all(_is_there(row, task, settings, place) for row in rows):
        return False
    try:
        return hashlib.sha256(task.photo.read_bytes()).hexdigest() == rows[0].sha256
    except OSError:
        return False


def _is_there(row: ReportRow, task: Task, settings: str, place: Destination) -> bool:
    one = task.of_garment(row.garment) if row.garment else task
    if row.status != "done" or row.settings != settings or row.picture != picture_name(one.picture, place.root):
        return False
    return place.has(one.picture)
