"""The upper half of a pattern: neck, collar, shoulder, armhole, sleeve and strap of one side.

All functions take measures as arrays that broadcast and draw the side where x is positive; y is 0 at the neck points
(or at what stands highest: straps, the edge of a bandeau, the waist's edge). Edges are segments (..., K, 4, 2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ragdiffusion.garments.patterns.curves import backwards, cornered, cubic, falling, joined, line, point
from ragdiffusion.garments.patterns.kind import Kind

Measures = Mapping[str, np.ndarray]
Edges = dict[str, np.ndarray]

_BAND_FLATTENS, _FULL_BAND = 0.25, 1.0  # how much straighter a back neckline is at a band, and one of how many cm
_BAND_LEAN = 40.0  # degrees from upright, by which the end of a band round the neckline leans in


def neck_point(kind: Kind, m: Measures) -> np.ndarray:
    """Where the neckline is sewn to the shoulder on this side (..., 2)."""
    if kind.upper == "strapless":
        return point(m["chest"] / 2, 0.0)
    if kind.upper == "off_shoulder":
        return point(m["shoulder_width"] / 2, 0.0)
    if kind.upper == "waist":
        return point(m["waist"] / 2, 0.0)
    return point(m["neck_width"] / 2, 0.0)


def neckline_end(kind: Kind, m: Measures) -> np.ndarray:
    """Where the neckline ends on this side (..., 2): above the neck point where a band stands there."""
    lean = np.deg2rad(_BAND_LEAN)
    return neck_point(kind, m) - _band(m)[..., None] * np.array([np.sin(lean), np.cos(lean)])


def _band(m: Measures) -> np.ndarray:
    """Height of the band round a neckline; 0 where a kind has none."""
    return m.get("neck_band", np.zeros(()))


def shoulder_edge(kind: Kind, m: Measures) -> np.ndarray:
    """From the end of the neckline to the shoulder tip; first down the end of a band, if there is one."""
    seam = line(neck_point(kind, m), shoulder_tip(kind, m))
    return joined(line(neckline_end(kind, m), neck_point(kind, m)), seam) if "neck_band" in m else seam


def shoulder_tip(kind: Kind, m: Measures) -> np.ndarray:
    """Outer end of the shoulder or strap (..., 2)."""
    if kind.upper in ("strapless", "off_shoulder", "waist"):
        return neck_point(kind, m)
    if kind.upper == "strap":
        return point(m["neck_width"] / 2 + m["strap_width"], 0.0)
    half = m["shoulder_width"] / 2
    return point(half, (half - m["neck_width"] / 2) * np.tan(np.deg2rad(m["shoulder_slope"])))


def armpit(kind: Kind, m: Measures) -> np.ndarray:
    """Where the side begins (..., 2)."""
    if kind.upper in ("strapless", "waist"):
        return neck_point(kind, m)
    tip = shoulder_tip(kind, m)
    if kind.upper == "cape":
        return tip
    return point(m["chest"] / 2, tip[..., 1] + m["armhole_depth"])


def strap_feet(m: Measures) -> tuple[np.ndarray, np.ndarray]:
    """Inner and outer point at which a strap is sewn to the body."""
    inner = point(m["neck_width"] / 2 + m["strap_spread"], m["strap_length"])
    return inner, inner + point(m["strap_width"], 0.0)


def necklines(kind: Kind, m: Measures) -> Edges:
    """Front and back neckline from the mirror axis to their end; the back one never lies lower."""
    end = neckline_end(kind, m)
    if kind.upper == "waist":
        edge = cubic(
            point(0 * end[..., 0], m["waist_dip"]),
            point(end[..., 0] / 3, m["waist_dip"]),
            point(end[..., 0] * 2 / 3, m["waist_dip"] / 3),
            end,
        )
        return {"neckline_front": edge, "neckline_back": edge}
    if kind.upper == "strap":
        return _strap_necklines(m, end)
    back_drop = np.minimum(m["neck_drop_back"], m["neck_drop_front"])
    # A back neckline is round, and follows the front one the more the nearer it comes to it.
    near = np.where(m["neck_drop_front"] > 0, back_drop / np.maximum(m["neck_drop_front"], 1e-6), 1) ** 2
    band = _band(m)
    lift = band * (1 - np.cos(np.deg2rad(_BAND_LEAN)))  # from the seams, whose depth the measures say, up to the edge
    front = neckline(np.maximum(m["neck_drop_front"] - lift, 0), end, m["neck_shape"])
    plain = 0.5 - _BAND_FLATTENS * np.minimum(band / _FULL_BAND, 1)
    back = neckline(np.maximum(back_drop - lift, 0), end, plain + (m["neck_shape"] - plain) * near)
    return {"neckline_front": front, "neckline_back": back}


def neckline(drop: np.ndarray, end: np.ndarray, shape: np.ndarray | float) -> np.ndarray:
    """The right half, (..., 1, 4, 2), of a neckline from the mirror axis, `drop` cm below its end, to `end`."""
    start = point(0 * end[..., 0], end[..., 1] + drop)
    return cornered(start, point(end[..., 0], start[..., 1]), end, shape)


def _strap_necklines(m: Measures, top: np.ndarray) -> Edges:
    """Between straps: a scoop below their feet; the straps' inner edges lead up."""
    foot, _ = strap_feet(m)
    back_drop = np.minimum(m["neck_drop_back"], m["neck_drop_front"])
    edges = {}
    for name, drop in (("neckline_front", m["neck_drop_front"]), ("neckline_back", back_drop)):
        edges[name] = joined(neckline(drop, foot, m["neck_shape"]), line(foot, top))
    return edges


