"""From the edges of both sides to a pattern's outline and panels."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.curves import (
    BezierPath,
    backwards,
    cubic,
    joined,
    line,
    mirrored,
    point,
    polyline,
    split,
)
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.lower import lower
from ragdiffusion.garments.patterns.merging import beyond, inner_edge, merged
from ragdiffusion.garments.patterns.panels import Panel
from ragdiffusion.garments.patterns.upper import (
    Edges,
    Measures,
    armhole_edge,
    armpit,
    collar,
    collar_foot,
    neck_point,
    necklines,
    shoulder_edge,
    shoulder_tip,
    sleeve,
)

_TIE_ANGLE = 24.0  # degrees that a tie's end hangs away from the side
SLEEVED = ("set_in", "off_shoulder", "cap")
"""Kinds of upper half that have sleeves."""


def side_edges(kind: Kind, m: Measures, side: int) -> Edges:
    """Every edge of one side, drawn where x is positive; what a kind lacks is absent.

    Args:
        kind: how it is built.
        m: measures; arrays of one shape.
        side: 1 or -1, see `lower`.
    """
    edges: Edges = {}
    bare = kind.upper == "one_shoulder" and side < 0
    if not bare and kind.upper != "one_shoulder":
        edges |= necklines(kind, m)
    if kind.upper not in ("strapless", "waist", "off_shoulder") and not bare:
        edges["shoulder"] = shoulder_edge(kind, m)
    standing = collar(kind, m)
    if standing is not None:
        edges["collar"] = standing
        edges["collar_foot"] = line(neck_point(kind, m), collar_foot(kind, m))
        edges["shoulder_bare"] = line(collar_foot(kind, m), shoulder_tip(kind, m))
    if kind.upper not in ("strapless", "waist", "cape") and not bare:
        edges["armhole"] = armhole_edge(kind, m)
    if kind.upper in SLEEVED:
        edges |= sleeve(kind, m)
    edges |= lower(kind, m, side)
    return edges | _tie(m, edges) if side > 0 and "tie_length" in m else edges


def _tie(m: Measures, edges: Edges) -> Edges:
    """The end of a tie that hangs from the right end of the waist; without length it is nothing."""
    below = edges["side"][..., 0 if "side_upper" in edges else 1, :, :]
    knot = split(below, np.clip(m["tie_width"] / np.maximum(below[..., 3, 1] - below[..., 0, 1], 1), 0, 0.5))[0]
    start, end = knot[..., 0, :], knot[..., -1, :]
    down = (below[..., -1, :] - start) / np.linalg.norm(below[..., -1, :] - start, axis=-1, keepdims=True)
    turn = np.deg2rad(_TIE_ANGLE)
    way = down @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    inner = start + way * m["tie_length"][..., None]
    outer = inner + np.stack([way[..., 1], -way[..., 0]], axis=-1) * m["tie_width"][..., None]
    if not (m["tie_length"] > 0).any():
        return {}
    return {"tie": polyline(start, outer, inner, end), "tie_foot": line(start, end)}


def one_shoulder_neckline(m: Measures, kind: Kind) -> np.ndarray:
    """From the bare armpit on the left to the neck point on the right."""
    start, end = armpit(kind, m) * np.array([-1.0, 1.0]), neck_point(kind, m)
    sag = point(0.0, m["neck_drop_front"])
    return cubic(
        start, start + (end - start) * point(0.45, 0.15) + sag, start + (end - start) * point(0.85, 0.5) + sag, end
    )


def both(half: np.ndarray) -> np.ndarray:
    """A path that begins on the mirror axis, with its mirror image before it, from left to right."""
    return joined(backwards(mirrored(half)), half)


def low_chain(edges: Edges) -> np.ndarray:
    """The outline from the armpit or waist round to the mirror axis."""
    names = ("side_upper", "side", "hem", "leg_hem", "inseam", "leg_edge", "crotch")
    chain = joined(*(edges[name] for name in names if name in edges))
    if "tie" not in edges:
        return chain
    knot = edges["tie"][-1, -1]
    rest = beyond(chain[1:], _parameter(chain[1], knot))
    return np.concatenate([chain[:1], edges["tie"], rest])


def _parameter(segment: np.ndarray, at: np.ndarray) -> float:
    """Where on a segment of a side, whose height is linear in its parameter, a point of it lies."""
    return float((at[1] - segment[0, 1]) / (segment[3, 1] - segment[0, 1]))


def _round(edges: Edges) -> np.ndarray:
    """The outline of one side, from where the neckline or collar ends."""
    first = [edges[n] for n in (("shoulder_bare",) if "collar" in edges else ("shoulder",)) if n in edges]
    if "sleeve_outer" in edges:
        arm = joined(*(edges[n] for n in ("sleeve_outer", "cuff", "sleeve_inner") if n in edges))
        return np.concatenate([*first, merged(arm, low_chain(edges))])
    return np.concatenate([*first, *([edges["armhole"]] if "armhole" in edges else []), low_chain(edges)])


def outline(kind: Kind, m: Measures, right: Edges, left: Edges) -> np.ndarray:
    """The closed outline (K, 4, 2) of one pattern, clockwise from the top's left end; segments without length go."""
    if kind.upper == "one_shoulder":
        top = one_shoulder_neckline(m, kind)
    else:
        top = both(right["collar"] if "collar" in right else right["neckline_back"])
    whole = np.concatenate([top, _round(right), backwards(mirrored(_round(left)))])
    return whole[np.abs(whole - whole[:, :1]).max(axis=(1, 2)) > 1e-6]


