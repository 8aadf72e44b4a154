"""What the controls of photo, guide and outline do, without the page: values in, named views out.

Every handler returns `Views`. A `ValueError` is for the person and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app.files.pictures import jpeg_url
from app.pages.design.views import Facts, canvas_view, example_view, film_view, photo_view, status_view
from app.pages.shared.status import Status, Views
from app.runs.bench import Bench, Services, Work, read_upload
from ragdiffusion.attributes import ATTRIBUTES

FIELDS = tuple(attribute.key for attribute in ATTRIBUTES)


class DesignHandlers:
    """The handlers of the Design page, without runs.

    Args:
        services: the engine, the log and the image store.
        status: the status line.
        examples: photos to try, by name.
    """

    def __init__(self, services: Services, status: Status, examples: dict[str, Path]) -> None:
        self._services = services
        self._status = status
        self._examples = examples

    def open(self, bench: Bench) -> Iterator[Views]:
        """Show what is there at once, and the model's own settings as soon as it is loaded."""
        yield {
            "photo": {"examples": [example_view(name, path) for name, path in self._examples.items()]},
            "status": status_view(Facts("loading", "Loading the model…")),
        }
        try:
            defaults = self._services.engine.model().defaults
        except Exception as error:
            yield {"status": self._status.failed(error)}
            return
        yield {"status": self._status.view("Ready for a photo"), "k": defaults.k, "alpha": defaults.alpha}

    def whole(self, bench: Bench) -> Views:
        """All views of what lies on the bench."""
        return self._whole(bench.require())

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

    def settle(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Something was changed on the canvas: K, α, the choice, the outline, or several of them."""
        received = time.time() * 1e3
        work = bench.settle(event)
        return {"canvas": {**canvas_view(work), "received": received}, "status": self._timings(work)}

    def drafts(self, bench: Bench) -> Iterator[Views]:
        """The page shows the silhouettes and wants the garment in them."""
        started = time.perf_counter()
        for work in bench.lay_drafts():
            done = {**work.guide.timings_ms, "drafts": (time.perf_counter() - started) * 1e3}
            yield {"film": film_view(work), "status": self._status.view(None, done)}

    def draft(self, bench: Bench) -> Views:
        """The page shows an edited outline and wants the garment in it."""
        started = time.perf_counter()
        work = bench.lay_landmark()
        done = {**work.guide.timings_ms, "draft": (time.perf_counter() - started) * 1e3}
        return {"canvas": canvas_view(work), "status": self._status.view(None, done)}

    def describe(self, bench: Bench, *values: str) -> Views:
        """An attribute was changed; all 14 come in table order."""
        if bench.work is None:
            return {}
        work = bench.describe(dict(zip(FIELDS, values, strict=True)))
        return {**self._guide(work), **_fields(work)}  # what was set to unknown was read from the photo again

    def outline(self, bench: Bench, path: str) -> Views:
        """A mask was uploaded."""
        return self._landmark(bench.outline(*read_upload(path)))

    def photo_outline(self, bench: Bench) -> Views:
        """The garment's own outline is wanted."""
        return self._landmark(bench.photo_outline())

    def ghost(self, bench: Bench) -> Views:
        """The photo is wanted under the outline."""
        image = jpeg_url(bench.framed_photo())
        return {"canvas": {**canvas_view(bench.require()), "ghost": image}}

    def say(self, bench: Bench, event: dict[str, Any]) -> Views:
        """The browser refuses a file or an outline by itself; the event holds its `message`."""
        raise ValueError(str(event.get("message"))[:300])

    def _placed(self, work: Work) -> Views:
        message = "Pick a candidate or keep the consensus, then Generate"
        return {**self._whole(work), "status": self._status.view(message, work.guide.timings_ms)}

    def _whole(self, work: Work) -> Views:
        guide = work.guide
        settings = {"k": guide.k, "alpha": guide.alpha, **_fields(work)}
        return {"photo": photo_view(work), **self._guide(work), **settings}

    def _guide(self, work: Work) -> Views:
        return {"film": film_view(work), **self._landmark(work)}

    def _landmark(self, work: Work) -> Views:
        return {"canvas": canvas_view(work), "status": self._timings(work)}

    def _timings(self, work: Work) -> dict[str, Any]:
        return self._status.view("", work.guide.timings_ms)


def _fields(work: Work) -> Views:
    """The attributes with how sure their reader was, or that the person set them."""
    confidence = work.guide.attribute_confidence
    fields = {}
    for attribute in ATTRIBUTES:
        key, label = attribute.key, attribute.name
        if key in work.corrected:
            label += " · yours"
        elif key in confidence:
            label += f" · {confidence[key]:.0%}"
        fields[key] = gr.update(value=work.guide.attributes[key], label=label)
    return fields
