"""What the History page does, without the page: values in, named views out (as in `app.pages.design.handlers`)."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from datetime import datetime
from typing import Any

import gradio as gr

from app.files.bundle import pack, unpack
from app.files.embedded import read_settings
from app.files.image_store import ImageStore
from app.files.uploads import hand_out, read_upload
from app.pages.history.views import detail_view
from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.events import run_number, run_of, runs_of
from app.pages.shared.run_presenter import RunPresenter
from app.pages.shared.run_views import card_view
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.run_files import RunFiles
from app.runs.runs import Runs
from app.session_log.log import SessionLog
from app.session_log.search import RunFilter
from app.web.site import Views

TO_DESIGN = {"page": {"selected": "design"}}
PAGE_LENGTH = 60


class HistoryHandlers:
    """The handlers of the History page.

    Args:
        log: holds the runs.
        images: takes and gives the pictures of bundles.
        runs: finds runs, and lays settings on a bench.
        files: the pictures of runs.
        presenter: makes the views of runs.
        bench_presenter: makes the views of a bench.
        status: the status line.
    """

    def __init__(
        self,
        log: SessionLog,
        images: ImageStore,
        runs: Runs,
        files: RunFiles,
        presenter: RunPresenter,
        bench_presenter: BenchPresenter,
        status: Status,
    ) -> None:
        self._log = log
        self._images = images
        self._runs = runs
        self._files = files
        self._presenter = presenter
        self._bench_presenter = bench_presenter
        self._status = status
        self._library = log.library
        self._tokens = itertools.count()

    def search(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Find runs: the event holds the filter's fields, and `before` to go on after that run.

        The event's `serial` comes back with the answer, so that the page knows which question it belongs to.
        """
        return {"history_page": self._page(bench, event)}

    def inspect(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Show one run; the bench stays as it is. The event's `looked` comes back, as `serial` does."""
        return {"history_detail": self._detail(bench, run_of(event), event)}

    def change(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Change runs: the event holds `runs`, the `action` with its `value`, and the filter's fields."""
        owner, action, value = bench.owner, event.get("action"), event.get("value")
        runs = runs_of(event)
        library = self._library
        if not runs and action != "empty_bin":
            raise ValueError("no run is selected: click one, or tick several")
        if action == "mark":
            library.mark(runs, value, owner=owner)
        elif action == "note":
            library.note(runs[0], str(value), owner=owner)
        elif action == "discard":
            library.discard(runs, owner=owner)
        elif action == "bring_back":
            library.bring_back(runs, owner=owner)
        elif action == "empty_bin":
            with self._images.removing():
                for name in library.empty_bin(owner=owner):
                    self._images.remove(name)
        elif action == "collect":
            library.collect(runs, str(value), owner=owner)
        elif action == "take_out":
            library.take_out(runs, run_number(value), owner=owner)
        else:
            raise ValueError(f"a run cannot be changed by {action!r}: reload the page")
        views: Views = {"history_page": {**self._page(bench, event), "changed": True}}
        views["history"] = self._presenter.history(owner)
        if len(runs) == 1:
            views["history_detail"] = self._detail(bench, runs[0], event)
        elif action == "empty_bin":
            views["history_detail"] = None
        return views

    def export(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Give a file of one run, as `RunPresenter.download` describes it."""
        run_id = run_of(event)
        download = self._presenter.download(self._runs.get(bench.owner, run_id), event)
        return {"history_detail": {**self._detail(bench, run_id, {}), "download": download}}

    def bundle(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Give the runs of the event as one ZIP; `metadata` tells whether photos keep what cameras wrote into them."""
        runs = [self._runs.get(bench.owner, run_id) for run_id in runs_of(event)]
        data = pack(runs, self._images, metadata=event.get("metadata") is True)
        name = f"ragdiffusion-{datetime.now():%Y%m%d-%H%M%S}-{len(runs)}-runs.zip"
        (path,) = hand_out([(name, data)])
        message = f"A bundle of {len(runs)} runs is ready ({len(data) / 1e6:.1f} MB): press its name to save it"
        return {"bundle_out": gr.update(value=path, visible=True), "status": self._status.view(message)}

    def take(self, bench: Bench, path: str) -> Views:
        """Take the runs of a bundle, or the settings in a PNG."""
        data, name = read_upload(path)
        if data.startswith(b"\x89PNG"):
            return self._settings(bench, data, name)
        runs = unpack(data, name, owner=bench.owner, log=self._log, images=self._images)
        views = {"history_page": self._page(bench, {}), "history": self._presenter.history(bench.owner)}
        message = f"{len(runs)} runs were taken from {name}"
        return {**views, "history_detail": self._detail(bench, runs[0].id, {}), "status": self._status.view(message)}

    def _settings(self, bench: Bench, data: bytes, name: str) -> Views:
        found = read_settings(data, name)
        if found is None:
            raise ValueError(f"{name} holds no settings: save it from this studio with its settings inside")
        self._runs.apply(bench, found.k, found.alpha, found.attributes)
        views = self._bench_presenter.all(bench) if bench.work else {}
        settings = {**asdict(found.sampling), "fresh": False, "k": found.k, "alpha": found.alpha}
        return {**views, **settings, **TO_DESIGN, "status": self._status.view(f"The settings of {name} are set")}

    def _page(self, bench: Bench, event: dict[str, Any]) -> dict[str, Any]:
        owner, before = bench.owner, event.get("before")
        if before is not None:
            before = run_number(before)
        found = self._log.search.find(RunFilter.read(event), owner=owner, count=PAGE_LENGTH, before=before)
        small = self._files.thumbnails(found.cards, owner)
        return {
            "cards": [card_view(card, small.get(card.id)) for card in found.cards],
            "total": found.total,
            "append": before is not None,
            "more": len(found.cards) == PAGE_LENGTH,
            "bin": bool(event.get("bin")),
            "going": self._presenter.going(owner),
            "collections": [[each.id, each.name, each.count] for each in self._library.collections(owner=owner)],
            "categories": self._log.search.categories(owner=owner),
            "serial": event.get("serial"),
            "token": next(self._tokens),
        }

    def _detail(self, bench: Bench, run_id: int, event: dict[str, Any]) -> dict[str, Any]:
        owner = bench.owner
        run = self._runs.get(owner, run_id)
        names = {each.id: each.name for each in self._library.collections(owner=owner)}
        numbers = self._library.collections_of(run_id, owner=owner)
        inside = [[number, names[number]] for number in numbers if number in names]
        detail = detail_view(run, self._presenter.result(run), inside)
        return {**detail, "known": sorted(names.values(), key=str.casefold), "looked": event.get("looked")}
