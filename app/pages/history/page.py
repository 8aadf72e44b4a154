"""The History page: every run, found again, kept in order, restored and shared. Layout and wiring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.pages.history.handlers import TO_DESIGN, HistoryHandlers
from app.pages.shared.bench_views import BENCH_VIEWS
from app.pages.shared.context import PageContext
from app.pages.shared.run_actions import RESTORED, RunActions
from app.pages.shared.run_presenter import RUN_VIEWS
from app.runs.bench import Bench
from app.web.site import Site, Views

ID = "history"
TITLE = "History"


def build(site: Site) -> None:
    """Lay the page out."""
    with gr.Column(elem_id="history-page", elem_classes="page"):
        with gr.Row(elem_id="history-columns"):
            site.panel("history_page")
            with gr.Column(elem_id="history-side"):
                site.panel("history_detail")
                site.parts["bundle_out"] = gr.File(
                    label="Bundle", interactive=False, visible=False, elem_id="bundle-out", buttons=[]
                )
        with gr.Column(elem_id="bundle_in", elem_classes="holder"):  # pressed by the panel
            site.parts["bundle_in"] = gr.UploadButton("bundle_in")


def wire(site: Site, context: PageContext) -> None:
    """Connect the page, when all pages are built."""
    status, runs = context.status, context.runs
    presenter, bench_presenter = context.run_presenter, context.bench_presenter
    handlers = HistoryHandlers(context.log, context.images, runs, context.files, presenter, bench_presenter, status)
    actions = RunActions(runs, presenter, bench_presenter, status)
    parts, wire = site.parts, site.wire
    page, detail = parts["history_page"], parts["history_detail"]
    restored = (*BENCH_VIEWS, *RESTORED, "page")
    changed = ("history_page", "history_detail", "history")
    wire(page.search, handlers.search, (), ("history_page",), event=True)
    wire(page.inspect, handlers.inspect, (), ("history_detail",), event=True)
    wire(page.change_runs, handlers.change, (), changed, event=True)
    wire(page.bundle, handlers.bundle, (), ("bundle_out", "status"), event=True)
    wire(parts["bundle_in"].upload, handlers.take, ("bundle_in",), (*changed, *restored))
    wire(detail.restore, to_design(actions.restore), (), restored, event=True)
    wire(detail.repeat, to_design(actions.repeat), (), (*RUN_VIEWS, "page"), event=True)
    wire(detail.export, handlers.export, (), ("history_detail",), event=True)


def to_design(action: Callable[[Bench, dict[str, Any]], Views]) -> Callable[[Bench, dict[str, Any]], Views]:
    """Make a handler that does what another one does, and then turns to the Design page."""
    return lambda bench, event: {**action(bench, event), **TO_DESIGN}
