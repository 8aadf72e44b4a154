"""A person's own presets: settings under a name."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.session_log.library import OwnPreset, RunLibrary
from app.session_log.sampling import SETTINGS, Sampling
from app.web.site import Views

PRESET_SETTINGS = ("k", "alpha", *(name for name in SETTINGS if name != "seed"))


class PresetHandlers:
    """The handlers of the preset's row.

    Args:
        library: keeps the presets.
        runs: lays settings on a bench.
        presenter: makes the views of a bench.
        status: the status line.
    """

    def __init__(self, library: RunLibrary, runs: Runs, presenter: BenchPresenter, status: Status) -> None:
        self._library = library
        self._runs = runs
        self._presenter = presenter
        self._status = status

    def open(self, bench: Bench) -> Views:
        """Offer the person's presets."""
        return {"own_preset": self._choices(bench, None)}

    def take(self, bench: Bench, name: str | None) -> Views:
        """Set a preset's settings, and tune the guide of what lies on the bench by them."""
        found = {preset.name: preset.settings for preset in self._library.presets(owner=bench.owner)}.get(name or "")
        if found is None:  # a name that is being typed, to be kept
            return {}
        self._runs.apply(bench, found["k"], found["alpha"])
        views = self._presenter.all(bench) if bench.work else {}
        return {**views, **found, "status": self._status.view(f"Preset “{name}” is set")}

    def keep(self, bench: Bench, name: str | None, *values: Any) -> Views:
        """Keep the settings of the page under a name."""
        settings = dict(zip(PRESET_SETTINGS, values, strict=True))
        Sampling.read({**settings, "seed": 0})  # which says what is wrong
        self._library.keep_preset(OwnPreset(name or "", settings), owner=bench.owner)
        kept = " ".join((name or "").split())
        return {"own_preset": self._choices(bench, kept), "status": self._status.view(f"Preset “{kept}” is kept")}

    def forget(self, bench: Bench, name: str | None) -> Views:
        """Forget the chosen preset."""
        self._library.forget_preset(name or "", owner=bench.owner)
        return {"own_preset": self._choices(bench, None), "status": self._status.view(f"Preset “{name}” is forgotten")}

    def _choices(self, bench: Bench, chosen: str | None) -> Any:
        names = [preset.name for preset in self._library.presets(owner=bench.owner)]
        return gr.update(choices=names, value=chosen)
