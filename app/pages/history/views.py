"""What the History page shows of one run, as plain values for the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.shared.run_views import mark_of
from app.session_log.values import Run
from ragdiffusion.garments.patterns.measures import MEASURES


def detail_view(run: Run, shown: dict[str, Any], collections: Sequence[list]) -> dict[str, Any]:
    """Return the History page's right side: a result view and what the person made of the run.

    Args:
        run: what is shown.
        shown: its result view.
        collections: number and name of those that it is in.
    """
    inputs = run.inputs
    best = max((found["similarity"] for found in inputs.candidates), default=None)
    more = [
        ("started", f"{run.created_at.astimezone():%Y-%m-%d %H:%M:%S}"),
        *([("person", inputs.owner)] if inputs.owner else []),
        ("photo", f"{inputs.photo_name} ({inputs.photo_sha256[:12]})"),
        ("checkpoint", inputs.checkpoint[:12] or "not begun"),
        ("bank", inputs.bank_version[:12] or "not begun"),
        ("preset, device", ", ".join(filter(None, (inputs.preset, inputs.device))) or "not begun"),
    ]
    if inputs.garment is not None:
        more.append(("garment", _garment(inputs.garment)))
    if inputs.pattern is not None:
        more.append((f"measures of the {_words(inputs.pattern['kind'])}", _measures(inputs.pattern["measures"])))
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
        "mark": mark_of(run),
        "words": run.note,
        "deleted": run.deleted_at is not None,
        "collections": list(collections),
    }


def _measures(measures: Mapping[str, float]) -> str:
    """Say what measures a drafted outline has, with their units as far as they are known here."""
    units = {"cm": " cm", "degrees": "°"}
    known = {key: units.get(MEASURES[key].unit, "") for key in measures if key in MEASURES}
    return ", ".join(f"{_words(key)} {value:g}{known.get(key, '')}" for key, value in measures.items())


def _words(key: str) -> str:
    return key.replace("_", " ")


def _garment(meant: Mapping[str, Any]) -> str:
    """Say which garment of the photo a run means."""
    if "point" in meant:
        x, y = meant["point"]
        return f"at ({x:g}, {y:g})"
    return meant.get("name", "marked by a mask")
