"""What is drawn on top of cloth and skin in the photo: faces, hems, seams, ties, belts, straps, soles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.colours import garment_colour
from ragdiffusion.garments.people.labels import OTHER
from ragdiffusion.garments.people.layers import Layer
from ragdiffusion.garments.people.wardrobe import Garment


@dataclass
class Pixels:
    """Everything known of each pixel of a shot while it is painted; `colour` and `label` are changed in place.

    Attributes:
        colour: float32 (H, W, 3).
        label: uint8 (H, W).
        attributes: (H, W, raster.ATTRIBUTES).
        which: (H, W), layer or -1.
        inside: (H, W), metres to the edge of the material.
        front: (H, W), bool.
        across: (H, W), block frame, cm.
        down: (H, W), block frame, cm.
        size: metres per pixel.
    """

    colour: np.ndarray
    label: np.ndarray
    attributes: np.ndarray
    which: np.ndarray
    inside: np.ndarray
    front: np.ndarray
    across: np.ndarray
    down: np.ndarray
    size: float


def paint_face(px: Pixels, body: Body, rng: np.random.Generator) -> None:
    """Brows, eyes, lips, cheeks, beard."""
    u, at = rng.uniform, px.attributes
    x, z, eye = np.abs(at[..., 0]), at[..., 2], body.charts.eye
    face = (px.which == 0) & (at[..., raster.HEAD] > 0.5) & (at[..., 1] < eye[1] + 0.03)
    if not face.any():
        return
    up = z - eye[2]
    if not body.female and rng.random() < 0.4:
        beard = face & (up < -0.035 - 0.01 * np.cos(x * 60)) & ~((x < 0.026) & (np.abs(up + 0.068) < 0.008))
        px.colour[beard] = px.colour[beard] * u(0.3, 0.7) + 8
    brow = face & (np.abs(up - 0.021 + 0.15 * np.abs(x - eye[0])) < 0.0045) & (np.abs(x - eye[0]) < 0.022)
    px.colour[brow] *= u(0.25, 0.7)
    lips = face & ((x / 0.026) ** 2 + ((up + 0.068) / 0.009) ** 2 < 1)
    px.colour[lips] = px.colour[lips] * 0.55 + np.array([u(120, 190), 60, 70]) * 0.45
    distance = np.hypot(x - eye[0], up * 1.6)
    px.colour[face & (distance < 0.0135)] = 190 * u(0.6, 1)
    px.colour[face & (distance < 0.0085)] = 30
    px.colour[face & (distance > 0.0125) & (distance < 0.016)] *= 0.5
    px.colour[face & (np.hypot(x - 0.035, up + 0.045) < 0.02)] *= np.array([1.03, 0.95, 0.93])
    if rng.random() < 0.12:
        frame = face & (np.abs(np.hypot((x - eye[0]) / 1.25, up + 0.003) - 0.021) < max(0.002, px.size))
        px.colour[frame] = 25 if rng.random() < 0.7 else garment_colour(rng)


def paint_edges(px: Pixels, layers: list[Layer], rng: np.random.Generator) -> None:
    """Hem bands and seams along the edges of garments cut out of the body's surface."""
    u = rng.uniform
    for i, layer in enumerate(layers):
        if layer.garment < 0 or not layer.on_body:
            continue
        mine = px.which == i
        if rng.random() < 0.6:
            band = mine & (px.inside < u(0.006, 0.03))
            if rng.random() < 0.8:
                px.colour[band] *= u(0.75, 1.12)
            else:
                px.colour[band] = garment_colour(rng)
        if rng.random() < 0.7:
            px.colour[mine & (np.abs(px.inside - u(0.012, 0.025)) < max(0.0012, px.size * 0.5))] *= u(0.6, 0.95)
        px.colour[mine & (px.inside < px.size * 0.8)] *= u(0.7, 0.95)


def paint_front(px: Pixels, layers: list[Layer], garments: list[Garment], rng: np.random.Generator) -> None:
    """Plackets with buttons, zips, lapels, ties, belts."""
    for i, layer in enumerate(layers):
        if layer.garment < 0:
            continue
        garment = garments[layer.garment]
        mine = (px.which == i) & px.front & (px.attributes[..., raster.ARM] < 0.05)
        if not mine.any():
            continue
        if garment.front in ("buttons", "zip", "polo"):
            _placket(px, mine, garment, rng)
        if garment.collar == "lapel":
            _lapels(px, mine, garment, rng)
        if garment.tie:
            _tie(px, mine, garment, rng)
        if garment.belt:
            _belt(px, px.which == i, garment, rng)
        if garment.upper == "waist" and garment.leg > -5:
            _trouser_front(px, mine, layer, rng)


def _placket(px: Pixels, mine: np.ndarray, garment: Garment, rng: np.random.Generator) -> None:
    u, x = rng.uniform, px.across
    low = garment.measures.get("neck_drop_front", 8)
    high = low + 14 if garment.front == "polo" else 300
    span = mine & (px.down > low - 1) & (px.down < high)
    if garment.gap is None or garment.gap[1] < 0:
        edge, width = u(-0.5, 2), max(0.12, px.size * 60)
        if garment.front == "zip":
            px.colour[span & (np.abs(x) < 0.6)] *= u(0.5, 1.3)
            px.colour[span & (np.abs(x) < 0.25)] = u(120, 210)
            return
        px.colour[span & (np.abs(x - edge) < width)] *= u(0.45, 0.9)
    else:
        edge = garment.gap[0] / 2 + 0.5
    if garment.front != "zip":
        step, colour = u(6, 11), garment_colour(rng)
        buttons = span & (np.hypot(x - edge - 1.2, (px.down % step) - step / 2) < max(0.55, px.size * 70))
        px.colour[buttons] = colour


