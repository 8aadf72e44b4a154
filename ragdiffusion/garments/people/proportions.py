"""From a pattern cut to a body to the same garment as catalogues show it.

Cloth laid flat is half its girth wide. Catalogues show garments filled out and seen from in front, sleeves hanging:
narrower for their length by about a third. The shares below are medians of measures over length of 5,700 catalogue
silhouettes that patterns were fitted to (`ragdiffusion.training.patterns`), over those of 2,800 rendered people's
patterns, the same within a few hundredths in all kinds of a group; few catalogue silhouettes show shorts or skirts,
whose share is a guess between those of trousers and of garments laid out at home. Those of shoulders and sleeves were
then moved until such silhouettes overlapped most with the patterns' of 27,000 newer fits: each with its nearest, from
either side, and their means.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ragdiffusion.garments.patterns import Pattern, draft_near
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.kind import Kind

Shares = Mapping[str, float]

_TOP: Shares = {"chest": 0.66, "waist": 0.66, "hem": 0.66}
_DRESS: Shares = {"chest": 0.76, "waist": 0.8, "hip": 0.68, "hem": 0.58}
_ONE_PIECE: Shares = {"chest": 0.76, "waist": 0.78, "hip": 0.76}
_LEGS: Shares = {"waist": 0.76, "hip": 0.76, "thigh": 0.65, "knee": 0.6, "leg_hem": 0.66}
_SHORT: Shares = {"waist": 0.88, "hip": 0.88, "thigh": 0.8, "knee": 0.8, "leg_hem": 0.78, "hem": 0.88}
_NO_SLEEVE: Shares = {"shoulder_width": 0.89, "shoulder_slope": 0.7, "neck_width": 0.95}
_STRAPS: Shares = {"armhole_depth": 0.85, "neck_width": 0.9}
_SHORT_SLEEVE: Shares = {
    "shoulder_width": 0.9,
    "armhole_depth": 1.1,
    "sleeve_length": 0.9,
    "sleeve_angle": 0.46,
    "biceps": 0.62,
    "cuff": 0.63,
}
_LONG_SLEEVE: Shares = {
    "shoulder_width": 0.97,
    "shoulder_slope": 1.1,
    "neck_width": 1.05,
    "armhole_depth": 1.37,
    "sleeve_length": 1.15,
    "sleeve_angle": 0.224,
    "biceps": 0.49,
    "cuff": 0.64,
}
_ANGLES = frozenset({"shoulder_slope", "sleeve_angle"})  # degrees, which no scale changes
_SHARED = frozenset({"waist_at", "hip_at", "slit_at", "neck_shape", "armhole_shape", "crotch_curve"})  # of 1
_NARROWING = (("cuff", "biceps"), ("knee", "thigh"), ("leg_hem", "knee"))  # ends of limbs' panels, and where they begin
_FLARED = 1.2  # by how much what is cut to flare widens at least
_DRESS_LENGTH = 100.0  # cm: kinds that can be longer are dresses and coats
_SLEEVES = (0.35, 0.75)  # sleeve over body length of a short and of a long one
_LEG = (0.3, 0.62)  # inseam over the whole length of shorts and of trousers
_SCALES = (1.0, 1.08, 1.16, 1.25, 1.35)  # a pattern's scale does not show; a greater one keeps measures in range


def as_in_catalogue(pattern: Pattern) -> Pattern:
    """Draft the same garment in the proportions in which catalogues show it.

    Args:
        pattern: cut to a body, true to its girths.

    Returns:
        a pattern of the same kind; where these proportions contradict each other, nearer to `pattern`.
    """
    spec = KINDS[pattern.kind]
    wanted = dict(pattern.measures)
    for key, share in shares_of(pattern).items():
        if key in wanted:
            wanted[key] *= share
    for end, start in _NARROWING:
        if end in wanted and start in wanted and pattern.measures[end] <= _FLARED * pattern.measures[start]:
            wanted[end] = min(wanted[end], wanted[start])
    fitting = min((_scaled(wanted, scale) for scale in _SCALES), key=lambda measures: _excess(spec, measures))
    return draft_near(pattern.kind, fitting, towards=pattern.measures)


def shares_of(pattern: Pattern) -> dict[str, float]:
    """Shares by which a pattern's measures become a catalogue's."""
    spec, m = KINDS[pattern.kind], pattern.measures
    if spec.lower == "legs":
        legs = _between(_SHORT, _LEGS, _LEG, m["inseam"] / (m["inseam"] + m["rise"]))
        if spec.upper == "waist":
            return legs
        return {**legs, **_ONE_PIECE, **_above(spec, m, m.get("waist_length", 45) + m["rise"])}
    if spec.upper == "waist":
        return dict(_SHORT)
    body = _DRESS if spec.measures["body_length"].high > _DRESS_LENGTH else _TOP
    return {**body, **_above(spec, m, m["body_length"] * (0.6 if body is _DRESS else 1.0))}


def _above(spec: Kind, m: Mapping[str, float], length: float) -> dict[str, float]:
    """Shares of shoulders and sleeves of a garment whose upper part is `length` cm long."""
    if "sleeve_length" in m:
        return _between(_SHORT_SLEEVE, _LONG_SLEEVE, _SLEEVES, m["sleeve_length"] / length)
    return dict(_STRAPS if spec.upper in ("strap", "strapless") else _NO_SLEEVE)


def _between(low: Shares, high: Shares, ends: tuple[float, float], at: float) -> dict[str, float]:
    """Shares between those of two kinds of garment; one that is missing is 1."""
    part = float(np.clip((at - ends[0]) / (ends[1] - ends[0]), 0, 1))
    return {key: (1 - part) * low.get(key, 1.0) + part * high.get(key, 1.0) for key in {*low, *high}}


def _scaled(measures: Mapping[str, float], scale: float) -> dict[str, float]:
    return {k: v if k in _ANGLES or k in _SHARED else v * scale for k, v in measures.items()}


def _excess(spec: Kind, measures: Mapping[str, float]) -> float:
    """By how much measures lie outside their ranges, in sums of logarithms."""
    return sum(
        abs(np.log(max(value, 1e-3) / np.clip(value, spec.measures[key].low, spec.measures[key].high)))
        for key, value in measures.items()
        if spec.measures[key].low > 0
    )
