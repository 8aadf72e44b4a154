"""The studio: its pages side by side under one masthead and one status line, and the API."""

from __future__ import annotations

import gradio as gr

from app.api import endpoints
from app.pages.bank import page as bank
from app.pages.design import page as design
from app.pages.history import page as history
from app.pages.insight import page as insight
from app.pages.shared.context import PageContext
from app.pages.shared.status import loading_view
from app.runs.services import Services
from app.web.server import StudioBlocks
from app.web.site import Site

PAGES = (design, history, insight, bank)


def build_page(services: Services) -> gr.Blocks:
    """Lay all pages out and connect them, and add the API.

    Args:
        services: the engine, the log, the image store and the queue.
    """
    context = PageContext(services)
    with StudioBlocks(
        title="RAGDiffusion Studio", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)
    ) as blocks:
        site = Site(services.benches.open, context.status.refuse)
        with gr.Column(elem_id="app"):
            site.panel("masthead")
            with gr.Tabs(selected=PAGES[0].ID, elem_id="pages") as site.parts["page"]:
                for page in PAGES:
                    with gr.Tab(page.TITLE, id=page.ID, elem_id=f"page-{page.ID}") as site.tabs[page.ID]:
                        page.build(site)
            site.panel("status", loading_view())
        for page in PAGES:
            page.wire(site, context)
        site.open_with(blocks)
        endpoints.build(services)
    return blocks
