"""The pattern nearest to measures that were reckoned or carried over, and that may contradict each other.

Whoever has measures that nobody chose as a whole (of a fit, of another kind, of a dressed body) drafts them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np

from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.measures import MeasureError
from ragdiffusion.garments.patterns.pattern import Pattern, draft, kind_of
from ragdiffusion.garments.patterns.rules import GIVE, rules

_TRIES = 12  # rules that are mended, one after another
_SLACK = 0.3  # what a mended rule has to spare, in the measure's unit
_STEPS = 8  # tries between contradicting measures and those that can be drawn
_LEAST = 1e-6  # change of a rule's slack below which a measure does not move it


def draft_near(kind: str, measures: Mapping[str, float], towards: Mapping[str, float] | None = None) -> Pattern:
    """Draft a pattern as near to measures as can be drawn.

    What is out of range is brought into it. Where measures contradict each other, the one that the broken rule names
    is moved as far as the rule asks, up or down; if that does not do, all come nearer to those of `towards`, as far as
    they must. What is moved is moved to a whole step (`Measure.step`).

    Args:
        kind: key of a kind.
        measures: by key, in the unit that `specs` says; what is missing takes its value of `towards`.
        towards: measures of the kind that can be drawn; None: those of a typical garment.

    Raises:
        MeasureError: unknown kind or measure, or `towards` itself can't be drawn.
    """
    spec = kind_of(kind)
    if unknown := set(measures) - set(spec.measures):
        raise MeasureError(f"{kind} has no {sorted(unknown)}")
    known = {key: float((towards or {}).get(key, measure.default)) for key, measure in spec.measures.items()}
    wanted = {**known, **{key: _within(spec, key, value) for key, value in measures.items()}}
    tries = [_mended(spec, wanted)]
    for share in np.linspace(0, 1, _STEPS + 1)[1:-1]:
        moved = {key: (1 - share) * value + share * known[key] for key, value in wanted.items()}
        tries.append({key: spec.measures[key].rounded(value) for key, value in moved.items()})
    for found in tries:
        try:
            return draft(kind, found)
        except MeasureError:
            continue
    return draft(kind, known)


def _within(kind: Kind, key: str, value: float) -> float:
    return float(np.clip(value, kind.measures[key].low, kind.measures[key].high))


def _mended(kind: Kind, measures: Mapping[str, float]) -> dict[str, float]:
    """Measures of which each broken rule's own is moved, one rule after another, as long as that helps."""
    near = dict(measures)
    for _ in range(_TRIES):
        found = _broken_rule(kind, near)
        if found is None:
            break
        place, key, slack = found
        moved = _moved(kind, near, place, key, slack)
        if moved == near[key]:
            break
        near[key] = moved
    return near


def _broken_rule(kind: Kind, measures: Mapping[str, float]) -> tuple[int, str, float] | None:
    """The first rule that is broken: its place, the measure that it names, and its slack; None if all hold."""
    for place, (slack, message) in enumerate(rules(kind, _arrays(measures))):
        if slack < -GIVE:
            return place, message.split(": ", 1)[0], float(slack)
    return None


def _moved(kind: Kind, measures: Mapping[str, float], place: int, key: str, slack: float) -> float:
    """A measure at which a rule holds, by a Newton step; as it was where it can't help."""
    spec = kind.measures[key]
    if spec.high <= spec.low:
        return measures[key]
    nudge = spec.step if measures[key] + spec.step <= spec.high else -spec.step
    slope = (_slack(kind, {**measures, key: measures[key] + nudge}, place) - slack) / nudge
    if abs(slope) < _LEAST:
        return measures[key]
    return spec.rounded(measures[key] + (_SLACK - slack) / slope)


def _slack(kind: Kind, measures: Mapping[str, float], place: int) -> float:
    return float(next(islice(rules(kind, _arrays(measures)), place, None))[0])


def _arrays(measures: Mapping[str, float]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in measures.items()}
