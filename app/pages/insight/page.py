"""The Insight page: where the photo lies among the bank, how far K and α matter, what runs cost. Layout and wiring."""

from __future__ import annotations

import gradio as gr

from app.pages.insight.handlers import InsightHandlers
from app.pages.shared.context import PageContext
from app.web.site import Site

ID = "insight"
TITLE = "Insight"


def build(site: Site) -> None:
    """Lay the page out."""
    with gr.Column(elem_id="insight-page", elem_classes="page"):
        site.panel("insight")
        site.panel("insight_entry")


def wire(site: Site, context: PageContext) -> None:
    """Connect the page, when all pages are built."""
    handlers = InsightHandlers(context.engine, context.log.search)
    site.wire(site.tabs[ID].select, handlers.open, (), ("insight",))
    site.wire(site.parts["insight"].look, handlers.look, (), ("insight_entry",), event=True)
