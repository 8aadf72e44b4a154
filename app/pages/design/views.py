"""What the page shows, as plain values for the browser: texts, numbers and pictures as data URLs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from app.files.pictures import THUMBNAIL_SIDE, jpeg_url, within
from app.landmark_editor.rle import encode
from app.runs.bench import Work

PHOTO_SIDE = 720
LOST = "The checkpoint's folder is gone: all goes on with what is loaded; put it back before the next start"
SOURCES = {"consensus": "consensus", "candidate": "candidate {}", "edited": "your own outline"}


@dataclass(frozen=True)
class Facts:
    """The status line.

    Args:
        state: loading, ready or failed.
        message: what the person should know; "" if nothing, None if what was said last still holds.
        device: that the model runs on.
        preset: of the model.
        checkpoint: fingerprint of the weights.
        bank: version of the bank.
        entries: enabled entries of the bank.
        timings_ms: of the last action.
        lost: whether the checkpoint is gone from the disk while it is loaded.
    """

    state: str
    message: str | None = ""
    device: str = ""
    preset: str = ""
    checkpoint: str = ""
    bank: str = ""
    entries: int = 0
    timings_ms: tuple[tuple[str, float], ...] = ()
    lost: bool = False


def photo_view(work: Work) -> dict[str, Any]:
    """The photo pane."""
    image = work.photo.image
    return {
        "image": jpeg_url(within(image, PHOTO_SIDE)),
        "name": work.photo.name,
        "size": f"{image.width} × {image.height}",
    }


def example_view(name: str, path: Path) -> dict[str, Any]:
    """One example photo to try."""
    with Image.open(path) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return {"name": name, "image": jpeg_url(within(image.convert("RGB"), THUMBNAIL_SIDE))}


def canvas_view(work: Work) -> dict[str, Any]:
    """What the editor is to agree with: the landmark, and the draft of an edited one."""
    guide = work.guide
    edited = guide.landmark_source == "edited"
    return {
        "token": work.token,
        "revision": work.revision,
        "settled": work.serial,
        "pushed": work.pushed,
        "k": guide.k,
        "alpha": guide.alpha,
        "source": guide.landmark_source,
        "choice": guide.choice,
        "mask": encode(_eight_bit(guide.landmark)) if edited else None,
        "draft": jpeg_url(work.draft, 90) if edited and work.draft else None,
    }


def film_view(work: Work) -> dict[str, Any]:
    """All neighbours with what the browser needs to weigh and fuse them itself, for every K and α."""
    guide, neighbours = work.guide, work.guide.neighbours
    query = guide.query.double()
    offsets = neighbours.embeddings.double() - query  # [M, D]
    return {
        "token": work.token,
        "size": guide.landmark.shape[-1],
        "photo": work.photo.sha256,
        "neighbours": [
            {"id": int(id_), "similarity": float(similarity), "mask": encode(_eight_bit(silhouette))}
            for id_, similarity, silhouette in zip(
                neighbours.ids, neighbours.similarity, neighbours.silhouettes, strict=True
            )
        ],
        "drafts": [jpeg_url(draft, 90) if draft else None for draft in work.drafts],
        "gram": (offsets @ offsets.mT).tolist(),
        "along": (offsets @ query).tolist(),
        "length": float(query.square().sum()),
    }


def status_view(facts: Facts) -> dict[str, Any]:
    """The status line."""
    checkpoint = facts.checkpoint[:12] + (", files gone" if facts.lost else "")
    parts = [("device", facts.device), ("preset", facts.preset), ("checkpoint", checkpoint)]
    if facts.bank:
        parts.append(("bank", f"{facts.bank[:12]} ({facts.entries:,} entries)"))
    return {
        "state": facts.state,
        "message": facts.message or LOST if facts.lost else facts.message,
        "warning": facts.lost,
        "facts": [[label, value] for label, value in parts if value],
        "timings": " · ".join(f"{name} {_duration(ms)}" for name, ms in facts.timings_ms),
    }


def _eight_bit(mask: Tensor) -> np.ndarray:
    return (mask.detach().float().cpu().numpy() * 255).round().astype(np.uint8)


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
