"""Banks as files: what the grid shows as one ZIP, and entries that come in from one, looked at before."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.curation.curator import Curator
from app.files.uploads import read_upload
from app.pages.bank.events import author_of, entries_of
from app.pages.bank.states import BankStates
from app.runs.bench import Bench
from app.web.site import Views

if TYPE_CHECKING:
    from ragdiffusion.bank.exchange.importing import ImportPlan, ImportReport

_PLANS = 4  # imports that wait for a person's word; each holds its entries in memory
_NAMED = 12  # garments of a kind that a report names


class ExchangeHandlers:
    """Answers what goes out of a bank and comes into it.

    Args:
        curator: opens the bank.
        states: tells how the bank stands afterwards.
    """

    def __init__(self, curator: Curator, states: BankStates) -> None:
        self._curator = curator
        self._states = states
        self._lock = threading.Lock()
        self._plans: OrderedDict[str, ImportPlan] = OrderedDict()

    def export(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Give the event's entries as a ZIP: silhouettes, outlines as SVG, pictures, embeddings, JSONL."""
        from ragdiffusion.bank.exchange.archive import export_zip

        bank = self._curator.bank
        name = re.sub(r"\W+", "-", bank.version).strip("-") or "bank"
        path = Path(tempfile.mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR") or None)) / f"{name}.zip"
        done = export_zip(bank, path, ids=entries_of(event))
        size = f"{done.size / 1e6:.1f} MB"
        message = f"{done.entries:,} entries of {done.version} are ready ({size}): press the file's name to save it"
        return {"bank_out": gr.update(value=str(path), visible=True), "bank": {"message": message, "token": str(path)}}

    def take(self, bench: Bench, path: str) -> Views:
        """Look an import over; nothing is added yet."""
        from ragdiffusion.bank.exchange.importing import plan_import

        (data, name), token = read_upload(path), secrets.token_hex(8)
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / Path(name).name
            source.write_bytes(data)
            try:
                plan = plan_import(self._curator.bank, source, self._curator.maker)
            except ValueError as error:  # said where it was said that the files are looked over
                return {"bank": {"refused": str(error).replace(str(source), name), "token": token}}
        with self._lock:
            self._plans[token] = plan
            while len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        words = plan_words(plan.report, name)
        found = {"token": token, "words": words, "good": plan.report.new > 0}
        return {"bank": {"plan": found, "message": f"{name} is looked over; nothing was added yet", "token": token}}

    def perform(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Add what an import holds that was looked over; the event names it by its `token`."""
        with self._lock:
            plan = self._plans.pop(str(event.get("token")), None)
        if plan is None:
            raise ValueError("that import is not there any more: give the file again")
        opened = self._curator.editing()
        report = plan.apply(opened.bank, author=author_of(login, event))
        message = f"{len(report.added):,} entries came in as one action; Undo takes them back"
        message = ". ".join(filter(None, (opened.note.rstrip("."), message)))
        return {"bank": self._states.view(login), "message": message}


def plan_words(report: ImportReport, name: str) -> list[str]:
    """What an import would do, line by line."""
    lines = [f"{name}: {_garments(report.found)} found ({report.form}), {report.new:,} of them can enter"]
    if report.embedded:
        lines.append(
            f"{_garments(report.embedded)} embedded anew for this encoder: the embeddings that came are another one's"
        )
    lines += _named("left out, as they are there already", report.repeated)
    lines += _named("refused", report.refused)
    foreign = report.foreign.items()
    return [*lines, *(f"the field {field!r} of {_garments(count)} has no place in a bank" for field, count in foreign)]


def _garments(count: int) -> str:
    return f"{count:,} {'garment' if count == 1 else 'garments'}"


def _named(what: str, reasons: Mapping[str, str]) -> list[str]:
    if not reasons:
        return []
    lines = [f"{len(reasons):,} {what}:"] + [f"{name}: {reason}" for name, reason in [*reasons.items()][:_NAMED]]
    return lines + ([f"and {len(reasons) - _NAMED:,} more"] if len(reasons) > _NAMED else [])
