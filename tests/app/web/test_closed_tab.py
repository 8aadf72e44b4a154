"""A tab as the server sees it, over a real one: it opens, puts a photo on its bench, and is closed."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from app.__main__ import _open
from app.files.uploads import Uploads
from app.options import StudioOptions
from app.runs.bench import Bench
from app.runs.services import Services
from app.studio import build_page
from app.web.tabs import GRACE, Tabs

SESSION = "thetab"
Served = tuple[gr.Blocks, Tabs, str]


class Clock:
    """The time of day, which tests may move on."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now() + self.ahead


@pytest.fixture
def served(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The page, its open tabs, and its address."""
    options = StudioOptions(workspace=tmp_path, port=0, open_browser=False)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(options.uploads))
    monkeypatch.setenv("GRADIO_HEARTBEAT_INTERVAL", "0.1")
    monkeypatch.setattr(Clock, "ahead", timedelta())
    page, tabs = build_page(services), Tabs(Clock())
    yield page, tabs, _open(page, options, Uploads(options.uploads), tabs).rstrip("/")
    page.close(verbose=False)


def act(client: httpx.Client, page: gr.Blocks, name: str, data: list[Any]) -> str:
    """Run a handler of the page as its tab does; returns all that the tab is told."""
    (number,) = [number for number, each in page.fns.items() if name in (each.name, str(each.api_name))]
    sent = {"fn_index": number, "session_hash": SESSION, "data": data, "event_data": None, "trigger_id": None}
    assert client.post("/gradio_api/queue/join", json=sent).status_code == 200
    told = []
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": SESSION}) as lines:
        for line in lines.iter_lines():
            told.append(line)
            if "process_completed" in line:
                break
    return "\n".join(told)


def test_a_closed_tab_leaves_nothing_behind(served: Served, photo_bytes: Callable[..., bytes]) -> None:
    page, tabs, address = served
    with httpx.Client(base_url=address, timeout=300) as client:
        with client.stream("GET", f"/gradio_api/heartbeat/{SESSION}") as heart:
            beats = heart.iter_lines()  # held, as the line is closed with it
            next(beats)
            assert '"success":true' in act(client, page, "open_site", [])
            (bench,) = [held for held in page.state_holder[SESSION].state_data.values() if isinstance(held, Bench)]
            bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
            left = weakref.ref(bench), weakref.ref(bench.work.photo), weakref.ref(bench.work)
            del bench
            Clock.ahead = timedelta(hours=1)
            assert tabs.free(page.state_holder) == [], "it is open"
            Clock.ahead = timedelta()
    while tabs._open:  # the server notices at its next beat
        os.sched_yield()
    assert tabs.free(page.state_holder) == [], "it may come back"
    Clock.ahead = GRACE + timedelta(seconds=1)
    assert tabs.free(page.state_holder) == [SESSION] and SESSION not in page.state_holder.session_data
    gc.collect()
    assert [reference() for reference in left] == [None] * 3
