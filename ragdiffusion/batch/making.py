"""Making the pictures of one photo of a batch; whatever goes wrong becomes a line of the report."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.batch.report import Row, photo_name, printable
from ragdiffusion.batch.tasks import Task
from ragdiffusion.parsing.choice import EACH, parse_choice, separate

if TYPE_CHECKING:
    from ragdiffusion.api import PictureSize, RAGDiffusion, Sight
    from ragdiffusion.batch.destination import Destination
    from ragdiffusion.batch.request import PictureRequest
    from ragdiffusion.parsing.found import GarmentChoice


def make(task: Task, model: RAGDiffusion, request: PictureRequest, destination: Destination) -> tuple[Row, ...]:
    """Make the picture of one photo, or one for each of its garments, with its landmark beside it.

    Args:
        task: which photo, and where the picture goes.
        model: makes it.
        request: what is asked for.
        destination: keeps it.
    """
    started, digest = time.perf_counter(), ""
    try:
        data = task.photo.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        meant = _garments(data, task, model, request)
    except Exception as error:
        return (failed(task, request, error, digest=digest, started=started),)
    rows = []
    for name, garment in meant:
        one = task if not name else task.of_garment(name)
        try:
            row = _make(one, data, garment, model, request, destination, started)
        except Exception as error:
            row = failed(task, request, error, digest=digest, started=started)
        rows.append(replace(row, garment=name, garments=str(len(meant))))
        started = time.perf_counter()
    return tuple(rows)


def failed(task: Task, request: PictureRequest, error: Exception | str, *, digest: str = "", started: float = 0) -> Row:
    """The line of a photo whose picture could not be made.

    Args:
        task: of the photo.
        request: what was asked for.
        error: why.
        digest: of the photo, if it could be read.
        started: moment of `time.perf_counter`; 0 if nothing was begun.
    """
    line = " ".join(str(error).split()) or type(error).__name__
    return Row(
        photo_name(task.photo),
        "failed",
        sha256=digest,
        settings=request.fingerprint(),
        error=printable(line[:500]),
        seconds=f"{time.perf_counter() - started:.2f}" if started else "",
    )


def _garments(
    data: bytes, task: Task, model: RAGDiffusion, request: PictureRequest
) -> list[tuple[str, GarmentChoice | None]]:
    """The garments that are meant, each with what its files are called; one has the photo's own name."""
    choice = None if request.garment is None else parse_choice(request.garment)
    if not (isinstance(choice, str) and choice == EACH):
        return [("", choice)]
    from ragdiffusion.images import load_photo

    return separate(model.parse(load_photo(data, name=task.photo.name)))


def _make(
    task: Task,
    data: bytes,
    garment: GarmentChoice | None,
    model: RAGDiffusion,
    request: PictureRequest,
    destination: Destination,
    started: float,
) -> Row:
    sight = model.see(data, garment, name=task.photo.name)
    guide = model.retrieve(sight, k=request.k, alpha=request.alpha, attributes=request.attributes)
    result = model.generate(
        sight,
        guide,
        seed=request.seed,
        steps=request.steps,
        strength=request.strength,
        guidance=request.guidance,
        size=_side(request.size, sight, model),
    )
    silhouette = model.silhouette(result.landmark, result.image.width, model.pattern(guide))
    destination.save({task.picture: result.image, task.landmark: silhouette})
    return Row(
        photo=photo_name(task.photo),
        status="done",
        picture=picture_name(task.picture, destination.root),
        sha256=hashlib.sha256(data).hexdigest(),
        settings=request.fingerprint(),
        seconds=f"{time.perf_counter() - started:.2f}",
        seed=str(result.seed),
        k=str(guide.k),
        alpha=f"{guide.alpha:g}",
        similarity=f"{guide.candidates[0].similarity:.4f}",
        category=guide.attributes["category"],
        checkpoint=result.checkpoint,
        bank_version=result.bank_version,
    )


def picture_name(picture: Path, root: Path) -> str:
    """A picture as the report names it."""
    return printable(picture.relative_to(root).as_posix())


def _side(size: PictureSize, sight: Sight, model: RAGDiffusion) -> PictureSize:
    return min(size, model.largest_size(sight)) if isinstance(size, int) else size
