"""Making the pictures of photos of a batch; whatever goes wrong becomes a line of the report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.batch.report import ReportRow, photo_name, printable
from ragdiffusion.batch.tasks import Task
from ragdiffusion.images import load_photo
from ragdiffusion.parsing.choice import EACH, parse_choice, separate
from ragdiffusion.turned_photo import Look, look_at

if TYPE_CHECKING:
    from PIL import Image

    from ragdiffusion.api import GenerationResult, PictureSize, RAGDiffusion, Sight
    from ragdiffusion.batch.destination import Destination
    from ragdiffusion.batch.request import PictureRequest
    from ragdiffusion.parsing.found import GarmentChoice
    from ragdiffusion.retrieval.guide import StructureGuide


def make(
    tasks: Sequence[Task], model: RAGDiffusion, request: PictureRequest, destination: Destination
) -> list[tuple[ReportRow, ...]]:
    """Make the pictures of some photos, or one for each of their garments, with their landmarks beside them.

    Args:
        tasks: which photos, and where the pictures go.
        model: makes them, `request.together` in a call.
        request: what is asked for.
        destination: keeps them.

    Returns:
        The lines of each photo.
    """
    shots = [shot for task in tasks for shot in _shots(task, model, request)]
    ready = [shot for shot in shots if shot.guide is not None]
    for start in range(0, len(ready), request.together):
        _draw(ready[start : start + request.together], model, request, destination)
    return [tuple(shot.row for shot in shots if shot.photo == task) for task in tasks]


def failed(
    task: Task,
    request: PictureRequest,
    error: Exception | str,
    *,
    digest: str = "",
    started: float = 0,
    look: Look | None = None,
) -> ReportRow:
    """The line of a photo whose picture could not be made.

    Args:
        task: of the photo.
        request: what was asked for.
        error: why.
        digest: of the photo, if it could be read.
        started: moment of `time.perf_counter`; 0 if nothing was begun.
        look: at the photo, if there was one.
    """
    line = " ".join(str(error).split()) or type(error).__name__
    return ReportRow(
        photo_name(task.photo),
        "failed",
        sha256=digest,
        settings=request.fingerprint(),
        error=printable(line[:500]),
        seconds=f"{time.perf_counter() - started:.2f}" if started else "",
        **_turned(look, request),
    )


@dataclass(eq=False)
class _Shot:
    """A picture to make of a photo: one of its garments."""

    photo: Task
    target: Task
    garment: str
    of: int
    digest: str
    began: float
    look: Look | None = None
    sight: Sight | None = None
    guide: StructureGuide | None = None
    row: ReportRow | None = None
    looked: float = 0  # seconds

    def fail(self, request: PictureRequest, error: Exception) -> None:
        row = failed(self.photo, request, error, digest=self.digest, started=self.began, look=self.look)
        self.row, self.guide = replace(row, garment=self.garment, garments=str(self.of)), None


def _shots(task: Task, model: RAGDiffusion, request: PictureRequest) -> list[_Shot]:
    """Look at a photo: what is to be made of it, or why nothing is."""
    began, digest, look = time.perf_counter(), "", None
    try:
        data = task.photo.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        choice = None if request.garment is None else parse_choice(request.garment)
        each = isinstance(choice, str) and choice == EACH
        look = look_at(model, data, None if each else choice, request.turn, name=task.photo.name)
        meant = _separate(data, task, model, look) if each else [("", None)]
    except Exception as error:
        row = failed(task, request, error, digest=digest, started=began, look=look)
        return [_Shot(task, task, "", 1, digest, began, row=row)]
    shots = []
    for name, garment in meant:
        target = task.of_garment(name) if name else task
        shots.append(shot := _Shot(task, target, name, len(meant), digest, began, look))
        try:
            seen = model.see(data, garment, name=task.photo.name, turn=look.turned) if each else look.require()
            found = model.retrieve(seen, k=request.k, alpha=request.alpha, attributes=request.attributes)
            found = found.draft() if request.drafted else found
            shot.sight, shot.guide, shot.looked = seen, found, time.perf_counter() - began
        except Exception as error:
            shot.fail(request, error)
        began = time.perf_counter()
    return shots


def _separate(data: bytes, task: Task, model: RAGDiffusion, look: Look) -> list[tuple[str, GarmentChoice]]:
    """The garments of a photo as it was turned, each with what its files are called."""
    seen: Sight | Image.Image | None = look.sight
    if seen is None:
        seen = load_photo(data, name=task.photo.name).rotate(-look.turned, expand=True)
    return separate(model.parse(seen))


def _turned(look: Look | None, request: PictureRequest) -> dict[str, str]:
    """How a photo was turned and looks, as the report has it; nobody is asked where the request says how it stands."""
    if look is None:
        return {}
    asked = not isinstance(request.turn, int)
    return {"turned": str(look.turned), "looks_turned": str(look.looks_turned) if asked else ""}


def _draw(shots: Sequence[_Shot], model: RAGDiffusion, request: PictureRequest, destination: Destination) -> None:
    """Make pictures in one call; where that fails each by itself, as only one may be to blame."""
    if not shots:
        return
    began = time.perf_counter()
    try:
        results = model.generate_several(
            [shot.sight for shot in shots],
            [shot.guide for shot in shots],
            seed=request.seed,
            steps=request.steps,
            strength=request.strength,
            guidance=request.guidance,
            sizes=[_side(request.size, shot.sight, model) for shot in shots],
        )
    except Exception as error:
        if len(shots) == 1:
            shots[0].fail(request, error)
            return
        for shot in shots:
            _draw([shot], model, request, destination)
        return
    share = (time.perf_counter() - began) / len(shots)
    for shot, result in zip(shots, results, strict=True):
        try:
            shot.row = _keep(shot, result, model, request, destination, seconds=shot.looked + share)
        except Exception as error:
            shot.fail(request, error)


def _keep(
    shot: _Shot,
    result: GenerationResult,
    model: RAGDiffusion,
    request: PictureRequest,
    destination: Destination,
    *,
    seconds: float,
) -> ReportRow:
    guide, target = result.guide, shot.target
    silhouette = model.silhouette(result.landmark, result.image.width, model.pattern(guide))
    destination.save({target.picture: result.image, target.landmark: silhouette})
    return ReportRow(
        photo=photo_name(target.photo),
        status="done",
        picture=picture_name(target.picture, destination.root),
        sha256=shot.digest,
        settings=request.fingerprint(),
        seconds=f"{seconds:.2f}",
        seed=str(result.seed),
        k=str(guide.k),
        alpha=f"{guide.alpha:g}",
        similarity=f"{guide.candidates[0].similarity:.4f}",
        category=guide.attributes["category"],
        checkpoint=result.checkpoint,
        bank_version=result.bank_version,
        garment=shot.garment,
        garments=str(shot.of),
        notes="; ".join((*shot.sight.notes, *result.notes)),
        **_turned(shot.look, request),
    )


def picture_name(picture: Path, root: Path) -> str:
    """A picture as the report names it."""
    return printable(picture.relative_to(root).as_posix())


def _side(size: PictureSize, sight: Sight, model: RAGDiffusion) -> PictureSize:
    return min(size, model.largest_size(sight)) if isinstance(size, int) else size