def collar(kind: Kind, m: Measures) -> np.ndarray | None:
    """Edge of a collar or hood from the mirror axis to where it meets the shoulder; None without one."""
    if kind.collar == "none":
        return None
    foot = collar_foot(kind, m)
    zero = 0 * foot[..., 0]
    if kind.collar == "hood":
        height, half = m["hood_height"], m["hood_width"] / 2
        side = point(half, -0.4 * height)
        crest = point(zero, -height)
        return joined(
            cubic(crest, crest + point(0.55 * half, 0.0), side + point(zero, -0.38 * height), side),
            cubic(
                side, side + point(zero, 0.2 * height), foot + point(0.35 * (half - foot[..., 0]), -0.12 * height), foot
            ),
        )
    edge = point(m["neck_width"] / 2 - m["collar_taper"], -m["collar_height"])
    middle = point(zero, m["collar_dip"] - m["collar_height"])
    top = cubic(
        middle, middle + point(edge[..., 0] / 2, 0.0), edge + point(-edge[..., 0] / 4, m["collar_dip"] * 0.4), edge
    )
    fall = cubic(
        edge,
        edge + (foot - edge) * 0.35 + point(0.25 * m["collar_spread"], 0.0),
        edge + (foot - edge) * 0.7 + point(0.3 * m["collar_spread"], 0.0),
        foot,
    )
    return joined(top, fall)


def collar_foot(kind: Kind, m: Measures) -> np.ndarray:
    """Where a collar's outer edge meets the shoulder (..., 2)."""
    neck, tip = neck_point(kind, m), shoulder_tip(kind, m)
    along = tip - neck
    return neck + along * (m["collar_spread"] / np.maximum(np.linalg.norm(along, axis=-1), 1e-6))[..., None]


def armhole_edge(kind: Kind, m: Measures) -> np.ndarray:
    """Armhole from the shoulder tip to the armpit: an edge without a sleeve, a seam with one."""
    tip, end = shoulder_tip(kind, m), armpit(kind, m)
    if kind.upper == "strap":
        _, foot = strap_feet(m)
        return joined(line(tip, foot), cornered(foot, point(foot[..., 0], end[..., 1]), end, m["armhole_shape"]))
    if kind.upper in ("armhole", "one_shoulder"):
        corner = point(tip[..., 0] - m["armhole_hollow"], end[..., 1])
        return cornered(tip, corner, end, m["armhole_shape"])
    depth = (end - tip)[..., 1]
    return cubic(tip, tip + point(-0.12 * depth, 0.45 * depth), end + point(-0.2 * depth, -0.28 * depth), end)


def sleeve_axes(m: Measures) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along a sleeve towards its cuff, and across it towards the body."""
    angle = np.deg2rad(m["sleeve_angle"])
    return point(np.sin(angle), np.cos(angle)), point(-np.cos(angle), np.sin(angle))


def sleeve(kind: Kind, m: Measures) -> Edges:
    """Edges of a sleeve on its way round: outer edge, cuff, inner edge."""
    along, across = sleeve_axes(m)
    tip, end = shoulder_tip(kind, m), armpit(kind, m)
    outer = tip + along * m["sleeve_length"][..., None]
    puff = -across * m["sleeve_puff"][..., None]
    if kind.upper == "cap":
        third = (outer - tip) / 3
        return {
            "sleeve_outer": cubic(tip, tip + third + puff, outer - third + puff / 3, outer),
            "cuff": cubic(
                outer, outer + (end - outer) * 0.35 + along * 0.4, outer + (end - outer) * 0.7 + along * 0.4, end
            ),
        }
    slant = np.deg2rad(m["cuff_slant"])[..., None]
    inner = outer + (across * np.cos(slant) - along * np.sin(slant)) * m["cuff"][..., None]
    low = end + (inner - end) * 0.25
    high = low - across * m["biceps"][..., None]
    bow = -across * m["sleeve_bow"][..., None]
    outer_edge = _along(along, across, [tip, high, (high + outer) / 2 + bow, outer])
    outer_edge[..., 0, 1, :] += puff
    inner_edge = _along(along, across, [end, low, (low + inner) / 2 + bow, inner])
    return {"sleeve_outer": outer_edge, "cuff": line(outer, inner), "sleeve_inner": backwards(inner_edge)}


def _along(along: np.ndarray, across: np.ndarray, nodes: list[np.ndarray]) -> np.ndarray:
    """A smooth edge through points that lie one behind the other along a sleeve."""
    frame = np.stack([across, along], axis=-2)  # [..., 2, 2], rows are the frame's axes
    local = falling([np.einsum("...ij,...j->...i", frame, node) for node in nodes], [0.0] * len(nodes))
    return np.einsum("...ij,...kci->...kcj", frame, local).copy()
