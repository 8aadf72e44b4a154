"""What the page shows of runs, as plain values for the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PIL import Image

from app.engine import Progress
from app.pictures import jpeg_url, within
from app.run_queue import Place
from app.session_log import Card, Run
from app.views import PHOTO_SIDE, SOURCES


def progress_view(run: Run, progress: Progress) -> dict[str, Any]:
    """The result pane while a run waits or runs, and when it ended without a picture."""
    return {
        "state": progress.status,
        "run": run.id,
        "ahead": progress.ahead,
        "paused": progress.paused,
        "step": progress.step,
        "steps": progress.steps,
        "seconds": progress.seconds_left,
        "image": jpeg_url(progress.preview) if progress.preview else None,
        "error": progress.error,
    }


def result_view(
    run: Run, photo: Image.Image | None, *, result: bytes | None, saved: bytes | None, sheet: bytes | None, note: str
) -> dict[str, Any]:
    """The result pane with a run of the log.

    Args:
        run: what is shown.
        photo: its photo; None if it cannot be read.
        result: its picture as PNG, None if it has none.
        saved: the same with its settings, on its background, to be saved.
        sheet: the contact sheet that it is part of, as PNG, None without one.
        note: what the person should know about it, "" if nothing.
    """
    return {
        "state": run.status,
        "run": run.id,
        "image": png_url(result),
        "saved": png_url(saved),
        "sheet": png_url(sheet),
        "photo": jpeg_url(within(photo, PHOTO_SIDE)) if photo else None,
        "file": file_name(run),
        "facts": [[label, str(value)] for label, value in _facts(run)],
        "background": run.inputs.background,
        "note": note,
        "error": run.error,
    }


def detail_view(run: Run, shown: dict[str, Any], collections: Sequence[int]) -> dict[str, Any]:
    """The History page's right side: a result view and what the person made of the run.

    Args:
        run: what is shown.
        shown: its result view.
        collections: that it is in.
    """
    inputs = run.inputs
    best = max((found["similarity"] for found in inputs.candidates), default=None)
    more = [
        ("started", f"{run.created_at.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("photo", f"{inputs.photo_name} ({inputs.photo_sha256[:12]})"),
        ("checkpoint", inputs.checkpoint[:12] or "not begun"),
        ("bank", inputs.bank_version[:12] or "not begun"),
        ("preset, device", ", ".join(filter(None, (inputs.preset, inputs.device))) or "not begun"),
    ]
    if best is not None:
        more.append(("nearest entry", f"similarity {best:.3f}"))
    more += [(name.replace("_", " "), value) for name, value in inputs.attributes.items() if value != "Unknown"]
    more += [(f"time, {name}", f"{ms:.0f} ms") for name, ms in run.timings_ms.items()]
    candidates = [
        f"#{found['id']}: similarity {found['similarity']:.3f}, weight {found['weight']:+.2f}, IoU {found['iou']:.2f}"
        for found in inputs.candidates
    ]
    return {
        **shown,
        "details": [[label, value] for label, value in more],
        "candidates": candidates,
        "name": inputs.photo_name,
        "mark": "starred" if run.starred else "rejected" if run.rejected else None,
        "words": run.note,
        "deleted": run.deleted_at is not None,
        "collections": list(collections),
    }


def history_view(
    cards: Sequence[Card], thumbnails: dict[int, bytes], *, shown: int | None, going: bool
) -> dict[str, Any]:
    """The history strip.

    Args:
        cards: newest first.
        thumbnails: JPEG by run.
        shown: the run in the result pane.
        going: whether something is under way, so that it is worth asking again.
    """
    return {"runs": [card_view(card, thumbnails.get(card.id)) for card in cards], "shown": shown, "going": going}


def card_view(card: Card, thumbnail: bytes | None) -> dict[str, Any]:
    """One run in a list."""
    return {
        "run": card.id,
        "status": card.status,
        "image": f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}" if thumbnail else None,
        "when": _when(card.created_at),
        "name": card.photo_name,
        "seed": str(card.seed),
        "mark": "starred" if card.starred else "rejected" if card.rejected else None,
        "noted": card.noted,
        "title": f"{card.photo_name}, seed {card.seed}, {card.status}",
    }


def queue_view(places: Sequence[Place], *, paused: bool) -> dict[str, Any]:
    """The queue: what runs and what waits, in order."""
    return {
        "paused": paused,
        "runs": [
            {
                "run": place.run.id,
                "name": place.run.inputs.photo_name,
                "seed": str(place.run.inputs.seed),
                "state": place.progress.status,
                "step": place.progress.step,
                "steps": place.progress.steps,
                "seconds": place.progress.seconds_left,
                "ahead": place.progress.ahead,
            }
            for place in places
        ],
    }


def png_url(data: bytes | None) -> str | None:
    """A PNG as a data URL."""
    return None if data is None else f"data:image/png;base64,{base64.b64encode(data).decode()}"


def file_name(run: Run, suffix: str = ".png") -> str:
    """What a run's file is called when it is saved."""
    stem = run.inputs.photo_name.rpartition(".")[0] or run.inputs.photo_name
    return f"{stem}-flat-{run.id}{suffix}"


def _facts(run: Run) -> list[tuple[str, object]]:
    inputs = run.inputs
    facts: list[tuple[str, object]] = [
        ("seed", str(inputs.seed)),
        ("steps", inputs.steps),
        ("strength", f"{inputs.strength:g}"),
        ("guidance", f"{inputs.guidance:g}"),
        ("K", inputs.k),
        ("α", f"{inputs.alpha:g}"),
        ("outline", SOURCES[inputs.landmark_source].format((inputs.choice or 0) + 1)),
    ]
    if run.colour is not None:
        facts.append(("ΔE", f"{run.colour['before']:.1f} → {run.colour['after']:.1f}"))
    elif inputs.colour_match and run.status == "done":
        facts.append(("colour", "no garment found in the photo to match"))
    total = run.timings_ms.get("total")
    if total is not None:
        facts.append(("took", f"{total / 1000:.1f} s"))
    return facts


def _when(moment: datetime) -> str:
    local, now = moment.astimezone(), datetime.now().astimezone()
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%d %b}"
