"""What a pattern says in the terms of Table 6: its category and what its measures decide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.library import as_measures
from ragdiffusion.garments.patterns.pattern import Pattern
from ragdiffusion.garments.patterns.population import bundled_population

_SLEEVES = (("Short", 32.0), ("Mid", 47.0), ("Long", 73.0), ("Extra Long", float("inf")))
_LENGTHS: dict[str, tuple[tuple[str, float], ...]] = {
    "top": (("Extra Short", 42.0), ("Short", 52.0), ("Medium", 76.0), ("Long", 105.0), ("Extra Long", float("inf"))),
    "dress": (("Short", 88.0), ("Medium", 115.0), ("Long", 140.0), ("Extra Long", float("inf"))),
    "skirt": (("Short", 48.0), ("Medium", 76.0), ("Long", float("inf"))),
    "legs": (("Extra Short", 10.0), ("Short", 40.0), ("Medium", 62.0), ("Long", float("inf"))),
}
"""What a garment's length is called up to how many cm; of legs, their inseam."""

_COLLARS = {"hood": "Hooded", "shirt": "Shirt", "stand": "Stand-up", "lapel": "Suit"}
_OPEN_NECKS = {"off_shoulder": "Off-shoulder", "one_shoulder": "One-shoulder", "strapless": "Strapless"}
_SLIM, _LOOSE = 0.9, 1.15
"""Width over shoulders, below and above which a top is slim and loose: shares of what its kind usually has."""

_WIDE_NECK = 0.62
"""Neck over shoulders from which on a shallow neckline is a boat's: Table 6 calls it "Neckline"."""


def attributes_of(pattern: Pattern) -> dict[str, str]:
    """Category, fit, collar, sleeve length and length of a pattern.

    Returns:
        Those five by key, in Table 6's spelling; what the kind does not decide is "Unknown".
    """
    kind, m = KINDS[pattern.kind], pattern.measures
    return {
        "category": kind.category or UNKNOWN,
        "fit": _fit(kind, m),
        "collar": _collar(kind, m),
        "sleeve_length": _sleeve_length(kind, m),
        "length": _length(kind, m),
    }


def _fit(kind: Kind, m: dict[str, float]) -> str:
    if kind.upper not in ("set_in", "cap", "armhole"):
        return UNKNOWN
    ease = float(_ease(m)) / _usual_ease(kind.key)
    return "Slim" if ease < _SLIM else "Loose" if ease > _LOOSE else "Regular"


def _ease(m: Mapping[str, np.ndarray | float]) -> np.ndarray:
    return np.maximum(m["chest"], m["waist"]) / m["shoulder_width"]


@cache
def _usual_ease(kind: str) -> float:
    """The median of a kind's garments in a catalogue, or where it shows none, of the kind's typical garment."""
    pool = bundled_population().pool(kind)
    if len(pool):
        return float(np.nanmedian(_ease(as_measures(KINDS[kind], pool))))
    return float(_ease({key: spec.default for key, spec in KINDS[kind].measures.items()}))


def _collar(kind: Kind, m: dict[str, float]) -> str:
    if kind.upper == "waist":
        return UNKNOWN
    if kind.collar != "none":
        return "Polo" if kind.category == "Polo" else _COLLARS[kind.collar]
    if kind.upper in _OPEN_NECKS:
        return _OPEN_NECKS[kind.upper]
    if m["neck_shape"] < 0.28:
        return "V-neck"
    if m["neck_shape"] > 0.8:
        return "Square"
    boat = "shoulder_width" in m and m["neck_width"] > _WIDE_NECK * m["shoulder_width"] and m["neck_drop_front"] < 9
    return "Neckline" if boat else "Round"


def _sleeve_length(kind: Kind, m: dict[str, float]) -> str:
    if kind.upper == "waist":
        return UNKNOWN
    if kind.upper == "cap":
        return "Short"
    if "sleeve_length" not in m:
        return "Mid" if kind.upper == "cape" else "Sleeveless"
    return next(name for name, most in _SLEEVES if m["sleeve_length"] < most)


def _length(kind: Kind, m: dict[str, float]) -> str:
    if kind.lower == "legs":
        return _named("legs", m["inseam"])
    if kind.upper == "waist":
        return _named("skirt", m["skirt_length"])
    return _named("dress" if kind.skirt else "top", m["body_length"])


def _named(what: str, centimetres: float) -> str:
    return next(name for name, most in _LENGTHS[what] if centimetres < most)
