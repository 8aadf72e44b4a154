"""What the page shows, as plain values for the browser: texts, numbers and pictures as data URLs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from app.bench import Work
from app.engine import Progress
from app.session_log import Run
from ragdiffusion.images import tensor_to_mask_image

PHOTO_SIDE = 720
THUMBNAIL_SIDE = 112
_OUTLINE_SCALE = 4
SOURCES = {"consensus": "consensus", "candidate": "candidate {}", "edited": "your own outline"}


@dataclass(frozen=True)
class Facts:
    """The status line.

    Args:
        state: loading, ready or failed.
        message: what the person should know; "" if nothing.
        device: that the model runs on.
        preset: of the model.
        checkpoint: fingerprint of the weights.
        bank: version of the bank.
        entries: enabled entries of the bank.
        timings_ms: of the last action.
    """

    state: str
    message: str = ""
    device: str = ""
    preset: str = ""
    checkpoint: str = ""
    bank: str = ""
    entries: int = 0
    timings_ms: tuple[tuple[str, float], ...] = ()


def photo_view(work: Work) -> dict[str, Any]:
    """The photo pane."""
    image = work.photo.image
    return {
        "image": _jpeg(_within(image, PHOTO_SIDE)),
        "name": work.photo.name,
        "size": f"{image.width} × {image.height}",
    }


def example_view(name: str, path: Path) -> dict[str, Any]:
    """One example photo to try."""
    with Image.open(path) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return {"name": name, "image": _jpeg(_within(image.convert("RGB"), THUMBNAIL_SIDE))}


def canvas_view(work: Work) -> dict[str, Any]:
    """The canvas: the draft, the fused mask as a veil, the landmark as an outline, and their names."""
    guide = work.guide
    height, width = guide.landmark.shape
    return {
        "draft": _cut_out(work.draft, guide.landmark),
        "fused": _veil(guide.interpolation),
        "rim": outline_path(guide.interpolation),
        "outline": outline_path(guide.landmark),
        "width": width,
        "height": height,
        "source": guide.landmark_source,
        "title": SOURCES[guide.landmark_source].format((guide.choice or 0) + 1),
        "chosen": guide.choice,
        "revision": work.revision,
    }


def film_view(work: Work) -> dict[str, Any]:
    """The filmstrip: each candidate filled with the garment's own draft."""
    guide = work.guide
    current = {"consensus": guide.consensus, "candidate": guide.choice}.get(guide.landmark_source)
    frames = [
        {
            "image": _jpeg(_within(draft, 192)),
            "id": candidate.id,
            "similarity": candidate.similarity,
            "weight": candidate.weight,
            "iou": candidate.iou,
            "consensus": index == guide.consensus,
            "chosen": index == current,
        }
        for index, (candidate, draft) in enumerate(zip(guide.candidates, work.drafts, strict=False))
    ]
    return {"frames": frames, "revision": work.revision}


def progress_view(run: Run, progress: Progress) -> dict[str, Any]:
    """The result pane while a run waits or runs, and when it ended without a picture."""
    return {
        "state": progress.status,
        "run": run.id,
        "ahead": progress.ahead,
        "step": progress.step,
        "steps": progress.steps,
        "seconds": progress.seconds_left,
        "image": _jpeg(progress.preview) if progress.preview else None,
        "error": progress.error,
    }


def result_view(run: Run, photo: Image.Image, result: bytes | None) -> dict[str, Any]:
    """The result pane with a run of the log.

    Args:
        run: what is shown.
        photo: its photo.
        result: its picture as a PNG, None if it has none.
    """
    inputs = run.inputs
    facts = [
        ("seed", inputs.seed),
        ("steps", inputs.steps),
        ("strength", f"{inputs.strength:g}"),
        ("guidance", f"{inputs.guidance:g}"),
        ("K", inputs.k),
        ("α", f"{inputs.alpha:g}"),
        ("outline", SOURCES[inputs.landmark_source].format((inputs.choice or 0) + 1)),
    ]
    total = run.timings_ms.get("total")
    if total is not None:
        facts.append(("took", f"{total / 1000:.1f} s"))
    stem = inputs.photo_name.rpartition(".")[0] or inputs.photo_name
    return {
        "state": run.status,
        "run": run.id,
        "image": f"data:image/png;base64,{base64.b64encode(result).decode()}" if result else None,
        "photo": _jpeg(_within(photo, PHOTO_SIDE)),
        "file": f"{stem}-flat-{run.id}.png",
        "facts": [[label, str(value)] for label, value in facts],
        "error": run.error,
    }


def history_view(runs: Sequence[tuple[Run, str | None]], shown: int | None = None) -> dict[str, Any]:
    """The history strip: pairs of a run and its `thumbnail`, newest first."""
    items = [
        {
            "run": run.id,
            "status": run.status,
            "image": image,
            "when": _when(run.created_at),
            "title": f"{run.inputs.photo_name}, seed {run.inputs.seed}, {run.status}",
        }
        for run, image in runs
    ]
    return {"runs": items, "shown": shown}


def thumbnail(picture: bytes) -> str:
    """A stored picture, small."""
    with Image.open(io.BytesIO(picture)) as image:
        return _jpeg(_within(image.convert("RGB"), THUMBNAIL_SIDE))


def status_view(facts: Facts) -> dict[str, Any]:
    """The status line."""
    parts = [("device", facts.device), ("preset", facts.preset), ("checkpoint", facts.checkpoint[:12])]
    if facts.bank:
        parts.append(("bank", f"{facts.bank[:12]} ({facts.entries:,} entries)"))
    return {
        "state": facts.state,
        "message": facts.message,
        "facts": [[label, value] for label, value in parts if value],
        "timings": " · ".join(f"{name} {_duration(ms)}" for name, ms in facts.timings_ms),
    }


def outline_path(mask: Tensor) -> str:
    """A mask's border at 0.5 as SVG path data, in the mask's own pixels; holes included."""
    plane = mask.detach().float().cpu().numpy()
    height, width = plane.shape
    size = (width * _OUTLINE_SCALE, height * _OUTLINE_SCALE)
    # A frame of background closes the outline of a garment that touches the border.
    inside = np.pad(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) > 0.5, 1).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_TC89_L1)
    pieces = []
    for contour in contours:
        if len(contour) < 3:
            continue
        points = (contour[:, 0, :].astype(np.float32) - 0.5) / _OUTLINE_SCALE  # [N, 2] as (x, y)
        pieces.append("M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points) + "Z")
    return "".join(pieces)


def _veil(mask: Tensor) -> str:
    """A picture whose opacity is the mask; the page gives it its colour."""
    alpha = tensor_to_mask_image(mask)
    return _url(Image.merge("LA", (Image.new("L", alpha.size, 255), alpha)), "PNG", compress_level=3)


def _cut_out(draft: Image.Image, landmark: Tensor) -> str:
    """A draft that is clear outside its landmark, so that the fused mask can lie below and tint nothing."""
    image = draft.convert("RGB")
    image.putalpha(tensor_to_mask_image(landmark).resize(draft.size, Image.Resampling.BILINEAR))
    return _url(image, "WEBP", quality=90, method=1)


def _jpeg(image: Image.Image) -> str:
    return _url(image, "JPEG", quality=88)


def _url(image: Image.Image, form: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _within(image: Image.Image, side: int) -> Image.Image:
    small = image.copy() if max(image.size) <= side else image.reduce(max(1, max(image.size) // (2 * side)))
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _when(moment: datetime) -> str:
    local, now = moment.astimezone(), datetime.now().astimezone()
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%d %b}"
