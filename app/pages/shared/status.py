"""The status line, and what is said when something cannot be done."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import explain
from app.runs.engine import Engine
from app.web.site import Views
from ragdiffusion.config import SamplingDefaults

if TYPE_CHECKING:
    from app.runs.queue import RunQueue
    from app.runs.work import Work

UNSAVED = "{} cannot be saved yet and {} kept in memory: leave the studio running; it is tried again until it works"
LOST = "The checkpoint's folder is gone: all goes on with what is loaded; put it back before the next start"

_LONGEST_NAME = 20  # letters of a bank's name


@dataclass(frozen=True)
class Facts:
    """What the status line tells.

    Args:
        state: loading, ready or failed.
        message: what the person should know; "" if nothing, None if what was said last still holds.
        device: that the model runs on.
        preset: of the model.
        checkpoint: fingerprint of the weights.
        bank: version of the bank.
        entries: enabled entries of the bank.
        timings_ms: of the last action.
        lost: whether the checkpoint is gone from the disk while it is loaded.
        unsaved: how many runs have ended and cannot be written yet.
    """

    state: str
    message: str | None = ""
    device: str = ""
    preset: str = ""
    checkpoint: str = ""
    bank: str = ""
    entries: int = 0
    timings_ms: tuple[tuple[str, float], ...] = ()
    lost: bool = False
    unsaved: int = 0


class Status:
    """Says how the studio stands.

    Args:
        engine: whose model it tells of.
        queue: whose runs may be kept in memory, as they cannot be written.
    """

    def __init__(self, engine: Engine, queue: RunQueue) -> None:
        self._engine = engine
        self._queue = queue
        self._refusals = itertools.count()

    def of_work(self, message: str | None, work: Work, timings_ms: dict[str, float] | None = None) -> dict[str, Any]:
        """Return the status line as `view` does; where it would say nothing, what is to be said of the garment."""
        view = self.view(message, work.guide.timings_ms if timings_ms is None else timings_ms)
        return {**view, "message": view["message"] or sentences(work.notes) or view["message"]}

    def view(self, message: str | None, timings_ms: dict[str, float] | None = None) -> dict[str, Any]:
        """Return the value of the view "status".

        Args:
            message: what the person should know; "" if nothing, None if what was said last still holds.
            timings_ms: of the last action.
        """
        if not self._engine.ready:
            return status_view(Facts("loading", message))
        model = self._engine.model()
        facts = Facts(
            state="ready",
            message=message,
            device=str(model.device),
            preset=model.preset,
            checkpoint=model.checkpoint,
            bank=model.bank.version,
            entries=len(model.bank),
            timings_ms=tuple((timings_ms or {}).items()),
            lost=not model.on_disk,
            unsaved=len(self._queue.all_unsaved()),
        )
        return status_view(facts)

    def failed(self, error: Exception) -> dict[str, Any]:
        """Return the status line when the model cannot be loaded."""
        return status_view(Facts("failed", explain(error)))

    def defaults(self) -> SamplingDefaults | None:
        """Return the model's own settings, waiting for it while it loads; None if it cannot be loaded."""
        try:
            return self._engine.model().defaults
        except Exception:  # the page says why where it opens
            return None

    def refuse(self, error: Exception) -> tuple[str, Views]:
        """Return what to say when a handler failed, and what to show."""
        message = explain(error)
        # The browser is told of a value only when it differs from the last one.
        return message, {"photo": {"refused": next(self._refusals)}, "status": self.view(message)}


def sentences(notes: tuple[str, ...]) -> str:
    """Return notes as the status line says them; "" where there are none."""
    return ". ".join(line[0].upper() + line[1:] for line in notes)


def loading_view() -> dict[str, Any]:
    """Return the status line of a studio that has just been opened."""
    return status_view(Facts("loading", "Loading the model…"))


def status_view(facts: Facts) -> dict[str, Any]:
    """Return the status line."""
    checkpoint = facts.checkpoint[:12] + (", files gone" if facts.lost else "")
    parts = [("device", facts.device), ("preset", facts.preset), ("checkpoint", checkpoint)]
    if facts.bank:
        parts.append(("bank", f"{_short(facts.bank)} ({facts.entries:,} entries)"))
    troubles = [_unsaved_words(facts.unsaved)] if facts.unsaved else []
    troubles += [LOST] if facts.lost else []
    return {
        "state": facts.state,
        "message": facts.message or ". ".join(troubles) if troubles else facts.message,
        "warning": bool(troubles),
        "facts": [[label, value] for label, value in parts if value],
        "timings": " · ".join(f"{name} {_duration(ms)}" for name, ms in facts.timings_ms),
    }


def _short(version: str) -> str:
    """A bank's version with a long name cut: "studio-r12-3f2a9c" says little without its end."""
    name, revision, digest = version.rsplit("-", 2)
    name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return f"{name}-{revision}-{digest}"


def _unsaved_words(count: int) -> str:
    return UNSAVED.format(*(("A finished run", "is") if count == 1 else (f"{count} finished runs", "are")))


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
