"""Garments put on a posed body: pushed-out body surfaces for what follows it, lofts for what hangs free."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.cuts import frame, of_pattern, of_skirt
from ragdiffusion.garments.people.drafting import draft_worn, edge_table
from ragdiffusion.garments.people.drape import hang, loft, loft_faces, loft_turn
from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import SKIN
from ragdiffusion.garments.people.layers import Layer, parameters
from ragdiffusion.garments.people.meshes import laplacian
from ragdiffusion.garments.people.poses import Pose
from ragdiffusion.garments.people.wardrobe import Garment

_RIGHT, _AHEAD = np.array([1.0, 0, 0]), np.array([0, -1.0, 0])
_RINGS = 20
_BELOW_CROTCH = 0.09  # metres
_CLEAR = 0.004  # metres between a garment and what is worn below it


class Dresser:
    """Dresses one body in one pose.

    Args:
        body: who.
        fitting: the body's measures.
        pose: how they stand.
        rng: source of the cloth's unevenness.

    Attributes:
        layers: what has been put on so far, the body first.
        fields: cuts (2, *FIELD_SHAPE) that the layers refer to.
        edges: tables (2, EDGE_ROWS) of the garments' patterns.
        patterns: of each garment put on.
    """

    def __init__(self, body: Body, fitting: Fitting, pose: Pose, rng: np.random.Generator) -> None:
        self.body, self.fitting, self.pose = body, fitting, pose
        self._phase = rng.uniform(0, 6.28, 6)
        self.attributes = _body_attributes(body)
        self.worn = body.rest.astype(np.float32)
        self.fields: list[np.ndarray] = []
        self.edges: list[np.ndarray] = []
        self.patterns: list[Pattern] = []
        model = body.model
        self.layers = [
            Layer(
                "body",
                pose.points(body.rest),
                model.faces,
                self.attributes,
                parameters(raster.BODY),
                SKIN,
                on_body=True,
            )
        ]
        self._limbs_free = (model.hands < 0.5) & (model.head < 0.5) & (model.feet < 0.5)

    def put_on(self, garment: Garment, index: int) -> None:
        """Add the layers of a garment; `index` numbers it. Its pattern is drafted by how it hangs on the body."""
        upper, legs = garment.upper != "waist", garment.leg > -5
        surface = self._trunk_and_arms(garment) if upper else None
        if legs:
            low = self._hips_and_legs(garment)
            surface = low if surface is None else _joined(surface, low, self.body)
        if surface is not None:
            surface = self._clear(surface, _CLEAR * (2 if garment.order > 3 else 1))
        hanging = self._hang_skirt(garment, surface) if garment.skirt_y is not None else None
        pattern = draft_worn(garment, self.body, self.fitting, surface, hanging[1] if hanging else None)
        if garment.full_sleeve > 0:
            garment.full_sleeve = (pattern.measures["sleeve_length"] + 1) / self.fitting.arm
            garment.sleeve = min(garment.sleeve, garment.full_sleeve) if garment.rolled else garment.full_sleeve
        self.patterns.append(pattern)
        self.edges.append(edge_table(pattern))
        if surface is not None:
            self._add_surface(garment, pattern, index, surface, legs)
        if hanging is not None:
            self._add_skirt(garment, pattern, index, *hanging)
        if surface is not None:
            self.worn = _outermost(self.worn, surface, self.body)

    def hide_hands(self) -> None:
        """Put the hands that a pose has in the pockets out of sight."""
        model, body = self.body.model, self.layers[0]
        for name, side in zip(self.pose.arms, (1, -1), strict=True):
            if name == "pocket":
                hidden = (model.hands > 0.8) & (self.body.rest[:, 0] * side > 0)
                body.faces = body.faces[~hidden[body.faces].any(1)]

    def _add_surface(self, garment: Garment, pattern: Pattern, index: int, surface: np.ndarray, legs: bool) -> None:
        body, charts = self.body, self.body.charts
        keep = self._limbs_free.copy()
        if not legs:
            keep &= body.rest[:, 2] > charts.crotch_z - _BELOW_CROTCH
        if garment.upper == "waist":
            keep &= ((body.model.legs > 0.2) | (body.rest[:, 2] < charts.waist_z + 0.14)) & (body.model.arms < 0.3)
        values = self._frame(garment, pattern)
        values[raster.SLEEVE], values[raster.SLEEVE_END] = garment.sleeve, garment.full_sleeve
        values[raster.LEG_END] = garment.leg
        if legs:
            values[raster.WAIST_Y] = pattern.parts["leg_right"].polygon(0.1)[:, 1].min()
            values[raster.LENGTH] = pattern.measures["rise"] + pattern.measures["inseam"]
        if garment.upper == "waist":
            values[raster.TOP_Z] = charts.neck_z - garment.origin_y / 100
        else:
            cut = of_pattern(
                pattern,
                sleeved=garment.sleeve > 0,
                gap=garment.gap,
                rise=garment.measures.get("stand", 0),
                hem=not legs and garment.skirt_y is None,
            )
            if (
                garment.skirt_y is not None or not legs
            ):  # a loft takes over, or the body's surface carries it no further
                deepest = (charts.neck_z - charts.crotch_z + _BELOW_CROTCH - 0.03) * 100
                end = garment.skirt_y + 2 if garment.skirt_y is not None else deepest
                cut = np.minimum(cut, (end - garment.origin_y - frame()[1])[None])
            values[raster.FIELD] = self._field(cut)
        faces = body.model.faces[keep[body.model.faces].all(1)]
        self.layers.append(
            Layer(
                garment.kind,
                self.pose.points(surface),
                faces,
                self.attributes,
                parameters(raster.GARMENT, values),
                garment.label,
                index,
                garment.order,
                True,
                0.003 * max(0, garment.order - 2),
            )
        )

    def _frame(self, garment: Garment, pattern: Pattern) -> dict[int, float]:
        charts = self.body.charts
        values = {
            raster.ORIGIN_Z: charts.neck_z - garment.origin_y / 100,
            raster.EDGE: len(self.edges) - 1,
            raster.ARMPIT_Z: charts.armpit_z if garment.upper != "waist" else 99.0,
            raster.ARM_LENGTH: charts.arm_length,
            raster.LEG_LENGTH: charts.leg_length,
        }
        if garment.gap is not None:
            values[raster.GAP_HEM], values[raster.GAP_TOP], values[raster.GAP_X] = garment.gap
            values[raster.GAP_LENGTH] = pattern.box[3]
        return values

    def _field(self, cut: np.ndarray) -> int:
        self.fields.append(cut)
        return len(self.fields) - 1

    def _clear(self, surface: np.ndarray, clear: float) -> np.ndarray:
        """Push a surface out where what is worn below it would show through."""
        normals = self.body.normals
        below = ((self.worn - self.body.rest) * normals).sum(1, keepdims=True)
        own = ((surface - self.body.rest) * normals).sum(1, keepdims=True)
        return (surface + normals * np.maximum(0, below + clear - own)).astype(np.float32)

    def _uneven(self, points: np.ndarray, amount: float) -> np.ndarray:
        q, x, y, z = self._phase, points[:, 0], points[:, 1], points[:, 2]
        wave = (
            np.sin(x * 23 + q[0]) * np.sin(z * 17 + q[1])
            + np.sin(z * 39 + x * 11 + q[2]) * 0.6
            + np.sin(y * 31 + z * 13 + q[3]) * 0.5
        )
        return (amount * wave)[:, None]

    def _trunk_and_arms(self, garment: Garment) -> np.ndarray:
        """Rest places of a top's cloth: hulls round trunk and arms, blended into the body elsewhere."""
        body, model, charts, rest = self.body, self.body.model, self.body.charts, self.body.rest
        loose = garment.loose
        ease = 0.003 + 0.022 * loose
        out = (rest + body.normals * (ease * 0.7 + 0.003)).astype(np.float64)
        trunk = (
            (model.arms < 0.5)
            & (rest[:, 2] < charts.armpit_z + 0.04)
            & (rest[:, 2] > charts.crotch_z - 0.12)
            & (model.neck < 0.2)
        )
        foot = np.stack([np.zeros(model.count), charts.axis_y, rest[:, 2]], 1)
        tube = hang(foot, _RIGHT, _AHEAD, -rest[:, 2], rest, trunk, np.interp(loose, [0, 0.5, 1], [1.2, 0.25, 0]), ease)
        weight = (np.clip((charts.armpit_z + 0.03 - rest[:, 2]) / 0.06, 0, 1) * trunk)[:, None]
        out = out * (1 - weight) + tube * weight
        if garment.sleeve > 0.1:
            out = self._sleeves(garment, out, ease)
        out += body.normals * self._uneven(rest, 0.0015 + 0.004 * loose)
        move = np.where((model.hands < 0.5) & (model.head < 0.5), 0.6, 0.0)
        return (laplacian(out - rest, model.start, model.neighbour, move, 4) + rest).astype(np.float32)

    def _sleeves(self, garment: Garment, out: np.ndarray, ease: float) -> np.ndarray:
        model, charts, rest = self.body.model, self.body.charts, self.body.rest
        shrink = np.interp(garment.loose, [0, 0.5, 1], [0.6, 0.25, 0.1]) - garment.bell
        for side, sign in ((".L", 1), (".R", -1)):
            chosen = (model.arm[side] > 0.5) & (rest[:, 0] * sign > 0) & (model.hands < 0.5)
            axis = (charts.wrist - charts.shoulder) * np.array([sign, 1, 1])
            axis = axis / np.linalg.norm(axis)
            up = np.cross(axis, [0, 1, 0])
            up /= np.linalg.norm(up)
            tube = hang(
                charts.arm_foot,
                up,
                np.cross(up, axis),
                charts.arm * charts.arm_length,
                rest,
                chosen,
                shrink,
                ease * 0.6,
                12,
                16,
            )
            if garment.puff > 0:
                bulge = garment.puff * np.sin(np.pi * np.clip(charts.arm / max(garment.sleeve, 0.1), 0, 1)) ** 0.7
                off = rest - charts.arm_foot
                tube = tube + off / (np.linalg.norm(off, axis=1, keepdims=True) + 1e-6) * bulge[:, None]
            weight = (np.clip(charts.arm / 0.15, 0, 1) * chosen)[:, None]
            out = out * (1 - weight) + tube * weight
        return out

    def _hips_and_legs(self, garment: Garment) -> np.ndarray:
        """Rest places of trousers' cloth."""
        body, model, charts, rest = self.body, self.body.model, self.body.charts, self.body.rest
        ease = 0.004 + 0.018 * garment.loose
        out = (rest + body.normals * (ease * 0.7 + 0.003)).astype(np.float64)
        for side, sign in ((".L", 1), (".R", -1)):
            chosen = (model.leg[side] > 0.5) & (rest[:, 0] * sign > 0) & (model.feet < 0.6)
            tube = hang(
                charts.leg_foot,
                _RIGHT,
                _AHEAD,
                charts.leg * charts.leg_length,
                rest,
                chosen,
                np.interp(garment.loose, [0, 0.5, 1], [0.6, 0.14, 0]) - garment.bell * (garment.upper == "waist"),
                ease,
                16,
                24,
            )
            weight = (np.clip(charts.leg / 0.12, 0, 1) * chosen)[:, None]
            out = out * (1 - weight) + tube * weight
        out += body.normals * self._uneven(rest, 0.0015 + 0.004 * garment.loose)
        move = np.where(model.feet < 0.8, 0.6, 0.0)
        return (laplacian(out - rest, model.start, model.neighbour, move, 4) + rest).astype(np.float32)

    def _hang_skirt(self, garment: Garment, bodice: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Rings, posed and at rest, of a skirt, a dress below its waist, a coat's tails."""
        body, charts, m = self.body, self.body.charts, garment.measures
        assert garment.skirt_y is not None
        top_z = charts.neck_z - garment.skirt_y / 100
        bottom_z = charts.neck_z - m["body_length"] / 100
        bottom_z = min(bottom_z - abs(m.get("hem_slant", 0)) / 200 - max(0, m.get("hem_curve", 0)) / 100, top_z - 0.06)
        chosen = (body.model.arms < 0.3) & (body.model.hands < 0.1) & (body.model.neck < 0.1)
        low = _outermost(body.rest + body.normals * 0.008, self.worn, body)
        reach = chosen & (low[:, 2] < top_z + 0.06)
        cloud, posed = low[reach], self.pose.points(low)[reach]
        if bodice is not None:
            near = chosen & (body.rest[:, 2] > top_z - 0.12) & (body.rest[:, 2] < top_z + 0.06)
            cloud, posed = (
                np.concatenate([cloud, bodice[near]]),
                np.concatenate([posed, self.pose.points(bodice)[near]]),
            )
        heights = np.linspace(top_z + (0.02 if bodice is not None else 0), bottom_z, _RINGS)
        centre = float(charts.axis_y[np.argmin(np.abs(body.rest[:, 2] - top_z) + body.model.arms)])
        shape = {"taper": garment.taper, "flare": garment.flare, "ease": 0.004, "phase": self._phase}
        rings = loft(posed, heights, centre, folds=garment.folds, **shape)
        rest = loft(cloud, heights, centre, folds=garment.folds * 0.3, **shape)
        if garment.ruffle > 0:
            rings, rest = _ruffled(rings, garment.ruffle, centre), _ruffled(rest, garment.ruffle * 0.5, centre)
        self.worn = _over_rings(self.worn, rest, heights, centre, chosen, body)
        return rings, rest

    def _add_skirt(self, garment: Garment, pattern: Pattern, index: int, rings: np.ndarray, rest: np.ndarray) -> None:
        count = rings.shape[0] * rings.shape[1]
        attributes = np.zeros((count, raster.ATTRIBUTES), np.float32)
        attributes[:, :3] = rest.reshape(count, 3)
        attributes[:, raster.ARM], attributes[:, raster.LEG] = -1, -1
        attributes[:, raster.TRUNK_ROUND] = np.tile(loft_turn(), len(rings))
        values = self._frame(garment, pattern)
        values[raster.FIELD] = self._field(of_skirt(pattern, garment.gap))
        self.layers.append(
            Layer(
                garment.kind + "_skirt",
                rings.reshape(count, 3),
                loft_faces(len(rings)),
                attributes,
                parameters(raster.GARMENT, values),
                garment.label,
                index,
                garment.order,
                False,
                0.008 * (garment.order > 2),
            )
        )


def _body_attributes(body: Body) -> np.ndarray:
    charts = body.charts
    out = np.zeros((body.model.count, raster.ATTRIBUTES), np.float32)
    out[:, :3] = body.rest
    out[:, raster.ARM], out[:, raster.ARM_ROUND] = charts.arm, charts.arm_round
    out[:, raster.TRUNK_ROUND], out[:, raster.HEAD] = charts.trunk, body.model.head
    out[:, raster.LEG], out[:, raster.LEG_ROUND] = charts.leg, charts.leg_round
    out[:, raster.TEX_U], out[:, raster.TEX_V] = body.rest[:, 0] + 0.5 * body.rest[:, 1], body.rest[:, 2]
    return out


def _outermost(below: np.ndarray, above: np.ndarray, body: Body) -> np.ndarray:
    """Of two surfaces over the body, at each vertex the one further out."""
    far = ((above - body.rest) * body.normals).sum(1) > ((below - body.rest) * body.normals).sum(1)
    return np.where(far[:, None], above, below).astype(np.float32)


def _ruffled(rings: np.ndarray, depth: float, centre_y: float) -> np.ndarray:
    """Rings (R, 65, 3) whose lowest fifth stands off and waves, `depth` metres deep."""
    out = rings.copy()
    share = np.clip((np.arange(len(rings)) / (len(rings) - 1) - 0.8) / 0.2, 0, 1)[:, None]
    wave = depth * (0.8 + np.sin(np.linspace(0, 2 * np.pi * 16, rings.shape[1]))[None]) * np.sqrt(share)
    off = rings[..., :2] - np.array([0, centre_y])
    radius = np.linalg.norm(off, axis=-1)
    out[..., :2] = off * (1 + wave / np.maximum(radius, 1e-3))[..., None] + np.array([0, centre_y])
    return out.astype(np.float32)


def _over_rings(
    worn: np.ndarray, rings: np.ndarray, heights: np.ndarray, centre_y: float, chosen: np.ndarray, body: Body
) -> np.ndarray:
    """What is worn, moved out to a skirt's rings (R, 65, 3) between their heights, so that a jacket clears them."""
    inside = chosen & (worn[:, 2] < heights[0]) & (worn[:, 2] > max(heights[-1], body.charts.crotch_z - 0.1))
    off = worn[inside, :2] - np.array([0, centre_y])
    row = np.clip((heights[0] - worn[inside, 2]) / (heights[0] - heights[-1]) * (len(heights) - 1), 0, len(heights) - 1)
    column = (np.arctan2(off[:, 0], -off[:, 1]) / np.pi + 1) / 2 * (rings.shape[1] - 1)
    ring = rings[np.round(row).astype(int), np.round(column).astype(int)]
    radius = np.hypot(ring[:, 0], ring[:, 1] - centre_y)
    grow = np.maximum(1, radius / (np.linalg.norm(off, axis=1) + 1e-6))
    out = worn.copy()
    out[inside, :2] = off * grow[:, None] + np.array([0, centre_y])
    return out


def _joined(top: np.ndarray, low: np.ndarray, body: Body) -> np.ndarray:
    """One surface of a one-piece: the top's above the hips, the trousers' below."""
    charts = body.charts
    weight = np.clip((body.rest[:, 2] - charts.crotch_z - 0.06) / 0.08, 0, 1)[:, None]
    weight = np.maximum(weight, (body.model.arms > 0.3)[:, None])
    return (low * (1 - weight) + top * weight).astype(np.float32)
