"""The History page: every run, found again, kept in order, restored and shared. Layout and wiring."""

from __future__ import annotations

import gradio as gr

from app.pages.design import page as design
from app.pages.design.handlers import DesignHandlers
from app.pages.design.run_handlers import RESTORED
from app.pages.history.handlers import HistoryHandlers
from app.web.site import Site

ID = "history"
TITLE = "History"
_LISTS = ("history", "queue")


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


def wire(site: Site) -> None:
    """Connect the page, when all pages are built."""
    whole_of = DesignHandlers(site.services, site.status, {}).whole
    handlers = HistoryHandlers(site.services, site.status, whole_of)
    parts, wire = site.parts, site.wire
    page, detail = parts["history_page"], parts["history_detail"]
    whole = (*design.WHOLE_VIEWS, *RESTORED, "page")
    changed = ("history_page", "history_detail", "history")
    wire(page.search, handlers.search, (), ("history_page",), event=True)
    wire(page.inspect, handlers.inspect, (), ("history_detail",), event=True)
    wire(page.change_runs, handlers.change, (), changed, event=True)
    wire(page.bundle, handlers.bundle, (), ("bundle_out", "status"), event=True)
    wire(parts["bundle_in"].upload, handlers.take, ("bundle_in",), (*changed, *whole))
    wire(detail.restore, handlers.restore, (), whole, event=True)
    wire(detail.repeat, handlers.repeat, (), ("result", *_LISTS, "status", "cancel", "page"), event=True)
    wire(detail.export, handlers.export, (), ("history_detail",), event=True)
