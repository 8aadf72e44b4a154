"""The inner lines of a pattern: seams, openings, bands and pockets, named."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.curves import (
    BezierPath,
    backwards,
    cornered,
    cubic,
    joined,
    line,
    mirrored,
    point,
    polyline,
)
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.lower import crotch_height, length, waist_height
from ragdiffusion.garments.patterns.upper import Edges, Measures, armpit, neck_point, neckline, sleeve_axes

Lines = dict[str, BezierPath]
_FLIP = np.array([-1.0, 1.0])
_LEAST_BAND = 0.3  # cm, under which no seam of a band is drawn


def seams(kind: Kind, m: Measures, right: Edges, left: Edges) -> Lines:
    """Every inner line of one pattern, by name; lines that come in pairs end in _left and _right."""
    lines: Lines = {}
    if kind.upper not in ("waist", "one_shoulder"):
        for name in ("neckline_front", "neckline_back"):
            lines[name] = _across(right[name])
    for name, edge in (("shoulder", "shoulder"), ("armhole", "armhole")):
        lines |= _pair(name, right.get(edge), left.get(edge))
    if "neck_band" in m and m["neck_band"] > _LEAST_BAND:
        lines["neck_band"] = _across(neckline(m["neck_drop_front"], neck_point(kind, m), m["neck_shape"]))
    lines |= _cuffs(kind, m, right, left)
    lines |= _waist(kind, m, right)
    lines |= _hem_band(kind, m)
    lines |= _front(kind, m)
    lines |= _collar(kind, m)
    return lines | _pockets(kind, m) | _darts(kind, m)


def _across(half: np.ndarray) -> BezierPath:
    return BezierPath(joined(backwards(mirrored(half)), half))


def _pair(name: str, right: np.ndarray | None, left: np.ndarray | None) -> Lines:
    found = {}
    if left is not None:
        found[f"{name}_left"] = BezierPath(mirrored(left))
    if right is not None:
        found[f"{name}_right"] = BezierPath(right)
    return found


def _both(name: str, right: np.ndarray) -> Lines:
    return _pair(name, right, right)


def _cuffs(kind: Kind, m: Measures, right: Edges, left: Edges) -> Lines:
    """The seam of a sleeve's band, `cuff_band` above its end."""
    if "sleeve_inner" not in right:
        return {}
    lines = {}
    along, _ = sleeve_axes(m)
    for name, edges, sign in (("cuff_left", left, _FLIP), ("cuff_right", right, np.ones(2))):
        ends = [
            _at_depth(edge, along, m["cuff_band"]) for edge in (edges["sleeve_outer"], backwards(edges["sleeve_inner"]))
        ]
        lines[name] = BezierPath(line(ends[0], ends[1]) * sign)
    return lines


