"""What is drawn on top of cloth and skin in the photo: faces, hems, seams, ties, belts, straps, soles."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.colours import garment_colour
from ragdiffusion.garments.people.labels import OTHER
from ragdiffusion.garments.people.pixels import Pixels
from ragdiffusion.garments.people.wardrobe import Garment


def paint_face(px: Pixels, body: Body, rng: np.random.Generator) -> None:
    """Brows, eyes, lips, cheeks, beard."""
    u, eye = rng.uniform, body.charts.eye
    head = (px.which == 0) & (px.attributes[..., raster.HEAD] > 0.5)
    left, top, width, height = cv2.boundingRect(head.astype(np.uint8))
    if width == 0:
        return
    box = (slice(top, top + height), slice(left, left + width))
    at, colour = px.attributes[box], px.colour[box]
    x, z = np.abs(at[..., 0]), at[..., 2]
    face = head[box] & (at[..., 1] < eye[1] + 0.03)
    up = z - eye[2]
    if not body.female and rng.random() < 0.4:
        beard = face & (up < -0.035 - 0.01 * np.cos(x * 60)) & ~((x < 0.026) & (np.abs(up + 0.068) < 0.008))
        colour[beard] = colour[beard] * u(0.3, 0.7) + 8
    brow = face & (np.abs(up - 0.021 + 0.15 * np.abs(x - eye[0])) < 0.0045) & (np.abs(x - eye[0]) < 0.022)
    colour[brow] *= u(0.25, 0.7)
    lips = face & ((x / 0.026) ** 2 + ((up + 0.068) / 0.009) ** 2 < 1)
    colour[lips] = colour[lips] * 0.55 + np.array([u(120, 190), 60, 70]) * 0.45
    distance = np.hypot(x - eye[0], up * 1.6)
    colour[face & (distance < 0.0135)] = 190 * u(0.6, 1)
    colour[face & (distance < 0.0085)] = 30
    colour[face & (distance > 0.0125) & (distance < 0.016)] *= 0.5
    colour[face & (np.hypot(x - 0.035, up + 0.045) < 0.02)] *= np.array([1.03, 0.95, 0.93])
    if rng.random() < 0.12:
        frame = face & (np.abs(np.hypot((x - eye[0]) / 1.25, up + 0.003) - 0.021) < max(0.002, px.size))
        colour[frame] = 25 if rng.random() < 0.7 else garment_colour(rng)


def paint_edges(px: Pixels, rng: np.random.Generator) -> None:
    """The thickness of cloth: a darker rim along the edges that it is cut by."""
    for i, layer in enumerate(px.layers):
        if layer.garment >= 0 and layer.on_body:
            px.colour[(px.which == i) & (px.inside < px.size * 0.8)] *= rng.uniform(0.7, 0.95)


def paint_front(px: Pixels, garments: list[Garment], rng: np.random.Generator) -> None:
    """Ties and belts."""
    for i, layer in enumerate(px.layers):
        if layer.garment < 0 or layer.name == "collar":
            continue
        garment, mine = garments[layer.garment], px.which == i
        if garment.tie:
            _tie(px, mine & px.front & (px.attributes[..., raster.ARM] < 0.05), garment, rng)
        if garment.belt:
            _belt(px, mine, garment, rng)


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


def paint_strap(px: Pixels, rng: np.random.Generator) -> None:
    """Now and then the strap of a bag, over one shoulder, straight down or across the chest."""
    if rng.random() > 0.08:
        return
    u, side = rng.uniform, float(rng.choice([-1, 1]))
    trunk = np.array([i for i, layer in enumerate(px.layers) if (layer.garment >= 0 or i == 0)])
    on = np.isin(px.which, trunk) & px.front & (px.attributes[..., raster.ARM] < 0.06)
    top, slope = side * u(8, 13), side * (u(0.35, 0.6) if rng.random() < 0.6 else u(-0.08, 0.1))
    half = u(0.5, 2)
    strap = on & (np.abs(px.across - top + slope * px.down) < half) & (px.down > -3) & (px.down < u(45, 70))
    colour = garment_colour(rng)
    px.colour[strap] = colour
    px.label[strap] = OTHER


def paint_shoes(px: Pixels, body: Body, rng: np.random.Generator) -> None:
    """Soles and toe caps."""
    u, low = rng.uniform, body.rest[:, 2].min()
    sole, ink = u(0.012, 0.035) * (rng.random() < 0.6), garment_colour(rng)
    toes = body.rest[body.model.feet > 0.5, 1].min() + u(0.03, 0.06) * (rng.random() < 0.3)
    for i, layer in enumerate(px.layers):
        if layer.name == "shoes" and layer.on_body:
            mine = px.which == i
            px.colour[mine & (px.attributes[..., 1] < toes)] *= 0.7
            px.colour[mine & (px.attributes[..., 2] < low + sole)] = ink
