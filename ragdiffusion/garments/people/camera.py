"""The camera: from where, how far, and how much of the person it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.poses import Pose


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        view: (3, 3), world to camera: x right, y down, z away.
        centre: (3,), what it looks at, metres.
        focal: pixels.
        distance: metres.
        shift: metres that the person stands off the middle.
        pixel: metres per pixel at the person.
        yaw: radians that the person is turned.
        framing: "full", "knee", "thigh" or "waist": where the picture ends.
    """

    view: np.ndarray
    centre: np.ndarray
    focal: float
    distance: float
    shift: float
    pixel: float
    yaw: float
    framing: str

    def project(self, points: np.ndarray, height: int, width: int) -> np.ndarray:
        """(N, 3): x and y in pixels, depth in metres."""
        seen = (points - self.centre) @ self.view.T
        depth = seen[:, 2] + self.distance
        return np.stack(
            [
                (seen[:, 0] - self.shift) * self.focal / depth + width / 2,
                seen[:, 1] * self.focal / depth + height / 2,
                depth,
            ],
            1,
        )


def sample_camera(
    body: Body, pose: Pose, points: np.ndarray, height: int, rng: np.random.Generator, *, one_piece: bool = False
) -> Camera:
    """Draw a camera.

    Args:
        body: who.
        pose: how they stand.
        points: (N, 3), the posed body's vertices.
        height: of the picture, pixels.
        rng: source of all chance.
        one_piece: whether a dress or jumpsuit is worn: then the hips are in the picture, or it could be a top.
    """
    u, charts = rng.uniform, body.charts
    yaw = u(-0.25, 0.25) if rng.random() < 0.62 else u(-1.05, 1.05)
    crown, sole = points[:, 2].max() + 0.03, points[:, 2].min()
    eye = pose.rigid(body.model.bone["head"], (charts.eye * [0, 1, 1])[None])[0]
    chin = float(eye[2] - 0.11)
    top = crown + u(0, 0.15) if rng.random() < 0.72 else chin + u(-0.06, 0.12)
    framing = str(rng.choice(["full", "knee", "thigh", "waist"], p=[0.44, 0.2, 0.31, 0.05]))
    bottom = {
        "full": sole - u(0.02, 0.12),
        "knee": charts.knee[2] + u(-0.25, 0.1),
        "thigh": charts.crotch_z + u(-0.25, 0.05),
        "waist": charts.waist_z + u(-0.1, 0.05),
    }[framing]
    if one_piece:
        bottom = min(bottom, charts.crotch_z - 0.06)
    if framing != "full":
        bottom = max(bottom, sole - 0.05)
    small = 1.0 + (u(0.2, 1.2) if rng.random() < 0.08 else 0.0)  # a small figure in a wide picture
    tall = (top - bottom) * small
    distance = max(1.6, tall * u(1.6, 4))
    pitch, roll = rng.normal(0, 0.06), rng.normal(0, 0.03)
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    c, s = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = np.cos(roll), np.sin(roll)
    tilt = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    view = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ tilt @ nod @ turn
    return Camera(
        view,
        np.array([0, -0.05, 0.5 * (top + bottom)]),
        height / tall * distance,
        distance,
        rng.normal(0, 0.04 * small) * tall,
        tall / height,
        float(yaw),
        framing,
    )