def _at_depth(edge: np.ndarray, along: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The point of a sleeve's edge that lies `depth` before its end, along the sleeve."""
    points = BezierPath(edge).polygon(0.05)
    behind = (points[-1] - points) @ along
    return np.array([np.interp(-depth, -behind, points[:, i]) for i in (0, 1)])


def _width_at(edges: Edges, names: tuple[str, ...], height: float) -> float:
    """Half width of the body at a height."""
    points = BezierPath(joined(*(edges[n] for n in names if n in edges))).polygon(0.05)
    return float(np.interp(height, np.maximum.accumulate(points[:, 1]), points[:, 0]))


def _waist(kind: Kind, m: Measures, right: Edges) -> Lines:
    if kind.upper == "waist":
        lines = {"waist_edge": _across(right["neckline_front"])}
        height = float(m["waistband"])
        if height > 0.5:
            half = _width_at(right, ("side",), height)
            dip = float(m["waist_dip"])
            lines["waistband"] = _across(
                cubic(
                    point(0.0, height + dip),
                    point(half / 3, height + dip),
                    point(half * 2 / 3, height + dip / 3),
                    point(half, height),
                )
            )
        if kind.lower == "legs":
            lines |= _fly(kind, m, height)
        return lines
    if not (kind.skirt or kind.lower == "legs"):
        return {}
    height, half = float(waist_height(kind, m)), float(m["waist"]) / 2
    seam = {"waist": BezierPath(line(point(-half, height), point(half, height)))}
    if kind.lower == "legs":
        seam["centre_front"] = BezierPath(line(point(0.0, height), point(0.0, float(crotch_height(kind, m)))))
    return seam


def _fly(kind: Kind, m: Measures, band: float) -> Lines:
    """Centre seam, and the stitching of the fly on the viewer's right of it."""
    crotch = float(crotch_height(kind, m))
    low = band + 0.62 * (crotch - band)
    top, dip = band + float(m["waist_dip"]), 3.2
    stitch = joined(
        line(point(dip, top), point(dip, low - 3)), cornered(point(dip, low - 3), point(dip, low), point(0.0, low), 0.5)
    )
    return {
        "centre_front": BezierPath(line(point(0.0, float(m["waist_dip"])), point(0.0, crotch))),
        "fly": BezierPath(stitch),
    }


def _hem_band(kind: Kind, m: Measures) -> Lines:
    if "rib" in m and m["rib"] > 0.5:
        low, half = float(length(kind, m) - m["rib"]), float(m["hem"] / 2 + m["rib_gather"])
        bend = float(m["hem_curve"])
        edge = cubic(
            point(0.0, low + bend),
            point(half * 0.33, low + bend),
            point(half * 0.66, low + 0.8 * bend),
            point(half, low),
        )
        return {"hem_band": _across(edge)}
    return {}


def _front_bottom(kind: Kind, m: Measures) -> float:
    return (
        float(waist_height(kind, m) + m["rise"] * 0.7)
        if kind.lower == "legs"
        else float(length(kind, m) + m["hem_curve"])
    )


def _front(kind: Kind, m: Measures) -> Lines:
    """The opening down the front, from the neckline's lowest point."""
    top = float(m.get("neck_drop_front", np.zeros(())))
    if kind.front == "zip":
        return {"placket": BezierPath(line(point(0.0, top), point(0.0, _front_bottom(kind, m))))}
    if kind.front == "buttons":
        bottom, lap = _front_bottom(kind, m), float(m["overlap"]) / 2
        return {
            "placket": BezierPath(line(point(-lap, top), point(-lap, bottom))),
            "front_edge": BezierPath(line(point(lap, top), point(lap, bottom))),
        }
    if kind.front == "polo":
        bottom, lap = top + float(m["placket"]), float(m["overlap"]) / 2
        return {
            "placket": BezierPath(polyline(point(-lap, top), point(-lap, bottom), point(lap, bottom), point(lap, top)))
        }
    if kind.front == "wrap":
        bottom, lap = _front_bottom(kind, m), float(m["overlap"]) / 2
        return {
            "front_edge": BezierPath(
                cubic(point(0.0, top), point(lap * 0.5, top + 4), point(lap, top + 10), point(lap, bottom))
            )
        }
    return {}


def _collar(kind: Kind, m: Measures) -> Lines:
    if kind.collar in ("none", "stand"):
        return {}
    neck, drop = float(m["neck_width"]) / 2, float(m["neck_drop_front"])
    if kind.collar == "hood":
        height, half = float(m["hood_height"]), float(m["hood_width"]) / 2
        opening = joined(
            cubic(
                point(0.0, -0.8 * height),
                point(0.42 * half, -0.8 * height),
                point(0.62 * half, -0.5 * height),
                point(0.55 * half, -0.22 * height),
            ),
            cubic(
                point(0.55 * half, -0.22 * height),
                point(0.5 * half, 0.0),
                point(0.2 * neck, 0.8 * drop),
                point(0.0, drop),
            ),
        )
        return {"hood_opening": _across(opening)}
    leaf, spread = float(m["collar_leaf"]), float(m["collar_spread"])
    if kind.collar == "shirt":
        foot = point(neck + spread * 0.8, spread * 0.3 + 0.5)
        tip = point(neck * 0.55 + leaf * 0.35, drop * 0.75 + leaf * 0.75)
        return _both("collar_leaf", polyline(point(0.0, drop), tip, foot))
    shoulder = point(neck + spread * 0.8, spread * 0.3 + 0.5)
    notch_y = drop * 0.38
    outer = point(neck * 0.62 + leaf, notch_y + 1.5)
    inner = point(neck * 0.62 + leaf * 0.3, notch_y - 0.5)
    upper = point(neck * 0.62 + leaf * 0.75, notch_y - 2.5)
    belly = cubic(
        outer,
        outer + point(-0.1 * leaf, 0.35 * (drop - notch_y)),
        point(leaf * 0.35, drop - 0.25 * (drop - notch_y)),
        point(0.0, drop),
    )
    return _both("lapel", joined(polyline(shoulder, upper, inner, outer), belly))


def _pockets(kind: Kind, m: Measures) -> Lines:
    found: Lines = {}
    for name in kind.pockets:
        found |= _POCKETS[name](kind, m)
    return found


def _torso(kind: Kind, m: Measures) -> tuple[float, float, float]:
    """Height of the armpit, height of the hem or waist seam, half width between them."""
    top = float(armpit(kind, m)[1])
    bottom = float(waist_height(kind, m)) if kind.lower == "legs" else float(length(kind, m))
    return top, bottom, float(min(m["chest"], m["waist"])) / 2


def _chest_pocket(kind: Kind, m: Measures) -> Lines:
    top, bottom, half = _torso(kind, m)
    width = min(11.0, half * 0.42)
    x, y = half * 0.5, top + 0.04 * (bottom - top)
    bag = polyline(
        point(x - width / 2, y),
        point(x + width / 2, y),
        point(x + width / 2, y + width),
        point(x, y + width * 1.18),
        point(x - width / 2, y + width),
        point(x - width / 2, y),
    )
    return {"chest_pocket": BezierPath(bag)}


def _flap_pocket(kind: Kind, m: Measures) -> Lines:
    top, bottom, half = _torso(kind, m)
    width, y = min(15.0, half * 0.5), top + min(0.55 * (bottom - top), 32.0)
    x = half * 0.62
    flap = polyline(
        point(x - width / 2, y),
        point(x + width / 2, y - 0.4),
        point(x + width / 2, y + 4.8),
        point(x - width / 2, y + 5.2),
        point(x - width / 2, y),
    )
    return _both("pocket", flap)


def _slant_pocket(kind: Kind, m: Measures) -> Lines:
    top, bottom, half = _torso(kind, m)
    if kind.lower == "legs":
        return _side_pocket(kind, m)
    y = top + min(0.5 * (bottom - top), 30.0)
    tall = min(15.0, 0.32 * (bottom - top))
    return _both("pocket", line(point(half * 0.55, y), point(half * 0.8, y + tall)))


def _kangaroo(kind: Kind, m: Measures) -> Lines:
    top, bottom, half = _torso(kind, m)
    low = bottom - float(m.get("rib", np.zeros(())))
    high = low - min(20.0, 0.4 * (low - top))
    wide, narrow = half * 0.66, half * 0.4
    bag = polyline(point(0.0, high), point(narrow, high), point(wide, high + 0.62 * (low - high)), point(wide, low))
    return {"pocket": _across(bag)}


def _side_pocket(kind: Kind, m: Measures) -> Lines:
    waist = float(waist_height(kind, m)) + float(m.get("waistband", np.zeros(())))
    half, hip = float(m["waist"]) / 2, float(m["hip"]) / 2
    depth = min(15.0, 0.5 * float(m["rise"]))
    start = point(half * 0.7, waist)
    end = point(
        (half + (hip - half) * min(1.0, depth / max(float(m["hip_at"] * m["rise"]), 1.0))) * 0.98, waist + depth
    )
    return _both("pocket", cubic(start, start + point(0.5, depth * 0.5), end + point(-1.5, -depth * 0.3), end))


_POCKETS = {
    "chest": _chest_pocket,
    "flap": _flap_pocket,
    "slant": _slant_pocket,
    "kangaroo": _kangaroo,
    "side": _side_pocket,
}


def _darts(kind: Kind, m: Measures) -> Lines:
    """Darts below the waist's edge of a skirt, and from the waist seam up of a fitted dress."""
    if kind.upper == "waist" and kind.lower == "hem":
        top, half = float(m["waistband"] + m["waist_dip"] / 3), float(m["waist"]) / 2
        tip = point(half * 0.55, top + 9)
        return _both("dart", polyline(point(half * 0.5 - 1, top), tip, point(half * 0.5 + 1, top)))
    if kind.skirt and m["chest"] - m["waist"] > 4:
        waist, half = float(waist_height(kind, m)), float(m["waist"]) / 2
        tip = point(half * 0.5, waist - 0.55 * (waist - float(armpit(kind, m)[1])))
        return _both("dart", polyline(point(half * 0.5 - 1, waist), tip, point(half * 0.5 + 1, waist)))
    return {}
