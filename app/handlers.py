"""What each control of the page does, without the page: values in, named views out.

Every handler returns a dict from a name in `app.studio` (a panel or a control) to its new value; what is not
named stays as it is. A `ValueError` is for the person and changes nothing.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from app.bench import Bench, Services, Work, read_upload
from app.engine import explain
from app.sampling import MAX_SEED, Sampling
from app.session_log import Run
from app.views import (
    Facts,
    canvas_view,
    example_view,
    film_view,
    history_view,
    photo_view,
    progress_view,
    result_view,
    status_view,
    thumbnail,
)
from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.images import load_photo

HISTORY_LENGTH = 24
FIELDS = tuple(attribute.key for attribute in ATTRIBUTES)
SAMPLING = ("steps", "strength", "guidance")
Views = dict[str, Any]


class Handlers:
    """The page's handlers.

    Args:
        services: the engine, the log and the image store.
        examples: photos to try, by name.
    """

    def __init__(self, services: Services, examples: dict[str, Path]) -> None:
        self._services = services
        self._examples = examples
        self._refusals = itertools.count()
        self._thumbnail = lru_cache(maxsize=1024)(self._make_thumbnail)  # names are hashes of content

    def open(self, bench: Bench) -> Iterator[Views]:
        """Show what is there at once, and the model's own settings as soon as it is loaded."""
        yield {
            "photo": {"examples": [example_view(name, path) for name, path in self._examples.items()]},
            "history": self._history(bench),
            "status": status_view(Facts("loading", "Loading the model…")),
        }
        try:
            defaults = self._services.engine.model().defaults
        except Exception as error:
            yield {"status": status_view(Facts("failed", explain(error)))}
            return
        settings = {name: getattr(defaults, name) for name in ("k", "alpha", *SAMPLING)}
        yield {"status": self._status("Ready for a photo"), **settings}

    def place_photo(self, bench: Bench, path: str, k: int, alpha: float) -> Views:
        """A photo was uploaded, dropped or pasted."""
        data, name = read_upload(path)
        return self._placed(bench.place(data, name, k=k, alpha=alpha))

    def place_example(self, bench: Bench, event: dict[str, Any], k: int, alpha: float) -> Views:
        """An example was clicked; the event holds its `name`."""
        path = self._examples.get(str(event.get("name")))
        if path is None:
            raise ValueError("that example is not there any more: reload the page")
        return self._placed(bench.place(path.read_bytes(), path.name, k=k, alpha=alpha))

    def retune(self, bench: Bench, k: int, alpha: float) -> Views:
        """K or α was moved; without a photo there is nothing to retune yet."""
        return self._guide(bench.retune(k=k, alpha=alpha)) if bench.work else {}

    def describe(self, bench: Bench, *values: str) -> Views:
        """An attribute was changed; all 14 come in table order."""
        if bench.work is None:
            return {}
        work = bench.describe(dict(zip(FIELDS, values, strict=True)))
        return {**self._guide(work), **_fields(work)}  # what was set to unknown was read from the photo again

    def pick(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A candidate was picked; the event holds its `index`."""
        return self._guide(bench.pick(event.get("index")))

    def reset(self, bench: Bench) -> Views:
        """The consensus is wanted again."""
        return self._guide(bench.reset())

    def outline(self, bench: Bench, path: str) -> Views:
        """A mask was uploaded."""
        return self._guide(bench.outline(*read_upload(path)))

    def photo_outline(self, bench: Bench) -> Views:
        """The garment's own outline is wanted."""
        return self._guide(bench.photo_outline())

    def generate(
        self,
        bench: Bench,
        seed: float | None,
        fresh: bool,
        steps: float,
        strength: float,
        guidance: float,
        preview: bool,
    ) -> Iterator[Views]:
        """Generate was pressed: log the run, then follow it to its end."""
        if fresh:
            seed = secrets.randbelow(MAX_SEED + 1)
        sampling = Sampling(seed, steps, strength, guidance, preview)
        run, job = bench.generate(sampling)
        buttons = {"generate": {"interactive": False}, "cancel": {"interactive": True}}
        status = self._status(f"Run {run.id} is under way", job.request.guide.timings_ms)
        yield {"seed": sampling.seed, "history": self._history(bench), "status": status, **buttons}
        progress = None
        for progress in job.progress():
            yield {"result": progress_view(run, progress)}
        run = bench.run(run.id)
        yield {
            "result": self._shown(bench, run, job.request.photo),
            "history": self._history(bench, run.id),
            "status": self._status(_outcome(run), run.timings_ms),
            "generate": {"interactive": True},
            "cancel": {"interactive": False},
        }

    def cancel(self, bench: Bench) -> Views:
        """Cancel was pressed; the run's own handler tells how it ended."""
        bench.cancel()
        return {}

    def look(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run of the history was clicked; the event holds its `run`. The bench stays as it is."""
        run = bench.run(_run_id(event))
        photo = load_photo(bench.picture(run.inputs.photo_path), name=run.inputs.photo_name)
        return {"result": self._shown(bench, run, photo), "history": self._history(bench, run.id)}

    def refresh(self, bench: Bench, shown: dict[str, Any] | None) -> Views:
        """The history waits for runs that no page follows any more; it passes what it shows."""
        return {"history": self._history(bench, (shown or {}).get("shown"))}

    def restore(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run is wanted back on the bench with all its settings; the event holds its `run`."""
        restored = bench.restore(_run_id(event))
        inputs = restored.run.inputs
        views = self._whole(bench.work)
        message = f"Run {restored.run.id} is back on the bench"
        views["status"] = self._status(f"{message}; {restored.note}" if restored.note else message)
        views.update({name: getattr(inputs, name) for name in ("seed", *SAMPLING)}, fresh=False)
        return views

    def refuse(self, error: Exception) -> tuple[str, Views]:
        """What to say when a handler failed, and what to show."""
        message = explain(error)
        # The browser is told of a value only when it differs from the last one.
        return message, {"photo": {"refused": next(self._refusals)}, "status": self._status(message)}

    def _placed(self, work: Work) -> Views:
        message = "Pick a candidate or keep the consensus, then Generate"
        return {**self._whole(work), "status": self._status(message, work.guide.timings_ms)}

    def _whole(self, work: Work) -> Views:
        guide = work.guide
        settings = {"k": guide.k, "alpha": guide.alpha, **_fields(work)}
        return {"photo": photo_view(work), **self._guide(work), **settings}

    def _guide(self, work: Work) -> Views:
        return {
            "canvas": canvas_view(work),
            "film": film_view(work),
            "status": self._status("", work.guide.timings_ms),
        }

    def _shown(self, bench: Bench, run: Run, photo: Image.Image) -> dict[str, Any]:
        result = bench.picture(run.result_path) if run.result_path else None
        return result_view(run, photo, result)

    def _history(self, bench: Bench, shown: int | None = None) -> dict[str, Any]:
        runs = bench.history(HISTORY_LENGTH)
        return history_view([(run, self._thumbnail(run.result_path)) for run in runs], shown)

    def _make_thumbnail(self, name: str | None) -> str | None:
        try:
            return thumbnail(self._services.images.read(name)) if name else None
        except (ValueError, OSError):  # one lost or broken picture must not close the history
            return None

    def _status(self, message: str, timings_ms: dict[str, float] | None = None) -> dict[str, Any]:
        engine = self._services.engine
        if not engine.ready:
            return status_view(Facts("loading", message))
        model = engine.model()
        facts = Facts(
            state="ready",
            message=message,
            device=str(model.device),
            preset=model.preset,
            checkpoint=model.checkpoint,
            bank=model.bank.version,
            entries=len(model.bank),
            timings_ms=tuple((timings_ms or {}).items()),
        )
        return status_view(facts)


def _fields(work: Work) -> Views:
    return {key: work.guide.attributes[key] for key in FIELDS}


def _outcome(run: Run) -> str:
    if run.status == "done":
        return f"Run {run.id} is saved"
    return f"Run {run.id} {run.status}" + (f": {run.error}" if run.error else "")


def _run_id(event: dict[str, Any]) -> int:
    value = event.get("run")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no run: reload the page")
    return value
