"""A person's own presets: settings under a name."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.bench import Bench
from app.runs import Runs
from app.sampling import Sampling
from app.session_log import Preset, SessionLog
from app.status import Status, Views

SETTINGS = ("k", "alpha", "steps", "strength", "guidance", "colour_match", "background")


class PresetHandlers:
    """The handlers of the preset's row.

    Args:
        log: keeps the presets.
        runs: lays settings on a bench.
        status: the status line.
        guide: all views of a bench's guide.
    """

    def __init__(self, log: SessionLog, runs: Runs, status: Status, guide: Any) -> None:
        self._library = log.library
        self._runs = runs
        self._status = status
        self._guide = guide

    def open(self, bench: Bench) -> Views:
        """Offer the person's presets."""
        return {"own_preset": self._choices(bench, None)}

    def take(self, bench: Bench, name: str | None) -> Views:
        """A preset was chosen: set its settings, and tune the guide of what lies on the bench by them."""
        found = {preset.name: preset.settings for preset in self._library.presets(owner=bench.owner)}.get(name or "")
        if found is None:  # a name that is being typed, to be kept
            return {}
        self._runs.apply(bench, found["k"], found["alpha"])
        views = self._guide(bench) if bench.work else {}
        return {**views, **found, "status": self._status.view(f"Preset “{name}” is set")}

    def keep(self, bench: Bench, name: str | None, *values: Any) -> Views:
        """ConditionMask the settings of the page under a name."""
        settings = dict(zip(SETTINGS, values, strict=True))
        Sampling(0, *(settings[key] for key in ("steps", "strength", "guidance")), background=settings["background"])
        preset = Preset(name or "", settings)
        self._library.keep_preset(preset, owner=bench.owner)
        kept = " ".join((name or "").split())
        return {"own_preset": self._choices(bench, kept), "status": self._status.view(f"Preset “{kept}” is kept")}

    def forget(self, bench: Bench, name: str | None) -> Views:
        """Forget the chosen preset."""
        self._library.forget_preset(name or "", owner=bench.owner)
        return {"own_preset": self._choices(bench, None), "status": self._status.view(f"Preset “{name}” is forgotten")}

    def _choices(self, bench: Bench, chosen: str | None) -> Any:
        names = [preset.name for preset in self._library.presets(owner=bench.owner)]
        return gr.update(choices=names, value=chosen)
