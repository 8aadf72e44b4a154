"""Hair: a cap over the skull, a bun, or long strands that fall round the head and over the shoulders."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.labels import HAIR
from ragdiffusion.garments.people.layers import Layer, parameters
from ragdiffusion.garments.people.meshes import grid_faces
from ragdiffusion.garments.people.solids import ellipsoid, rigid_layer

_AROUND, _DOWN = 40, 22


def add_hair(dresser: Dresser, rng: np.random.Generator) -> str:
    """Give the dressed person hair and say which: "long", "bob", "bun", "short", "afro" or "bald"."""
    u, body = rng.uniform, dresser.body
    styles = ["long", "bob", "bun", "short", "afro", "bald"]
    shares = [0.46, 0.12, 0.22, 0.1, 0.1, 0] if body.female else [0.04, 0.01, 0.02, 0.77, 0.06, 0.1]
    style = str(rng.choice(styles, p=shares))
    if style == "bald":
        return style
    thick = {
        "short": u(0.008, 0.04),
        "bun": u(0.006, 0.015),
        "long": u(0.012, 0.03),
        "bob": u(0.012, 0.03),
        "afro": u(0.05, 0.12),
    }[style]
    _add_cap(dresser, thick, rng)
    eye = body.charts.eye
    if style == "bun" and rng.random() < 0.7:
        centre = np.array([0, eye[1] + 0.2, eye[2] + u(-0.03, 0.12)])
        ball = ellipsoid(centre, np.array([0.045, 0.045, 0.04]) * u(0.7, 1.4))
        dresser.layers.append(rigid_layer(dresser, ball, "head", "hair", HAIR))
    if style in ("long", "bob"):
        _add_strands(dresser, u(0.12, 0.22) if style == "bob" else u(0.2, 0.52), 0.0 if style == "bob" else 0.55, rng)
    return style


def _add_cap(dresser: Dresser, thick: float, rng: np.random.Generator) -> None:
    u, body, model = rng.uniform, dresser.body, dresser.body.model
    eye, rest = body.charts.eye, body.rest
    up = np.clip((rest[:, 2] - eye[2] + 0.05) / 0.12, 0.15, 1)[:, None]
    cap = rest + body.normals * thick * up + np.array([0, 0, 0.3 * thick]) * up
    wave = np.sin(rest[:, 0] * 60) * np.sin(rest[:, 2] * 50) + 0.6 * np.sin(rest[:, 1] * 70 + rest[:, 2] * 40)
    clump = np.sin(rest[:, 0] * 210 + wave) * np.sin(rest[:, 2] * 160 + rest[:, 1] * 130)
    cap = cap + body.normals * (thick * 0.1 * wave + min(thick, 0.02) * 0.16 * clump)[:, None]
    keep = (model.neck > 0.3) & (rest[:, 2] > eye[2] - 0.16)
    values = {
        raster.C0: u(0.045, 0.078),
        raster.C1: u(-0.1, -0.06),
        raster.C2: eye[1] - 0.02,
        raster.C3: 0.2,
        raster.C4: u(-0.03, 0.02),
        raster.C5: u(-0.35, 0.25),
        raster.C6: eye[2],
    }
    attributes = dresser.attributes.copy()
    round_head = np.arctan2(rest[:, 0], -(rest[:, 1] - eye[1] - 0.08))
    attributes[:, raster.TEX_U], attributes[:, raster.TEX_V] = round_head * 0.1, rest[:, 2] + rest[:, 1]
    dresser.layers.append(
        Layer(
            "hair",
            dresser.pose.points(cap),
            model.faces[keep[model.faces].all(1)],
            attributes,
            parameters(raster.CAP, values),
            HAIR,
            order=6,
        )
    )


def _add_strands(dresser: Dresser, length: float, forward: float, rng: np.random.Generator) -> None:
    """A curtain of strands, `length` metres long, outside what is worn.

    Each side falls before its shoulder with a chance of `forward`, else behind it.
    """
    u, body = rng.uniform, dresser.body
    eye = body.charts.eye
    head = dresser.pose.bones[body.model.bone["head"]]
    centre = head[:, :3] @ np.array([0, eye[1] + 0.085, eye[2]]) + head[:, 3]
    ahead = head[:, :3] @ np.array([0, -1.0, 0])
    yaw = np.arctan2(ahead[0], -ahead[1])
    half = u(0.45, 0.85)  # the face stays free
    angles = np.linspace(half, 2 * np.pi - half, _AROUND)
    heights = np.linspace(centre[2] + 0.03, centre[2] - length, _DOWN)
    thick, spread, phase = u(0.008, 0.03), u(-0.02, 0.06), u(0, 6, 3)
    fall = (heights[0] - heights)[:, None]
    radius = 0.082 + 0.03 * np.abs(np.cos(angles)) + thick + spread * fall - 0.03 * np.maximum(0, 1 - fall / 0.07)
    radius = (
        radius + 0.006 * np.sin(angles * 7 + phase[0]) + 0.006 * np.sin(heights[:, None] * 25 + angles * 3 + phase[1])
    )
    strands = np.stack(
        [
            centre[0] + np.sin(angles + yaw) * radius * 0.92,
            centre[1] - np.cos(angles + yaw) * radius,
            np.repeat(heights[:, None], _AROUND, 1),
        ],
        -1,
    )
    _lay_over_clothes(dresser, strands, centre, angles, half, rng.random(2) < forward)
    for _ in range(2):
        strands[1:-1] = (strands[:-2] + 2 * strands[1:-1] + strands[2:]) / 4
    strands[-1, :, 2] += u(0, 0.04) * np.sin(angles * 5 + phase[2])
    attributes = np.zeros((_DOWN * _AROUND, raster.ATTRIBUTES), np.float32)
    attributes[:, raster.TEX_U] = np.tile(angles * 0.1, _DOWN)
    attributes[:, raster.TEX_V] = strands[..., 2].reshape(-1)
    dresser.layers.append(
        Layer(
            "hair",
            strands.reshape(-1, 3).astype(np.float32),
            grid_faces(_DOWN, _AROUND),
            attributes,
            parameters(raster.MESH),
            HAIR,
            order=6,
        )
    )


def _lay_over_clothes(
    dresser: Dresser, strands: np.ndarray, centre: np.ndarray, angles: np.ndarray, half: float, before: np.ndarray
) -> None:
    """Push strands out of what is worn, in place: to the chest's front or to the back."""
    cloth = np.concatenate([layer.points for layer in dresser.layers if layer.name == "body" or layer.on_body])
    cloth = cloth[(cloth[:, 2] < centre[2] - 0.1) & (np.abs(cloth[:, 0] - centre[0]) < 0.25)]
    side = np.where(angles < np.pi, 0, 1)
    edge = np.minimum(angles - half, 2 * np.pi - half - angles)
    to_front = before[side] & (edge < 0.9)
    for i in range(len(strands)):
        slab = cloth[np.abs(cloth[:, 2] - strands[i, 0, 2]) < 0.025]
        if len(slab) < 3:
            continue
        near = np.abs(slab[:, 0][None] - strands[i, :, 0][:, None]) < 0.03
        low = np.where(near, slab[:, 1][None], np.inf).min(1)
        high = np.where(near, slab[:, 1][None], -np.inf).max(1)
        touched = near.any(1)
        forward = np.minimum(strands[i, :, 1], low - 0.012 - 0.01 * np.sin(edge * 3))
        back = np.maximum(strands[i, :, 1], high + 0.012)
        strands[i, :, 1] = np.where(touched, np.where(to_front, forward, back), strands[i, :, 1])
