"""Patterns from measures that were reckoned, not chosen: near to them, in range and without contradiction."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ragdiffusion.garments.patterns import Measure, MeasureError, Pattern, draft, specs

_TRIES = 12
_NAMED = re.compile(r"[a-z]+(?:_[a-z]+)*")
_EXCESS = re.compile(r"\(by ([0-9.]+)\)")
_SLACK = 0.3  # cm
_MORE = ("sleeve_length",)  # measures that are mended by more of them


def draft_near(kind: str, measures: Mapping[str, float]) -> Pattern:
    """Draft a pattern as near to measures as can be.

    Args:
        kind: key of a kind.
        measures: by key; what is out of range is brought into it, what contradicts others is moved by what it is too
            much.

    Raises:
        MeasureError: unknown kind or measure, or measures that still contradict each other after some tries.
    """
    allowed = {spec.key: spec for spec in specs(kind)}
    if unknown := set(measures) - set(allowed):
        raise MeasureError(f"{kind} has no {sorted(unknown)}")
    near = {key: float(np.clip(value, allowed[key].low, allowed[key].high)) for key, value in measures.items()}
    for _ in range(_TRIES):
        try:
            return draft(kind, near)
        except MeasureError as error:
            if not _mend(near, str(error), allowed):
                raise
    return draft(kind, near)


def _mend(measures: dict[str, float], complaint: str, allowed: Mapping[str, Measure]) -> bool:
    """Move the measure that the drafter complains of by what it says that is too much; False if it names none."""
    blamed = next((word for word in _NAMED.findall(complaint) if word in allowed), None)
    if blamed is None:
        return False
    excess = _EXCESS.search(complaint)
    step = (float(excess[1]) if excess else 2.0) + _SLACK
    spec = allowed[blamed]
    way = 1 if blamed in _MORE else -1
    measures[blamed] = float(np.clip(measures.get(blamed, spec.default) + way * step, spec.low, spec.high))
    return True