def _lapels(px: Pixels, mine: np.ndarray, garment: Garment, rng: np.random.Generator) -> None:
    """Turned-back fronts beside the neck opening, with a notch."""
    u, m = rng.uniform, garment.measures
    drop, wide = m.get("neck_drop_front", 24), m.get("neck_width", 16) / 2
    t = np.clip(px.down / drop, 0, 1)
    inner = wide * (1 - t)
    if garment.gap is not None and garment.gap[1] > 0:
        inner = np.maximum(inner, 0.5 * (garment.gap[1] * (1 - t) + garment.gap[0] * t))
    breadth = u(4.5, 8.5) * np.clip(t * 2.2, 0, 1) * np.clip((1 - t) * 3.5, 0, 1)
    off = np.abs(px.across) - inner
    lapel = mine & (off < breadth) & (px.down < drop)
    px.colour[lapel] *= u(0.92, 1.12) if rng.random() < 0.85 else u(0.4, 0.7)
    rim = mine & (np.abs(off - breadth) < max(0.25, px.size * 70)) & (px.down < drop) & (breadth > 0.3)
    px.colour[rim] *= u(0.45, 0.75)
    notch = mine & (off > breadth * 0.55) & (off < breadth + 0.5) & (np.abs(px.down - drop * u(0.22, 0.32)) < max(0.3, px.size * 70))
    px.colour[notch] *= 0.5


def _tie(px: Pixels, mine: np.ndarray, garment: Garment, rng: np.random.Generator) -> None:
    u = rng.uniform
    top, end = garment.measures.get("neck_drop_front", 4) - 1.5, u(40, 52)
    t = (px.down - top) / (end - top)
    width = np.where(px.down < top + 4, 2.0 - 0.15 * (px.down - top), 1.3 + 2.8 * np.clip(t, 0, 1))
    width = np.where(t > 0.94, width * np.clip((1 - t) / 0.06, 0, 1), width)
    tie = mine & (px.down > top) & (t < 1) & (np.abs(px.across + 0.4 * np.sin(t * 3)) < width)
    colour = garment_colour(rng)
    px.colour[tie] = colour
    if rng.random() < 0.5:
        stripe = tie & (((px.down + px.across) % u(2, 5)) < u(0.5, 1.5))
        px.colour[stripe] = garment_colour(rng)
    px.colour[tie & (np.abs(np.abs(px.across) - width) < max(0.2, px.size * 50))] *= 0.7
    px.label[tie] = OTHER


def _belt(px: Pixels, mine: np.ndarray, garment: Garment, rng: np.random.Generator) -> None:
    u = rng.uniform
    level = garment.top_y + u(1.8, 2.6) if garment.top_y is not None else garment.skirt_y or 45
    half = u(1.2, 2.2)
    belt = mine & (np.abs(px.down - level) < half)
    px.colour[belt] = np.array([28, 22, 20]) if rng.random() < 0.5 else garment_colour(rng)
    buckle = belt & px.front & (np.abs(px.across) < 2) & (np.abs(np.abs(px.across) - 1.6) < 0.5)
    px.colour[buckle] = np.array([200, 190, 150])
    px.label[belt] = OTHER


def _trouser_front(px: Pixels, mine: np.ndarray, layer: Layer, rng: np.random.Generator) -> None:
    u, x = rng.uniform, px.across
    depth = px.down - (layer.parameters[raster.NECK_Z] - layer.parameters[raster.TOP_Z]) * 100
    line = max(0.12, px.size * 60)
    if rng.random() < 0.8:
        px.colour[mine & (np.abs(x) < line) & (depth > 0) & (depth < 18)] *= u(0.5, 0.9)
        px.colour[mine & (np.abs(depth - u(3, 4.5)) < line)] *= u(0.55, 0.9)
        pocket = np.abs((np.abs(x) - 13) * 1.1 + (6 - depth) * 0.75)
        px.colour[mine & (pocket < line * 1.4) & (depth > 4) & (depth < 17)] *= u(0.4, 0.9)


def paint_strap(px: Pixels, layers: list[Layer], rng: np.random.Generator) -> None:
    """Now and then the strap of a bag, over one shoulder, straight down or across the chest."""
    if rng.random() > 0.08:
        return
    u, side = rng.uniform, float(rng.choice([-1, 1]))
    trunk = np.array([i for i, layer in enumerate(layers) if (layer.garment >= 0 or i == 0)])
    on = np.isin(px.which, trunk) & px.front & (px.attributes[..., raster.ARM] < 0.06)
    top, slope = side * u(8, 13), side * (u(0.35, 0.6) if rng.random() < 0.6 else u(-0.08, 0.1))
    half = u(0.5, 2)
    strap = on & (np.abs(px.across - top + slope * px.down) < half) & (px.down > -3) & (px.down < u(45, 70))
    colour = garment_colour(rng)
    px.colour[strap] = colour
    px.label[strap] = OTHER


def paint_shoes(px: Pixels, layers: list[Layer], body: Body, rng: np.random.Generator) -> None:
    """Soles, and the openings of sandals and pumps through which the foot shows."""
    u = rng.uniform
    for i, layer in enumerate(layers):
        if layer.name != "shoes":
            continue
        mine, z = px.which == i, px.attributes[..., 2]
        low = body.rest[:, 2].min()
        if rng.random() < 0.6:
            px.colour[mine & (z < low + u(0.015, 0.035))] = garment_colour(rng)
        if rng.random() < 0.3:
            px.colour[mine & (np.abs(px.attributes[..., 0]) % 0.02 < 0.004) & (z > low + 0.05)] *= 0.6
