"""Looking through the bank in the film strip, beyond the candidates: values in, named views out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from app.files.pictures import jpeg_url
from app.landmark_editor.rle import encode
from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.events import whole_number
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.browsing import Browsed, browse
from app.runs.engine import Engine
from app.runs.work import Work
from app.web.site import Views

_AT_ONCE = 6  # drafts; whoever edits meanwhile waits for so many


class BrowseHandlers:
    """The handlers of the strip's further shapes.

    Args:
        engine: whose model's bank it is.
        presenter: makes the views of a bench.
        status: the status line.
    """

    def __init__(self, engine: Engine, presenter: BenchPresenter, status: Status) -> None:
        self._engine = engine
        self._presenter = presenter
        self._status = status
        self._wishes = itertools.count(1)
        self._newest: WeakKeyDictionary[Bench, int] = WeakKeyDictionary()

    def browse(self, bench: Bench, event: dict[str, Any]) -> Iterator[Views]:
        """Show the bank's entries as they suit the photo; the event holds a `category`, "" for all, and a `count`.

        Their drafts follow, until the person looks at something else.
        """
        work = bench.require()
        wanted = {"category": str(event.get("category") or ""), "count": whole_number(event.get("count"))}
        found = self._engine.call(lambda model: browse(model, work, **wanted))
        wish = self._newest[bench] = next(self._wishes)
        drafts: list[str] = []
        yield {"film": browsed_view(work, found, drafts)}
        masks = None if found.found is None else found.found.silhouettes
        for start in range(0, 0 if masks is None else len(masks), _AT_ONCE):
            if self._newest.get(bench) != wish or bench.work is None or bench.work.token != work.token:
                return
            assert masks is not None
            drafts += [jpeg_url(laid.image, 90) for laid in bench.drafts_of(work, masks[start : start + _AT_ONCE])]
            yield {"film": browsed_view(work, found, drafts)}

    def leave(self, bench: Bench) -> Views:
        """Lay no further drafts: the person has seen enough."""
        self._newest.pop(bench, None)
        return {}

    def take(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Take the entry of the event's `id` as the landmark."""
        entry = whole_number(event.get("id"))
        views = self._presenter.landmark(bench.take_entry(entry))
        return {**views, "status": self._status.view(f"The shape of bank entry {entry} is the landmark")}


def browsed_view(work: Work, browsed: Browsed, drafts: list[str]) -> dict[str, Any]:
    """Return what the strip shows beyond the candidates, with as many drafts as are laid."""
    entries = []
    if browsed.found is not None:
        for entry, similarity, mask in zip(
            browsed.found.ids, browsed.found.similarity, browsed.found.silhouettes, strict=True
        ):
            pixels = (mask.numpy() * 255).round().astype(np.uint8)
            entries.append({"id": int(entry), "similarity": float(similarity), "mask": encode(pixels)})
    return {
        "more": {
            "token": work.token,
            "size": work.guide.landmark.shape[-1],
            "category": browsed.category,
            "categories": [[name, count] for name, count in browsed.categories],
            "total": browsed.total,
            "entries": entries,
            "drafts": list(drafts),
        }
    }
