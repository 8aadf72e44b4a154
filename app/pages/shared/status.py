"""The status line, and what is said when something cannot be done."""

from __future__ import annotations

import itertools
from typing import Any

from app.pages.design.views import Facts, status_view
from app.runs.engine import Engine, explain
from ragdiffusion.config import SamplingDefaults

Views = dict[str, Any]
"""From a name in `app.web.site` (a panel or a control) to its new value; what is not named stays as it is."""


class Status:
    """Says how the studio stands.

    Args:
        engine: whose model it tells of.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refusals = itertools.count()

    def view(self, message: str | None, timings_ms: dict[str, float] | None = None) -> dict[str, Any]:
        """The value of the view "status".

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
        )
        return status_view(facts)

    def failed(self, error: Exception) -> dict[str, Any]:
        """The status line when the model cannot be loaded."""
        return status_view(Facts("failed", explain(error)))

    def defaults(self) -> SamplingDefaults | None:
        """The model's own settings, waiting for it while it loads; None if it cannot be loaded."""
        try:
            return self._engine.model().defaults
        except Exception:  # the page says why where it opens
            return None

    def refuse(self, error: Exception) -> tuple[str, Views]:
        """What to say when a handler failed, and what to show."""
        message = explain(error)
        # The browser is told of a value only when it differs from the last one.
        return message, {"photo": {"refused": next(self._refusals)}, "status": self.view(message)}
