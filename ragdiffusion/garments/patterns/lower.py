"""The lower half of a pattern: side, hem, legs and brief of one side. Conventions as in `upper`."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.curves import (
    backwards,
    cornered,
    cubic,
    falling,
    joined,
    line,
    point,
    polyline,
    split,
)
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.upper import Edges, Measures, armpit, shoulder_tip


def waist_height(kind: Kind, m: Measures) -> np.ndarray:
    """Height of the waist below the neck points; 0 where the garment begins there."""
    if kind.upper == "waist":
        return 0 * m["waist"]
    if kind.lower == "legs":
        return m["waist_length"]
    top = armpit(kind, m)[..., 1]
    return top + m["waist_at"] * (m["body_length"] - top)


def crotch_height(kind: Kind, m: Measures) -> np.ndarray:
    """Height of the crotch of trousers below the neck points, or below the waist's edge."""
    return waist_height(kind, m) + m["rise"]


def length(kind: Kind, m: Measures) -> np.ndarray:
    """Height of the hem at the sides below the neck points, or below the waist's edge."""
    if kind.lower == "legs":
        return crotch_height(kind, m) + m["inseam"]
    return m["skirt_length"] if kind.upper == "waist" else m["body_length"]


def lower(kind: Kind, m: Measures, side: int) -> Edges:
    """The edges from the armpit (or the waist) round to the mirror axis.

    Args:
        kind: how it is built.
        m: measures.
        side: 1 or -1: on which side it will lie, since some measures differ between them.

    Returns:
        In the order of travel: "side_upper" and "side" with a waist seam between them, else "side" alone; then "hem",
        "leg_hem" and "inseam", or "leg_edge" and "crotch".
    """
    if kind.lower == "legs":
        return _legs(kind, m)
    if kind.lower == "brief":
        return _brief(kind, m)
    return _cape(kind, m, side) if kind.upper == "cape" else _hem(kind, m, side)


def _hem(kind: Kind, m: Measures, side: int) -> Edges:
    low = length(kind, m) + side * m["hem_slant"] / 2
    end = point(m["hem"] / 2, low)
    start, waist = armpit(kind, m), waist_height(kind, m)
    nodes, corners = [start], [0.0]
    if kind.upper != "waist":
        nodes.append(point(m["waist"] / 2, waist))
        corners.append(m["waist_corner"])
    if "hip" in m:
        nodes.append(point(m["hip"] / 2, waist + m["hip_at"] * (low - waist)))
        corners.append(0.0)
    if "rib" in m:
        nodes.append(point(m["hem"] / 2 + m["rib_gather"], low - m["rib"]))
        corners.append(1.0)
    edge = falling([*nodes, end], [*corners, 0.0])
    hem = _hem_edge(end, length(kind, m), m, side)
    if kind.skirt:
        return {"side_upper": edge[..., :1, :, :], "side": edge[..., 1:, :, :], "hem": hem}
    return {"side": edge, "hem": hem}


def _hem_edge(end: np.ndarray, level: np.ndarray, m: Measures, side: int) -> np.ndarray:
    """The hem from its corner to the mirror axis, with the slit where there is one and it is on this side."""
    half, low = end[..., 0], end[..., 1]
    middle = point(0 * half, level + m["hem_curve"])
    tilt = (low - level) / 3 * 2
    edge = cubic(
        end,
        point(half * 0.66, low + m["hem_curve"] * 0.8 - (low - level) * 0.34),
        point(half * 0.33, level + m["hem_curve"] + tilt * 0.5),
        middle,
    )
    if side < 0 or "slit" not in m or not (m["slit_opening"] > 0).any():
        return edge
    return _with_slit(edge, m)


def _with_slit(edge: np.ndarray, m: Measures) -> np.ndarray:
    """A hem opened by a wedge; without height or opening the wedge has no area."""
    open_ = m["slit_opening"]
    half = np.maximum(edge[..., 0, 0, 0], 1e-6)
    centre = 1 - m["slit_at"]
    share = np.clip(open_ / (2 * half), 0, 0.09)
    before, _ = split(edge[..., 0, :, :], centre - share)
    _, after = split(edge[..., 0, :, :], centre + share)
    from_, to = before[..., -1, :], after[..., 0, :]
    top = (from_ + to) / 2 - point(0.0, m["slit"] * (open_ > 0))
    return joined(before[..., None, :, :], line(from_, top), line(top, to), after[..., None, :, :])


def _cape(kind: Kind, m: Measures, side: int) -> Edges:
    tip = shoulder_tip(kind, m)
    end = point(m["hem"] / 2, m["body_length"] + side * m["hem_slant"] / 2)
    span = end - tip
    slope = np.tan(np.deg2rad(m["shoulder_slope"]))
    reach = 0.2 + 0.5 * m["drape"]
    leave = tip + point(span[..., 0] * reach, span[..., 0] * reach * slope)
    arrive = end - span * ((1 - m["drape"]) / 3)[..., None] - point(0.0, span[..., 1] * m["drape"] * 0.4)
    return {"side": cubic(tip, leave, arrive, end), "hem": _hem_edge(end, m["body_length"], m, side)}


def _legs(kind: Kind, m: Measures) -> Edges:
    waist, crotch, low = waist_height(kind, m), crotch_height(kind, m), length(kind, m)
    knee = (crotch + low) / 2
    inner_knee = m["leg_gap"] / 2 * m["crotch_curve"]
    top = point(m["waist"] / 2, waist)
    outer_hem = point(m["leg_gap"] / 2 + m["leg_hem"], low - m["leg_slant"])
    nodes = [
        top,
        point(m["hip"] / 2, waist + m["hip_at"] * m["rise"]),
        point(m["thigh"], crotch),
        point(inner_knee + m["knee"], knee),
        outer_hem,
    ]
    fork, inner_hem = point(0 * crotch, crotch), point(m["leg_gap"] / 2, low)
    inseam = falling([fork, point(inner_knee, knee), inner_hem], [0.0, 0.0, 0.0])
    edges = {}
    if kind.upper != "waist":
        edges["side_upper"] = falling([armpit(kind, m), top], [0.0, 0.0])
    return {
        **edges,
        "side": falling(nodes, [0.0] * 5),
        "leg_hem": line(outer_hem, inner_hem),
        "inseam": backwards(inseam),
    }


def _brief(kind: Kind, m: Measures) -> Edges:
    waist, low = waist_height(kind, m), m["body_length"]
    top = low - m["leg_cut"]
    leg, gusset = point(m["hip"] / 2, top), point(m["crotch"] / 2, low)
    corner = point(m["crotch"] / 2 + 0.12 * (m["hip"] - m["crotch"]), top + 0.25 * m["leg_cut"])
    return {
        "side": falling([armpit(kind, m), point(m["waist"] / 2, waist), leg], [0.0, 0.0, 0.0]),
        "leg_edge": cornered(leg, corner, gusset, 0.5),
        "crotch": polyline(gusset, point(0 * low, low)),
    }
