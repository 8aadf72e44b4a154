"""Measures that contradict each other: what must hold between them, for one pattern or for many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.lower import crotch_height, length, waist_height
from ragdiffusion.garments.patterns.measures import MeasureError
from ragdiffusion.garments.patterns.upper import Measures, armpit, shoulder_tip, sleeve_axes

Rule = tuple[np.ndarray, str]
"""Slack (negative where the rule is broken, in the measure's unit) and what to say then."""


def rules(kind: Kind, m: Measures) -> Iterator[Rule]:
    """Every rule that a kind is subject to, in the order in which they are checked."""
    yield from _neck(kind, m)
    if kind.upper in _HOLES:
        yield from _armholes(kind, m)
    if kind.upper in ("set_in", "off_shoulder", "cap"):
        yield from _sleeves(kind, m)
    if kind.collar in ("stand", "shirt", "lapel"):
        yield m["neck_width"] / 2 - m["collar_taper"] - 1.5, "collar_taper: the collar's edge closes to a point"
    if kind.collar == "hood":
        yield (
            m["hood_width"] - m["neck_width"] - 2 * m["collar_spread"] * 0.6,
            "hood_width: the hood is narrower than the neck it is sewn to",
        )
    yield from _LOWER[kind.lower](kind, m)


BELLED = frozenset({"blouse", "wrap_top", "wrap_dress", "off_shoulder_top", "off_shoulder_dress", "dress", "robe"})
"""Kinds whose sleeves may widen towards their ends."""

GIVE = 0.5
"""By how much a rule may be broken before measures are refused: cloth gives, and stored measures are rounded."""

_HOLES = ("set_in", "off_shoulder", "cap", "armhole", "strap", "one_shoulder")


def broken(kind: Kind, m: Measures) -> np.ndarray:
    """Whether measures contradict each other, bool in their shape."""
    slacks = [slack for slack, _ in rules(kind, m)]
    return np.logical_or.reduce(np.broadcast_arrays(*(np.asarray(s) < 0 for s in slacks)))


def check(kind: Kind, measures: Mapping[str, float]) -> dict[str, float]:
    """Complete measures by their defaults and see that they are in range and agree.

    Raises:
        MeasureError: an unknown measure, one out of range or not a number, or two that contradict each other.
    """
    unknown = [key for key in measures if key not in kind.measures]
    if unknown:
        raise MeasureError(f"{kind.key} has no measure {unknown[0]!r}: choose from {', '.join(kind.measures)}")
    for key, value in measures.items():
        spec = kind.measures[key]
        if not isinstance(value, int | float | np.floating | np.integer) or not np.isfinite(value):
            raise MeasureError(f"{key} is {value!r}: a number of {spec.unit} was wanted")
        if not spec.low - 1e-6 <= value <= spec.high + 1e-6:
            raise MeasureError(f"{key} is {value:g} {spec.unit}: {spec.low:g} to {spec.high:g} wanted of {kind.key}")
    complete = {key: float(measures.get(key, spec.default)) for key, spec in kind.measures.items()}
    m = {key: np.asarray(value) for key, value in complete.items()}
    for slack, message in rules(kind, m):
        if slack < -GIVE:
            key, what = message.split(": ", 1)
            raise MeasureError(f"{key} is {complete[key]:g} {kind.measures[key].unit}: {what} (by {-float(slack):.1f})")
    return complete


def _neck(kind: Kind, m: Measures) -> Iterator[Rule]:
    if "neck_drop_back" in m:
        yield (
            m["neck_drop_front"] - m["neck_drop_back"],
            "neck_drop_back: the back neckline lies lower than the front one",
        )
    if "shoulder_width" in m and "neck_width" in m:
        yield (
            (m["shoulder_width"] - m["neck_width"]) / 2 - 1.5,
            "neck_width: the neck is wider than the shoulders allow",
        )
    if "collar_spread" in m:
        tip = shoulder_tip(kind, m)
        seam = np.hypot(tip[..., 0] - m["neck_width"] / 2, tip[..., 1])
        yield seam - m["collar_spread"] - 0.5, "collar_spread: the collar covers more than the shoulder"
    if kind.upper == "strap":
        yield m["armhole_depth"] - m["strap_length"] - 1, "strap_length: the straps reach below the armpits"
        yield (
            m["chest"] / 2 - m["neck_width"] / 2 - m["strap_width"] - np.maximum(m["strap_spread"], 0) - 0.5,
            "strap_width: neck and straps are wider than the chest",
        )
        yield m["neck_width"] / 2 + m["strap_spread"] - 2, "strap_spread: the straps' feet meet in the middle"
        drop = m["strap_length"] + m["neck_drop_front"]
    else:
        drop = m.get("neck_drop_front", np.zeros(()))
    if kind.upper == "waist":
        return
    bottom = waist_height(kind, m) + 14 if kind.skirt or kind.lower == "legs" else length(kind, m)
    yield bottom - drop - 6, "neck_drop_front: the neckline reaches the hem"


def _armholes(kind: Kind, m: Measures) -> Iterator[Rule]:
    bottom = waist_height(kind, m) if "waist_length" in m else length(kind, m) - m.get("rib", np.zeros(()))
    yield bottom - armpit(kind, m)[..., 1] - 4, "armhole_depth: the armholes reach the hem or the waist"
    if kind.upper in ("armhole", "one_shoulder"):
        tip = m["shoulder_width"] / 2
        yield m["chest"] / 2 + 6 - tip, "shoulder_width: the shoulders stand out beyond the chest"
        yield (
            tip - m["neck_width"] / 2 - 0.8 * m["armhole_hollow"] - 1,
            "armhole_hollow: the armhole is cut into the neckline",
        )


def _sleeves(kind: Kind, m: Measures) -> Iterator[Rule]:
    along, across = sleeve_axes(m)
    tip, end = shoulder_tip(kind, m), armpit(kind, m)
    reach = ((end - tip) * along).sum(-1)
    width = ((end - tip) * across).sum(-1)
    yield width + 8, "sleeve_angle: the sleeve lies within the body, lift it or make the chest narrower"
    yield (
        tip[..., 0] - 0.2 * (end[..., 1] - tip[..., 1]) - (m["neck_width"] / 2 if "neck_width" in m else 4),
        "armhole_depth: the armhole seam is cut into the neckline",
    )
    if kind.upper == "cap":
        yield reach - m["sleeve_length"] + 2, "sleeve_length: a cap ends above the armpit"
        return
    slant = np.deg2rad(m["cuff_slant"])
    inner = m["sleeve_length"] - m["cuff"] * np.sin(slant) - reach
    yield inner - 1, "sleeve_length: the sleeve ends above the armpit, lengthen or lift it"
    yield m["sleeve_length"] - reach - 0.25 * inner - 0.5, "sleeve_length: the outer edge ends above the biceps"
    low = end + (along * inner[..., None] + across * (m["cuff"] * np.cos(slant) - width)[..., None]) * 0.25
    depth = ((low - tip) * across).sum(-1)
    yield m["biceps"] - 0.55 * depth, "biceps: the sleeve is narrower than its armhole allows"
    yield np.maximum(depth, 0) + 14 - m["biceps"], "biceps: the sleeve is wider than its armhole allows"
    if kind.key not in BELLED:
        yield m["biceps"] - 0.92 * m["cuff"], "cuff: the sleeve is wider at its end than at the biceps"


def _hem(kind: Kind, m: Measures) -> Iterator[Rule]:
    yield (
        length(kind, m) - 0.5 * np.abs(m["hem_slant"]) - armpit(kind, m)[..., 1] - 6,
        "hem_slant: the hem reaches the armpit",
    )
    if kind.upper == "cape":
        yield m["hem"] - m["shoulder_width"] - 4, "hem: a cape is wider than the shoulders"
        return
    if "rib" in m:
        above = waist_height(kind, m)
        if "hip_at" in m:
            above = above + m["hip_at"] * (length(kind, m) - above)
        yield length(kind, m) - m["rib"] - above - 1.5, "rib: the ribbed band reaches the waist"
    if "slit" in m:
        yield 0.8 * (length(kind, m) - waist_height(kind, m)) - m["slit"], "slit: the slit reaches the waist"
        yield (
            np.where(m["slit_opening"] > 0, m["slit"] - 2 * m["slit_opening"], 0),
            "slit: the slit is shorter than it gapes, lengthen or close it",
        )
        yield (
            np.minimum(m["slit_at"], 1 - m["slit_at"]) * m["hem"] / 2 - m["slit_opening"],
            "slit_opening: the slit gapes wider than the hem allows",
        )


def _legs(kind: Kind, m: Measures) -> Iterator[Rule]:
    hip_height = m["hip_at"] * m["rise"]
    yield m["rise"] - hip_height - 2, "hip_at: the hips lie below the crotch"
    yield 1.35 * m["hip"] / 2 - m["thigh"], "thigh: the legs are wider than the hips allow"
    yield m["thigh"] - 0.85 * m["hip"] / 2, "thigh: the legs are narrower than the hips allow"
    yield m["inseam"] * 1.1 + 10 - m["leg_gap"] / 2, "leg_gap: the legs are spread wider than they are long"
    yield m["inseam"] - np.abs(m["leg_slant"]) - 2, "leg_slant: the legs' hems reach the crotch"
    outer = m["leg_gap"] / 2 + m["leg_hem"]
    yield outer - 0.4 * m["thigh"], "leg_hem: the legs run into each other"
    yield m["hip"] - 0.8 * m["waist"], "hip: the hips are narrower than the waist allows"
    yield length(kind, m) - crotch_height(kind, m) - 2, "inseam: the legs have no length"


def _brief(kind: Kind, m: Measures) -> Iterator[Rule]:
    top = m["body_length"] - m["leg_cut"]
    yield top - waist_height(kind, m) - 2, "leg_cut: the leg is cut up to the waist"
    yield m["hip"] - m["crotch"] - 8, "crotch: it is as wide as the hips"


_LOWER: dict[str, Callable[[Kind, Measures], Iterator[Rule]]] = {"hem": _hem, "legs": _legs, "brief": _brief}
