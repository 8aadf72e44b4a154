"""What a drafted landmark is drawn from, as the log keeps it: a kind of garment and its measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragdiffusion.garments.patterns import MeasureError, Pattern, draft

_MOST_MEASURES = 200
_LONGEST = 60  # characters of a name
_LARGEST = 10_000  # of a measure, in its unit


def check_pattern(value: Any) -> dict[str, Any] | None:
    """Return a pattern as the log keeps it.

    A kind or a measure that is not known here passes: a later studio may have drawn it.

    Args:
        value: None, or {"kind": "t_shirt", "measures": {"sleeve_length": 22.5}}.

    Raises:
        ValueError: if it is none of these.
    """
    if value is None:
        return None
    if isinstance(value, Mapping) and set(value) == {"kind", "measures"}:
        kind, measures = value["kind"], value["measures"]
        if _is_name(kind) and isinstance(measures, Mapping) and len(measures) <= _MOST_MEASURES:
            if all(_is_name(key) and _is_number(number) for key, number in measures.items()):
                return {"kind": kind, "measures": {key: float(number) for key, number in measures.items()}}
    raise ValueError(f"a pattern has a kind and measures, which are numbers, got {str(value)[:80]}")


def logged_pattern(pattern: Pattern | None) -> dict[str, Any] | None:
    """Return a pattern as the log keeps it; None for none."""
    return None if pattern is None else {"kind": pattern.kind, "measures": dict(pattern.measures)}


def drawn_pattern(logged: Mapping[str, Any] | None) -> Pattern | None:
    """Draw what the log keeps; None for none, and where this release cannot draw it."""
    if logged is None:
        return None
    try:
        return draft(logged["kind"], logged["measures"])
    except MeasureError:
        return None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _LONGEST and value.replace("_", "").isalnum()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
