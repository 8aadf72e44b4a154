"""What the page shows of runs, as plain values for the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PIL import Image

from app.files.pictures import PHOTO_SIDE, jpeg_url, png_url, within
from app.runs.job import Progress, QueueEntry
from app.session_log.search import Card
from app.session_log.values import Run, RunInputs


def progress_view(run: Run, progress: Progress) -> dict[str, Any]:
    """Return the result pane while a run waits or runs, and when it ended without a picture."""
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
    """Return the result pane with a run of the log.

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
        "background": run.inputs.sampling.background,
        "note": note,
        "error": run.error,
    }


def history_view(
    cards: Sequence[Card], thumbnails: dict[int, bytes], *, shown: int | None, going: bool
) -> dict[str, Any]:
    """Return the history strip.

    Args:
        cards: newest first.
        thumbnails: JPEG by run.
        shown: the run in the result pane.
        going: whether something is under way, so that it is worth asking again.
    """
    return {"runs": [card_view(card, thumbnails.get(card.id)) for card in cards], "shown": shown, "going": going}


def card_view(card: Card, thumbnail: bytes | None) -> dict[str, Any]:
    """Return one run in a list."""
    return {
        "run": card.id,
        "status": card.status,
        "image": f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}" if thumbnail else None,
        "when": _when(card.created_at),
        "name": card.photo_name,
        "seed": str(card.seed),
        "mark": mark_of(card),
        "noted": card.noted,
        "title": f"{card.photo_name}, seed {card.seed}, {card.status}" + (f", by {card.owner}" if card.owner else ""),
    }


def queue_view(entries: Sequence[QueueEntry], *, paused: bool) -> dict[str, Any]:
    """Return the queue: what runs and what waits, in order."""
    return {
        "paused": paused,
        "runs": [
            {
                "run": entry.run.id,
                "name": entry.run.inputs.photo_name,
                "seed": str(entry.run.inputs.sampling.seed),
                "state": entry.progress.status,
                "step": entry.progress.step,
                "steps": entry.progress.steps,
                "seconds": entry.progress.seconds_left,
                "ahead": entry.progress.ahead,
            }
            for entry in entries
        ],
    }


def file_name(run: Run, suffix: str = ".png") -> str:
    """Return what a run's file is called when it is saved."""
    stem = run.inputs.photo_name.rpartition(".")[0] or run.inputs.photo_name
    return f"{stem}-flat-{run.id}{suffix}"


def outline_words(inputs: RunInputs) -> str:
    """Return what a run's outline is, in words."""
    kind = inputs.pattern["kind"].replace("_", " ") if inputs.pattern else ""
    return {
        "consensus": "consensus",
        "candidate": f"candidate {(inputs.choice or 0) + 1}",
        "drafted": f"drafted, {kind}" if kind else "drafted",
        "edited": "your own outline",
    }[inputs.landmark_source]


def mark_of(run: Card | Run) -> str | None:
    """Return how a run was marked: "starred", "rejected" or None."""
    return "starred" if run.starred else "rejected" if run.rejected else None


def _facts(run: Run) -> list[tuple[str, object]]:
    inputs, sampling = run.inputs, run.inputs.sampling
    facts: list[tuple[str, object]] = [
        ("seed", str(sampling.seed)),
        ("steps", sampling.steps),
        ("strength", f"{sampling.strength:g}"),
        ("guidance", f"{sampling.guidance:g}"),
        ("K", inputs.k),
        ("α", f"{inputs.alpha:g}"),
        ("outline", outline_words(inputs)),
    ]
    if run.colour is not None:
        facts.append(("ΔE", f"{run.colour['before']:.1f} → {run.colour['after']:.1f}"))
    elif sampling.colour_match and run.status == "done":
        facts.append(("colour", "no garment found in the photo to match"))
    total = run.timings_ms.get("total")
    if total is not None:
        facts.append(("took", f"{total / 1000:.1f} s"))
    return facts


def _when(moment: datetime) -> str:
    local, now = moment.astimezone(), datetime.now().astimezone()
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%d %b}"
