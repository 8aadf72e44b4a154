"""What a closed tab held is freed within a minute, and what an open one holds is not."""

from __future__ import annotations

import weakref
from datetime import datetime, timedelta

import gradio as gr
from gradio.state_holder import StateHolder

from app.web.tabs import GRACE, Tabs


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now()

    def __call__(self) -> datetime:
        return self.now


class Bench:
    """Something that a tab holds."""


def holder() -> tuple[StateHolder, gr.State]:
    with gr.Blocks() as page:
        state = gr.State(None)
    made = StateHolder()
    made.set_blocks(page)
    return made, state


def test_a_closed_tab_is_freed_within_a_minute_and_an_open_one_never() -> None:
    clock = Clock()
    tabs, (sessions, state) = Tabs(clock), holder()
    benches = {}
    for name in ("open", "closed", "program"):
        bench = Bench()
        sessions[name][state._id] = bench
        benches[name] = weakref.ref(bench)
        del bench
    with tabs.beating("open"):
        with tabs.beating("closed"):
            clock.now += timedelta(hours=2)
            assert tabs.free(sessions) == ["program"], "it never had a tab, and went away"
        assert tabs.free(sessions) == [] and benches["closed"]() is not None, "it may only have lost its line"
        clock.now += GRACE + timedelta(seconds=1)
        assert GRACE < timedelta(minutes=1) and tabs.free(sessions) == ["closed"]
        assert benches["closed"]() is None and benches["program"]() is None and benches["open"]() is not None
        assert set(sessions.session_data) == set(sessions.time_last_used) == {"open"}


def test_a_tab_that_comes_back_keeps_what_it_had() -> None:
    clock = Clock()
    tabs, (sessions, state) = Tabs(clock), holder()
    sessions["tab"][state._id] = bench = Bench()
    with tabs.beating("tab"):
        pass
    clock.now += GRACE - timedelta(seconds=1)
    with tabs.beating("tab"), tabs.beating("tab"):
        clock.now += timedelta(hours=1)
        assert tabs.free(sessions) == []
    assert sessions["tab"][state._id] is bench, "it was used just now"
    assert tabs.free(sessions) == []
