"""What the History page does, without the page: values in, named views out (as in `app.pages.design.handlers`)."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr

from app.files.bundle import pack, unpack
from app.files.embedded import read_settings
from app.pages.design.run_handlers import RunHandlers, run_id_of
from app.pages.shared.run_views import card_view
from app.pages.shared.status import Status, Views
from app.runs.bench import Bench, Services, read_upload
from app.session_log import Filter

PAGE_LENGTH = 60


class HistoryHandlers:
    """The handlers of the History page.

    Args:
        services: the engine, the log, the image store and the queue.
        status: the status line.
        whole: all views of what lies on a bench.
    """

    def __init__(self, services: Services, status: Status, whole: Callable[[Bench], Views]) -> None:
        self._services = services
        self._status = status
        self._library = services.log.library
        self._runs = RunHandlers(services, status, whole)
        self._tokens = itertools.count()

    def search(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Runs are wanted: the event holds the filter's fields, and `before` to go on after that run.

        The event's `serial` comes back with the answer, so that the page knows which question it belongs to.
        """
        return {"history_page": self._page(bench, event)}

    def inspect(self, bench: Bench, event: dict[str, Any]) -> Views:
        """One run is looked at; the bench stays as it is. The event's `looked` comes back, as `serial` does."""
        return {"history_detail": self._detail(bench, run_id_of(event), event)}

    def change(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Runs are changed: the event holds `runs`, the `action` with its `value`, and the filter's fields."""
        owner, action, value = bench.owner, event.get("action"), event.get("value")
        runs = [run_id_of({"run": run}) for run in event.get("runs") or []]
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
            for name in library.empty_bin(owner=owner):
                self._services.images.remove(name)
        elif action == "collect":
            library.collect(runs, str(value), owner=owner)
        elif action == "take_out":
            library.take_out(runs, run_id_of({"run": value}), owner=owner)
        else:
            raise ValueError(f"a run cannot be changed by {action!r}: reload the page")
        views: Views = {"history_page": {**self._page(bench, event), "changed": True}}
        views["history"] = self._runs.showing.history(owner)
        if len(runs) == 1:
            views["history_detail"] = self._detail(bench, runs[0], event)
        elif action == "empty_bin":
            views["history_detail"] = None
        return views

    def restore(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run is wanted back on the bench, and the Design page with it."""
        return {**self._runs.restore(bench, event), "page": {"selected": "design"}}

    def repeat(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run is to be made again, followed on the Design page."""
        return {**self._runs.repeat(bench, event), "page": {"selected": "design"}}

    def export(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A file of one run is wanted."""
        shown = self._runs.export(bench, event)["result"]
        return {"history_detail": {**self._detail(bench, run_id_of(event), {}), "download": shown["download"]}}

    def bundle(self, bench: Bench, event: dict[str, Any]) -> Views:
        """The runs of the event are wanted as one ZIP."""
        runs = [self._runs.runs.get(bench.owner, run_id_of({"run": run})) for run in event.get("runs") or []]
        data = pack(runs, self._services.images)
        folder = Path(tempfile.mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR") or None))
        path = folder / f"ragdiffusion-{datetime.now():%Y%m%d-%H%M%S}-{len(runs)}-runs.zip"
        path.write_bytes(data)
        message = f"A bundle of {len(runs)} runs is ready ({len(data) / 1e6:.1f} MB): press its name to save it"
        return {"bundle_out": gr.update(value=str(path), visible=True), "status": self._status.view(message)}

    def take(self, bench: Bench, path: str) -> Views:
        """A bundle was given, or a PNG whose settings are wanted."""
        data, name = read_upload(path)
        if data.startswith(b"\x89PNG"):
            return self._settings(bench, data, name)
        services = self._services
        runs = unpack(data, name, owner=bench.owner, log=services.log, images=services.images)
        views = {"history_page": self._page(bench, {}), "history": self._runs.showing.history(bench.owner)}
        message = f"{len(runs)} runs were taken from {name}"
        return {**views, "history_detail": self._detail(bench, runs[0].id, {}), "status": self._status.view(message)}

    def _settings(self, bench: Bench, data: bytes, name: str) -> Views:
        found = read_settings(data, name)
        if found is None:
            raise ValueError(f"{name} holds no settings: save it from this studio with its settings inside")
        self._runs.runs.apply(bench, found.k, found.alpha, found.attributes)
        views = self._runs.whole(bench) if bench.work else {}
        sampling = found.sampling
        settings = {key: getattr(sampling, key) for key in ("seed", "steps", "strength", "guidance")}
        settings |= {"colour_match": sampling.colour_match, "background": sampling.background, "fresh": False}
        settings |= {"k": found.k, "alpha": found.alpha, "page": {"selected": "design"}}
        return {**views, **settings, "status": self._status.view(f"The settings of {name} are set")}

    def _page(self, bench: Bench, event: dict[str, Any]) -> dict[str, Any]:
        owner, before = bench.owner, event.get("before")
        if before is not None:
            before = run_id_of({"run": before})
        found = self._services.log.search.find(filter_of(event), owner=owner, count=PAGE_LENGTH, before=before)
        small = self._runs.showing.thumbnails(found.cards, owner)
        return {
            "cards": [card_view(card, small.get(card.id)) for card in found.cards],
            "total": found.total,
            "append": before is not None,
            "more": len(found.cards) == PAGE_LENGTH,
            "bin": bool(event.get("bin")),
            "going": self._runs.showing.going(owner),
            "collections": [[each.id, each.name, each.count] for each in self._library.collections(owner=owner)],
            "categories": self._services.log.search.categories(owner=owner),
            "serial": event.get("serial"),
            "token": next(self._tokens),
        }

    def _detail(self, bench: Bench, run_id: int, event: dict[str, Any]) -> dict[str, Any]:
        detail = self._runs.showing.detail(self._runs.runs.get(bench.owner, run_id))
        names = {each.id: each.name for each in self._library.collections(owner=bench.owner)}
        inside = [[number, names[number]] for number in detail["collections"] if number in names]
        return {**detail, "collections": inside, "known": sorted(names.values(), key=str.casefold),
                "looked": event.get("looked")}


def filter_of(event: dict[str, Any]) -> Filter:
    """The filter that fields of a page or a call ask for; days are written as 2026-12-31.

    Raises:
        ValueError: a field that cannot be used.
    """
    collection = event.get("collection")
    until = _day(event.get("until"))
    return Filter(
        text=str(event.get("text") or "")[:200],
        status=event.get("status") or None,
        mark=event.get("mark") or None,
        category=event.get("category") or None,
        collection=run_id_of({"run": collection}) if collection else None,
        since=_day(event.get("since")),
        until=until + timedelta(days=1) if until else None,
        bin=bool(event.get("bin")),
    )


def _day(text: object) -> datetime | None:
    """The beginning of a day, in this machine's time zone."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").astimezone() if text else None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{str(text)[:20]!r} is no date: write it as 2026-12-31") from error
