"""Coordinates on a body at rest that a tailor would use: down the trunk and round it, along each limb and round it.

"Round" coordinates are 0 at the front, +1 and -1 at the side seams and run on to +-2 at the middle of the back; on
limbs +1 is the outer and -1 the inner seam. They are what garments are cut by and laid flat by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragdiffusion.garments.people.meshes import along_polyline

if TYPE_CHECKING:
    from ragdiffusion.garments.people.bodies import BodyModel

_SLICES = 40
_FLATNESS = 1.45  # width of a trunk over its depth


@dataclass(frozen=True)
class Charts:
    """Measures (metres, of the left side) and per-vertex coordinates of a body at rest.

    Attributes:
        shoulder, elbow, wrist, hip, knee, ankle, eye: joints, (3,).
        neck_z: height where neck and shoulders meet.
        neck_x: half width of the neck's base.
        armpit_z, waist_z, crotch_z: heights.
        arm_length, leg_length: shoulder to wrist, hip to ankle.
        trunk: (N,), round the trunk.
        arm: (N,), along the arm: 0 or less on the trunk, 0 shoulder, 0.5 elbow, 1 wrist.
        arm_round: (N,), round the arm.
        leg: (N,), along the leg: -1 off the legs, 0 hip, 0.5 knee, 1 ankle.
        leg_round: (N,), round the leg.
        arm_foot, leg_foot: (N, 3), nearest places on the limbs' axes.
        axis_y: (N,), y of the trunk's axis at each vertex' height.
    """

    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    hip: np.ndarray
    knee: np.ndarray
    ankle: np.ndarray
    eye: np.ndarray
    neck_z: float
    neck_x: float
    armpit_z: float
    waist_z: float
    crotch_z: float
    arm_length: float
    leg_length: float
    trunk: np.ndarray
    arm: np.ndarray
    arm_round: np.ndarray
    leg: np.ndarray
    leg_round: np.ndarray
    arm_foot: np.ndarray
    leg_foot: np.ndarray
    axis_y: np.ndarray


def chart_body(model: BodyModel, rest: np.ndarray, heads: np.ndarray) -> Charts:
    """Measure and chart a body.

    Args:
        model: the mesh.
        rest: float32 (N, 3), metres.
        heads: float32 (B, 3), where bones start.
    """
    at = lambda name: heads[model.bone[name]].astype(float)  # noqa: E731
    shoulder, elbow, wrist = at("upperarm01.L"), at("lowerarm01.L"), at("wrist.L")
    hip, knee, ankle = at("upperleg01.L"), at("lowerleg01.L"), at("foot.L")
    neck_z = float(at("neck01")[2])
    middle = (np.abs(rest[:, 0]) < 0.012) & (model.arms < 0.1)
    crotch_z = float(rest[middle, 2].min())
    base = (np.abs(rest[:, 2] - neck_z - 0.015) < 0.02) & (model.arms < 0.1)
    neck_x = float(np.quantile(np.abs(rest[base, 0]), 0.7)) if base.any() else 0.06
    axis_y = _axis_y(rest, model.arms + model.neck, crotch_z, neck_z)
    sign = np.where(rest[:, 0] >= 0, 1.0, -1.0)[:, None] * np.array([1, 0, 0]) + np.array([0, 1, 1])
    arm, arm_foot, arm_round, leg, leg_foot, leg_round = _side(
        rest * sign, [shoulder, elbow, wrist], [hip, knee, ankle]
    )
    arm_foot, leg_foot = arm_foot * sign, leg_foot * sign
    on_arm, on_leg = model.arms > 0.5, model.legs > 0.5
    return Charts(
        shoulder=shoulder,
        elbow=elbow,
        wrist=wrist,
        hip=hip,
        knee=knee,
        ankle=ankle,
        eye=at("eye.L"),
        neck_z=neck_z,
        neck_x=neck_x,
        armpit_z=float(shoulder[2] - 0.115 * (neck_z - crotch_z) / 0.6),
        waist_z=float(crotch_z + 0.56 * (at("spine01")[2] - crotch_z)),
        crotch_z=crotch_z,
        arm_length=float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow)),
        leg_length=float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)),
        trunk=_round_ellipse(
            rest[:, 0], -(rest[:, 1] - axis_y), _half_width(rest, model.arms + model.neck, crotch_z, neck_z)
        ),
        arm=np.where(on_arm, arm, np.minimum(arm, 0)),
        arm_round=arm_round,
        leg=np.where(on_leg, leg, -1.0),
        leg_round=leg_round,
        arm_foot=np.where(on_arm[:, None], arm_foot, rest),
        leg_foot=np.where(on_leg[:, None], leg_foot, rest),
        axis_y=axis_y,
    )


def _side(mirrored: np.ndarray, arm: list[np.ndarray], leg: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Arm and leg coordinates as if every vertex were on the left: along, foot and round, of each."""
    along, foot = along_polyline(mirrored, arm)
    axis = (arm[2] - arm[0]) / np.linalg.norm(arm[2] - arm[0])
    outward = np.cross(axis, [0, 1, 0])
    outward /= np.linalg.norm(outward)
    back = np.cross(outward, axis)
    off = mirrored - foot
    arm_round = np.arctan2(off @ outward, -(off @ back)) / (np.pi / 2)
    leg_along, leg_foot = along_polyline(mirrored, leg)
    above = mirrored[:, 2] > leg[0][2]
    leg_foot[above] = np.stack(
        [np.full(above.sum(), leg[0][0]), np.full(above.sum(), leg[0][1]), mirrored[above, 2]], 1
    )
    off = mirrored - leg_foot
    leg_round = np.arctan2(off[:, 0], -off[:, 1]) / (np.pi / 2)
    return along, foot, arm_round, leg_along, leg_foot, leg_round


