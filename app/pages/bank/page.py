"""The Bank page: the silhouettes that retrieval chooses from. Layout and wiring."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.curation.progress import ProgressNotes
from app.curation.uses import UseCounter
from app.pages.bank.add_handlers import AddHandlers
from app.pages.bank.change_handlers import ChangeHandlers
from app.pages.bank.exchange_handlers import ExchangeHandlers
from app.pages.bank.look_handlers import LookHandlers
from app.pages.bank.report_handlers import ReportHandlers
from app.pages.bank.states import BankStates
from app.pages.shared.context import PageContext
from app.web.site import Answer, Site

ID = "bank"
TITLE = "Bank"
_FILES = {"bank_photos": "multiple", "bank_try": "multiple", "bank_import": "single"}


def build(site: Site) -> None:
    """Lay the page out."""
    with gr.Column(elem_id="bank-page", elem_classes="page"):
        site.asking_panel("bank")
        for name, count in _FILES.items():  # pressed and fed by the panel
            with gr.Column(elem_id=name, elem_classes="holder"):
                site.parts[name] = gr.UploadButton(name, file_count=count)
        site.parts["bank_out"] = gr.File(
            label="Export", interactive=False, visible=False, elem_id="bank-out", buttons=[]
        )


def wire(site: Site, context: PageContext) -> None:
    """Connect the page, when all pages are built."""
    curator, engine = context.curator, context.engine
    states, progress = BankStates(curator), ProgressNotes()
    look = LookHandlers(curator, UseCounter(context.log.retrieved), states, progress)
    change = ChangeHandlers(curator, states, progress)
    add = AddHandlers(states, context)
    report = ReportHandlers(engine, curator, progress)
    exchange = ExchangeHandlers(curator, states)
    answers: dict[str, Answer] = {
        "open": look.state,
        **{name: getattr(look, name) for name in ("state", "progress", "find", "cards", "entry")},
        **{name: getattr(look, name) for name in ("map", "kind", "draw")},
        **{name: getattr(change, name) for name in ("change", "undo", "redo")},
        **{name: getattr(change, name) for name in ("versions", "snapshot", "go_back")},
        **{
            f"bank_{name}": getattr(change, f"bank_{name}") for name in ("create", "copy", "rename", "switch", "encode")
        },
        **{name: getattr(add, name) for name in ("outline", "assay", "read", "save")},
        "import": exchange.perform,
        **{name: getattr(report, name) for name in ("quality", "coverage", "compare", "try_photos")},
    }

    def answer(login: str, question: dict[str, Any]) -> dict[str, Any]:
        what = question.get("what")
        if what not in answers:
            raise ValueError(f"there is no question {what!r}: reload the page")
        return answers[what](login, question)

    site.serve("bank", answer)
    site.wire(site.parts["bank"].bank_changed, lambda bench: {"status": context.status.view(None)}, (), ("status",))
    site.wire(site.parts["bank_photos"].upload, add.take_photos, ("bank_photos",), ("bank",))
    site.wire(site.parts["bank"].bank_export, exchange.export, (), ("bank", "bank_out"), event=True)
    site.wire(site.parts["bank_import"].upload, exchange.take, ("bank_import",), ("bank",))
    added = ("bank", "status")
    site.wire(site.parts["canvas"].to_bank, add.take_landmark, ("canvas",), added, event=True)
    site.wire(site.parts["result"].to_bank, add.take_result, (), added, event=True)
    site.wire(site.parts["bank_try"].upload, report.take_photos, ("bank_try",), ("bank",))
