"""What the sliders of a drafted landmark ask: the measures of a kind, and what they draw. No bench is touched."""

from __future__ import annotations

from typing import Any

from app.curation.drawing import drawn, form_of, known_kind, measures_of
from app.landmark_editor.rle import encode
from app.runs.engine import Engine


class MeasureHandlers:
    """Answers the panel of measures; the canvas brings what it draws to the bench.

    Args:
        engine: whose model says how large a landmark is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answer(self, login: str, question: dict[str, Any]) -> dict[str, Any]:
        """Answer to `what` is asked, "kind" or "draw", of a `kind` and its `measures`.

        Raises:
            ValueError: if it is asked for something else, or the kind or a measure is unknown.
        """
        kind, what = known_kind(question.get("kind")), question.get("what")
        if what == "kind":
            return form_of(kind, measures_of(kind, question.get("measures") or {}, of_any=True))
        if what != "draw":
            raise ValueError(f"there is no question {str(what)[:40]!r}: reload the page")
        found = drawn(kind, measures_of(kind, question.get("measures")))
        mask = None if found.pattern is None else encode(found.pattern.rasterise(self._engine.model().image_size))
        return {"mask": mask, "wrong": found.wrong, "measures": list(found.measures)}
