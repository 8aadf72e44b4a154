"""Garments by measures, as the page draws them: curves in centimetres, sliders, and which measures contradict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragdiffusion.garments.patterns import MeasureError, Pattern, draft, draft_near, kinds, specs
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.groups import GROUP_OF
from ragdiffusion.garments.patterns.measures import MEASURES

_DIGITS = 2  # after the point, as a bank stores a measure


@dataclass(frozen=True)
class Drawn:
    """A pattern, or why there is none.

    Attributes:
        pattern: None if the measures contradict each other or one is out of range.
        wrong: which, in a sentence; "" if none.
        measures: keys of those that the sentence is about, the one that it names first at their head.
    """

    pattern: Pattern | None
    wrong: str = ""
    measures: tuple[str, ...] = ()


def known_kind(value: object) -> str:
    """Check a kind's key.

    Raises:
        ValueError: if there is none of that name.
    """
    if value not in kinds():
        raise ValueError(f"there is no kind of garment {value!r}: choose one of the list")
    return str(value)


def measures_of(kind: str, values: object, *, of_any: bool = False) -> dict[str, float]:
    """Read the measures of a kind that an event holds.

    Args:
        kind: of garment.
        values: by key.
        of_any: whether they may be another kind's.

    Raises:
        ValueError: if one is no number or not the kind's.
    """
    known = MEASURES if of_any else {spec.key for spec in specs(kind)}
    if not isinstance(values, Mapping):
        raise ValueError("the measures did not arrive: reload the page")
    read: dict[str, float] = {}
    for key, value in values.items():
        if key not in known or isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{key} = {value!r} is no measure of {kind}: reload the page")
        read[key] = round(float(value), _DIGITS)
    return read


def drawn(kind: str, measures: Mapping[str, float]) -> Drawn:
    """Draw a garment by its measures, or say which contradict each other."""
    try:
        return Drawn(draft(kind, measures))
    except MeasureError as error:
        text = str(error)
        named = [spec.key for spec in specs(kind) if _names(text, spec.key)]
        return Drawn(None, text, tuple(sorted(named, key=lambda key: not text.startswith((f"{key} ", f"{key}:")))))


def fields_of(kind: str, measures: Mapping[str, float]) -> list[dict[str, Any]]:
    """The sliders of a kind, group by group, in the order in which a form shows them."""
    order = {key: place for place, key in enumerate(GROUP_OF)}
    return [
        {
            "key": spec.key,
            "group": GROUP_OF[spec.key],
            "unit": spec.unit,
            "low": spec.low,
            "high": spec.high,
            "step": spec.step,
            "value": round(float(measures.get(spec.key, spec.default)), _DIGITS),
            "sentence": spec.sentence,
        }
        for spec in sorted(specs(kind), key=lambda spec: order[spec.key])
    ]


def form_of(kind: str, values: Mapping[str, float]) -> dict[str, Any]:
    """A form of a kind, at measures as far as the kind has them and can be drawn with them.

    Args:
        kind: of garment.
        values: measures by key, perhaps of another kind; where they contradict the kind's own they come nearer to it
            (`draft_near`).
    """
    shared = {spec.key: values[spec.key] for spec in specs(kind) if spec.key in values}
    measures = draft_near(kind, shared).measures
    return {"kind": kind, "kinds": list(kinds()), "fields": fields_of(kind, measures)}


def curves_of(pattern: Pattern) -> dict[str, Any]:
    """A pattern's exact curves: box and path data in centimetres."""
    return {
        "box": list(pattern.box),
        "outline": pattern.outline.svg(),
        "lines": [[name, path.svg()] for name, path in pattern.lines.items()],
    }


def proposed_attributes(pattern: Pattern) -> dict[str, str]:
    """What a pattern's measures say of Table 6."""
    return attributes_of(pattern)


def _names(text: str, key: str) -> bool:
    words = text.replace(",", " ").replace(":", " ").replace("(", " ").replace(")", " ").split()
    return key in words or key.replace("_", " ") in text