def _by_height(
    rest: np.ndarray, chosen: np.ndarray, low: float, high: float, measure: Callable[[np.ndarray], float]
) -> np.ndarray:
    """A measure of slices of the trunk, smooth, at each vertex' height (N,)."""
    edges = np.linspace(low, high, _SLICES)
    which = np.digitize(rest[:, 2], edges)
    found = np.full(_SLICES + 1, np.nan)
    for i in range(1, _SLICES):
        slab = rest[chosen & (which == i)]
        if len(slab) > 3:
            found[i] = measure(slab)
    known = np.nonzero(~np.isnan(found))[0]
    filled = np.interp(np.arange(_SLICES + 1), known, found[known])
    filled = np.convolve(np.pad(filled, 2, mode="edge"), np.ones(5) / 5, "valid")
    return np.interp(rest[:, 2], np.concatenate([[low - 0.05], edges]), filled)


def _axis_y(rest: np.ndarray, elsewhere: np.ndarray, low: float, high: float) -> np.ndarray:
    """y half way between front and back of the trunk, at each vertex' height."""
    trunk = (elsewhere < 0.1) & (np.abs(rest[:, 0]) < 0.06)
    return _by_height(rest, trunk, low, high, lambda slab: 0.5 * float(slab[:, 1].min() + slab[:, 1].max()))


def _half_width(rest: np.ndarray, elsewhere: np.ndarray, low: float, high: float) -> np.ndarray:
    """Half the trunk's width, at each vertex' height."""
    return _by_height(rest, elsewhere < 0.3, low, high, lambda slab: float(np.abs(slab[:, 0]).max()))


def _round_ellipse(across: np.ndarray, forward: np.ndarray, half_width: np.ndarray) -> np.ndarray:
    """Share of the way round a trunk's cross-section, an ellipse: 0 front, +-1 sides, +-2 back.

    Near the middle it goes by `across` alone, so that what is drawn straight down a garment falls straight, whatever
    the body's depth; near the sides by the angle.
    """
    angle = np.linspace(0, np.pi, 181)
    step = np.hypot(np.diff(_FLATNESS * np.sin(angle)), np.diff(np.cos(angle)))
    length = np.concatenate([[0], np.cumsum(step)])
    turn = np.arctan2(across / _FLATNESS, forward)
    share = np.clip(across / half_width, -1, 1)
    level = np.arcsin(share)
    level = np.where(forward >= 0, level, np.where(across >= 0, np.pi, -np.pi) - level)
    weight = np.clip((0.85 - np.abs(share)) / 0.35, 0, 1)
    turn = turn * (1 - weight) + level * weight
    return np.sign(turn) * np.interp(np.abs(turn), angle, length / length[-1] * 2)
