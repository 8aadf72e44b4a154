"""A body's own measures, flat, in the drafter's terms: what a garment's measures are chosen from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.people.bodies import Body


@dataclass(frozen=True)
class Fitting:
    """Measures in cm. Widths are of the body laid flat (half its girth); depths are below the neck's base.

    Attributes:
        chest, waist, hip: widths.
        shoulders: from tip to tip, across the front.
        shoulder_drop: of the tips.
        neck: width of the neck's base.
        armpit_y, waist_y, hip_y, crotch_y: depths.
        arm: shoulder to wrist.
        leg: hip joint to ankle.
        thigh, upper_arm: widths of the limbs.
        height: of the whole body.
    """

    chest: float
    waist: float
    hip: float
    shoulders: float
    shoulder_drop: float
    neck: float
    armpit_y: float
    waist_y: float
    hip_y: float
    crotch_y: float
    arm: float
    leg: float
    thigh: float
    upper_arm: float
    height: float


def fit(body: Body) -> Fitting:
    """Measure a body at rest."""
    charts, model = body.charts, body.model
    depth = lambda z: (charts.neck_z - z) * 100  # noqa: E731
    trunk = (model.arms < 0.4) & (model.neck < 0.3)
    limbs = {}
    for name, chosen, foot in (
        ("thigh", (charts.leg > 0.12) & (charts.leg < 0.22), charts.leg_foot),
        ("arm", (charts.arm > 0.2) & (charts.arm < 0.35), charts.arm_foot),
    ):
        limbs[name] = float(np.pi * np.linalg.norm(body.rest[chosen] - foot[chosen], axis=1).mean() * 100)
    return Fitting(
        chest=_half_girth(body, trunk, charts.armpit_z - 0.02),
        waist=_half_girth(body, trunk, charts.waist_z),
        hip=_half_girth(body, model.arms < 0.2, charts.crotch_z + 0.08),
        shoulders=float(charts.shoulder[0] * 200 + 3),
        shoulder_drop=float(depth(charts.shoulder[2] + 0.03)),
        neck=charts.neck_x * 200,
        armpit_y=depth(charts.armpit_z),
        waist_y=depth(charts.waist_z),
        hip_y=depth(charts.crotch_z + 0.08),
        crotch_y=depth(charts.crotch_z),
        arm=charts.arm_length * 100,
        leg=charts.leg_length * 100,
        thigh=limbs["thigh"],
        upper_arm=limbs["arm"],
        height=float(np.ptp(body.rest[:, 2]) * 100),
    )


def _half_girth(body: Body, chosen: np.ndarray, height: float) -> float:
    """Half the girth in cm of a slice through chosen vertices, taken as an ellipse."""
    slab = body.rest[chosen & (np.abs(body.rest[:, 2] - height) < 0.025)]
    a, b = np.ptp(slab[:, 0]) / 2, np.ptp(slab[:, 1]) / 2
    return float(np.pi / 2 * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))) * 100)