def panels(kind: Kind, m: Measures, right: Edges, left: Edges) -> dict[str, Panel]:
    """The panels of one pattern, by name."""
    found: dict[str, Panel] = {}
    waisted = "side_upper" in right
    if kind.upper == "waist" and kind.lower == "hem":
        found["skirt"] = _panel(
            "skirt", left["side"], right["side"], both(right["neckline_front"]), _bottom(left, right)
        )
    elif kind.upper != "waist":
        found["body"] = _body(kind, m, right, left)
        if waisted and kind.lower == "hem":
            found["skirt"] = _panel(
                "skirt", left["side"], right["side"], _seam(left["side"], right["side"]), _bottom(left, right)
            )
    if kind.lower == "legs":
        found |= _legs(right, left)
    if "sleeve_outer" in right:
        found |= _sleeve_panels(kind, right, left)
    if "tie" in right:
        tie = right["tie"]
        found["tie"] = Panel(
            "tie",
            BezierPath(backwards(tie[2:])),
            BezierPath(tie[:1]),
            BezierPath(backwards(right["tie_foot"])),
            BezierPath(backwards(tie[1:2])),
            level=False,
        )
    return {**found, **_neck_panels(kind, right)}


def _panel(
    name: str, left: np.ndarray, right: np.ndarray, top: np.ndarray, bottom: np.ndarray, *, level: bool = True
) -> Panel:
    """A panel whose left edge is given as it would lie on the right."""
    return Panel(name, BezierPath(mirrored(left)), BezierPath(right), BezierPath(top), BezierPath(bottom), level)


def _seam(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return line(left[0, 0] * np.array([-1.0, 1.0]), right[0, 0])


def _bottom(left: Edges, right: Edges) -> np.ndarray:
    """What lies between the sides at the bottom, from left to right."""
    names = [n for n in ("hem", "leg_edge", "crotch") if n in right]
    return joined(mirrored(joined(*(left[n] for n in names))), backwards(joined(*(right[n] for n in names))))


def _body(kind: Kind, m: Measures, right: Edges, left: Edges) -> Panel:
    if kind.upper == "one_shoulder":
        top = joined(one_shoulder_neckline(m, kind), right["shoulder"])
    elif "shoulder" in right:
        top = both(joined(right["neckline_front"], right["shoulder"]))
    else:
        top = both(right["neckline_front"])
    waisted = "side_upper" in right
    sides = [joined(*(e[n] for n in ("armhole", "side_upper" if waisted else "side") if n in e)) for e in (left, right)]
    bottom = _seam(left["side"], right["side"]) if waisted else _bottom(left, right)
    return _panel("body", *sides, top, bottom)


def _legs(right: Edges, left: Edges) -> dict[str, Panel]:
    """Each leg from the waist to its hem: an outer side, and the centre seam with the inseam inside."""
    found = {}
    for name, edges in (("leg_right", right), ("leg_left", left)):
        fork, outer = edges["inseam"][-1, -1], edges["side"][0, 0]
        top = edges["neckline_front"] if "side_upper" not in edges else line(point(0.0, outer[1]), outer)
        inner = joined(line(top[0, 0], fork), backwards(edges["inseam"]))
        leg = Panel(
            name, BezierPath(inner), BezierPath(edges["side"]), BezierPath(top), BezierPath(backwards(edges["leg_hem"]))
        )
        found[name] = leg if name == "leg_right" else _flipped(leg)
    return found


def _sleeve_panels(kind: Kind, right: Edges, left: Edges) -> dict[str, Panel]:
    found = {}
    for name, edges in (("sleeve_right", right), ("sleeve_left", left)):
        seam, cuff = backwards(edges["armhole"]), backwards(edges["cuff"])
        if "sleeve_inner" in edges:
            inner = inner_edge(backwards(edges["sleeve_inner"]), low_chain(edges))
        else:  # a cap ends in the armpit
            inner = line(seam[0, 0], seam[0, 0])
        panel = Panel(
            name, BezierPath(inner), BezierPath(edges["sleeve_outer"]), BezierPath(seam), BezierPath(cuff), False
        )
        found[name] = panel if name == "sleeve_right" else _flipped(panel)
    return found


def _flipped(panel: Panel) -> Panel:
    """The panel of the other side."""
    flip = lambda path: BezierPath(mirrored(path.segments))  # noqa: E731
    turn = lambda path: BezierPath(backwards(mirrored(path.segments)))  # noqa: E731
    return Panel(panel.name, flip(panel.right), flip(panel.left), turn(panel.top), turn(panel.bottom), panel.level)


def _neck_panels(kind: Kind, right: Edges) -> dict[str, Panel]:
    """The collar or hood down to the front neckline, or else the inside of the back that shows above it."""
    if kind.upper in ("waist", "one_shoulder"):
        return {}
    front = right["neckline_front"]
    if "collar" in right:
        name = "hood" if kind.collar == "hood" else "collar"
        return {name: _lens(name, right["collar"], joined(front, right["collar_foot"]))}
    back = right["neckline_back"]
    if np.abs(back - front).max() < 0.05:
        return {}
    return {"back": _lens("back", back, front, level=True)}


def _lens(name: str, top: np.ndarray, bottom: np.ndarray, *, level: bool = False) -> Panel:
    """A panel between two paths from the mirror axis that end in one point."""
    end = line(top[-1, -1], top[-1, -1])
    return _panel(name, end, end, both(top), both(bottom), level=level)
