"""Making one picture of a batch; whatever goes wrong becomes a line of the report."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.batch.report import Row, photo_name, printable
from ragdiffusion.batch.tasks import Task
from ragdiffusion.files import write_pictures
from ragdiffusion.parsing.choice import parse_choice, separate

if TYPE_CHECKING:
    from ragdiffusion.api import PictureSize, RAGDiffusion, Sight
    from ragdiffusion.batch.request import PictureRequest


def make(task: Task, model: RAGDiffusion, request: PictureRequest, destination: Path) -> Row:
    """Make the picture of one photo, and its landmark beside it.

    Args:
        task: which photo, and where the picture goes.
        model: makes it.
        request: what is asked for.
        destination: folder of the report.
    """
    started, digest = time.perf_counter(), ""
    try:
        data = task.photo.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        return _make(task, data, model, request, destination, started)
    except Exception as error:
        line = " ".join(str(error).split()) or type(error).__name__
        return Row(
            photo_name(task.photo),
            "failed",
            sha256=digest,
            settings=request.fingerprint(),
            error=printable(line[:500]),
            seconds=f"{time.perf_counter() - started:.2f}",
        )


def _make(
    task: Task, data: bytes, model: RAGDiffusion, request: PictureRequest, destination: Path, started: float
) -> Row:
    ((_, garment),) = separate(None if request.garment is None else parse_choice(request.garment))
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
    task.picture.parent.mkdir(parents=True, exist_ok=True)
    write_pictures({task.picture: result.image, task.landmark: silhouette})
    return Row(
        photo=photo_name(task.photo),
        status="done",
        picture=picture_name(task, destination),
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


def picture_name(task: Task, destination: Path) -> str:
    """A picture as the report names it."""
    return printable(task.picture.relative_to(destination).as_posix())


def _side(size: PictureSize, sight: Sight, model: RAGDiffusion) -> PictureSize:
    return min(size, model.largest_size(sight)) if isinstance(size, int) else size
