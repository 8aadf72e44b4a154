"""From a garment as it is worn to its pattern: the drafter's measures, read off the dressed body."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns import Pattern, draft_near, specs
from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.raster import EDGE_ROWS, FIELD_Y
from ragdiffusion.garments.people.wardrobe import Garment

_LEAST_WAIST = (0.86, 0.95)  # share of a fitted and of a loose top's chest: cloth does not follow the body all the way
_HEM = (0.93, 1.1)  # bounds of a top's hem as shares of its chest
_CROTCH = 0.16  # how far down the leg, from the hip joint, the crotch is
_THIGH = 0.58  # greatest width of a leg at the crotch, as a share of the hips
_NECK_FALL = 2.5  # cm that a garment's neck points lie below the base of the neck


def draft_worn(
    garment: Garment, body: Body, fitting: Fitting, surface: np.ndarray | None, rings: np.ndarray | None
) -> Pattern:
    """Draft the pattern of a garment as it is worn.

    Args:
        garment: which; its `measures` are those that were chosen for it.
        body: who wears it.
        fitting: the body's measures.
        surface: (N, 3), rest places in metres of the cloth that follows the body, or None.
        rings: (R, 65, 3), rest places of what hangs free, or None.

    Returns:
        the pattern; measures out of the kind's range are brought into it, contradictory ones nearer to its defaults.
    """
    wanted = _wanted(garment, body, fitting, surface, rings)
    allowed = {spec.key for spec in specs(garment.kind)}
    measures = {key: float(value) for key, value in wanted.items() if key in allowed}
    return draft_near(garment.kind, measures)


def _wanted(
    garment: Garment, body: Body, fitting: Fitting, surface: np.ndarray | None, rings: np.ndarray | None
) -> dict[str, float]:
    m, origin = dict(garment.measures), garment.origin_y
    charts = body.charts
    waist_y = fitting.waist_y - origin
    if surface is not None and garment.upper != "waist":
        m["chest"] = _girth(body, surface, charts.armpit_z - 0.02)
        m["waist"] = _girth(body, surface, charts.waist_z)
        m["hip"] = m["hem"] = _girth(
            body, surface, max(charts.crotch_z + 0.04, _z(body, garment.measures["body_length"]))
        )
        if garment.skirt_y is None and garment.leg < -5:
            m["waist"] = max(m["waist"], m["chest"] * np.interp(garment.loose, [0, 1], _LEAST_WAIST))
            m["hem"] = float(np.clip(m["hem"], m["chest"] * _HEM[0], m["chest"] * _HEM[1]))
    drop = m["shoulder_drop"] if "shoulder_drop" in m else fitting.shoulder_drop
    if garment.upper in ("sleeved", "armhole", "one_shoulder"):
        m["armhole_depth"] = m["armhole_depth"] - drop
        run = max(1.0, (m["shoulder_width"] - m["neck_width"]) / 2)
        m["shoulder_slope"] = float(np.clip(np.degrees(np.arctan2(drop - _NECK_FALL, run)), 10, 28))
    if garment.upper == "strap":
        m["strap_length"] = m["armhole_depth"] - m.get("edge_rise", 3)
        m["neck_drop_front"] = m.get("edge_dip", 0.0)
    if garment.upper == "strapless":
        m["neck_drop_front"], m["neck_drop_back"] = m.get("edge_dip", 0.0), 0.0
        m["chest"] = _girth(body, surface, _z(body, origin + 2)) if surface is not None else fitting.chest
    if garment.full_sleeve > 0:
        m["sleeve_length"] = garment.full_sleeve * fitting.arm - 1
        if surface is not None:
            m["biceps"] = _limb(body, surface, "arm", min(0.3, garment.sleeve * 0.7))
            m["cuff"] = _limb(body, surface, "arm", min(0.95, garment.sleeve * 0.97))
    _lengths(garment, m, fitting, body, surface, rings, waist_y)
    return m


def _lengths(
    garment: Garment,
    m: dict[str, float],
    fitting: Fitting,
    body: Body,
    surface: np.ndarray | None,
    rings: np.ndarray | None,
    waist_y: float,
) -> None:
    """What depends on where the garment ends."""
    length, origin = m.pop("body_length"), garment.origin_y
    armpit = fitting.armpit_y - origin
    if garment.leg > -5:
        cuff_z = body.charts.hip[2] - garment.leg * (body.charts.hip[2] - body.charts.ankle[2])
        m["rise"] = fitting.crotch_y - fitting.waist_y if garment.top_y is None else fitting.crotch_y - garment.top_y
        m["rise"] += 1.5
        m["inseam"] = (body.charts.crotch_z - cuff_z) * 100 - 1.5
        m["waist_length"] = waist_y
        if surface is not None:
            m["hip"] = _girth(body, surface, body.charts.crotch_z + 0.07, limbs=True)
            if garment.upper == "waist":
                m["waist"] = _girth(body, surface, _z(body, garment.top_y or fitting.waist_y))
            m["thigh"] = min(_limb(body, surface, "leg", 0.2), _THIGH * m["hip"])
            half = min(0.5, (_CROTCH + garment.leg) / 2)  # of the inseam, of shorts above the knee
            m["knee"] = min(_limb(body, surface, "leg", half), m["thigh"])
            m["leg_hem"] = _limb(body, surface, "leg", min(0.95, garment.leg * 0.97))
        return
    if rings is not None:
        m["hem"] = _ring(rings[-1])
        low = 0.4 * (len(rings) - 1)
        m["hip"] = _ring(rings[int(low)])
        m["hip_at"] = 0.4
        if garment.upper == "waist":
            m["waist"] = _ring(rings[0])
            m["skirt_length"] = length - origin
            return
    m["body_length"] = length - origin
    if surface is not None:
        at = garment.skirt_y - origin if garment.skirt_y is not None and "coat" not in garment.kind else waist_y
        m["waist_at"] = float(np.clip((at - armpit) / max(8.0, length - origin - armpit), 0.12, 0.75))


def _z(body: Body, depth: float) -> float:
    return body.charts.neck_z - depth / 100


def _girth(body: Body, surface: np.ndarray, height: float, *, limbs: bool = False) -> float:
    """Half the girth in cm of a surface round the trunk at a height (metres), taken as an ellipse."""
    near = (np.abs(body.rest[:, 2] - height) < 0.025) & (body.model.arms < 0.4)
    if not limbs:
        near &= body.model.neck < 0.3
    slab = surface[near]
    if len(slab) < 8:
        return 50.0
    return _ellipse(np.ptp(slab[:, 0]) / 2, np.ptp(slab[:, 1]) / 2)


def _ring(ring: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(ring[:, :2], axis=0), axis=1).sum() * 50)


def _ellipse(a: float, b: float) -> float:
    return float(np.pi / 2 * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))) * 100)


def _limb(body: Body, surface: np.ndarray, limb: str, at: float) -> float:
    """Half the girth in cm of a surface round arm or leg, `at` along it."""
    along = body.charts.arm if limb == "arm" else body.charts.leg
    foot = body.charts.arm_foot if limb == "arm" else body.charts.leg_foot
    near = np.abs(along - at) < 0.05
    if near.sum() < 4:
        return 12.0
    if limb == "leg":
        slab = surface[near & (surface[:, 0] > 0)]
        return _ellipse(np.ptp(slab[:, 0]) / 2, np.ptp(slab[:, 1]) / 2)
    return float(np.pi * np.linalg.norm(surface[near] - foot[near], axis=1).mean() * 100)


def edge_table(pattern: Pattern) -> np.ndarray:
    """Distances (2, EDGE_ROWS) in cm from the axis to the left and the right edge of a pattern's body and skirt."""
    rows = np.arange(EDGE_ROWS) - FIELD_Y
    table = np.full((2, EDGE_ROWS), 25.0, np.float32)
    for side, name in enumerate(("left", "right")):
        pieces = [
            getattr(pattern.parts[part], name).polygon(0.1) for part in ("body", "skirt") if part in pattern.parts
        ]
        if pieces:
            path = np.concatenate(pieces)
            table[side] = np.maximum(np.interp(rows, np.maximum.accumulate(path[:, 1]), np.abs(path[:, 0])), 1.0)
    return table
