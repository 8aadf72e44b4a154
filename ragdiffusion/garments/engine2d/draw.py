"""Flat-lay rendering: a structure and a texture become a picture on white with its exact silhouette."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.attributes import caption
from ragdiffusion.garments.engine2d import fields
from ragdiffusion.garments.engine2d.prints import draw_graphic, print_tile
from ragdiffusion.garments.engine2d.structure import Piece, Structure
from ragdiffusion.garments.engine2d.texture import GRAPHICS, Texture


@dataclass(frozen=True)
class DrawnFlatLay:
    """A garment laid flat, in the canonical frame.

    Attributes:
        image: uint8 (S, S, 3) RGB on white.
        silhouette: uint8 (S, S), antialiased, 255 inside.
        cloth: uint8 (S, S, 3) RGB, before it is cut out: colours run on beyond the silhouette.
        attributes: all 14 of Table 6, "Unknown" where the garment does not say.
        caption: one sentence made of the attributes.
        structure, texture: what was drawn.
    """

    image: np.ndarray
    silhouette: np.ndarray
    cloth: np.ndarray
    attributes: dict[str, str]
    caption: str
    structure: Structure
    texture: Texture


def to_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """Canonical coordinates -> pixels of a frame of side `size`, pixel centres at whole numbers."""
    return (np.asarray(points) + 1) * (size / 2) - 0.5


def fill(image: np.ndarray, points: np.ndarray, colour: float | tuple) -> None:
    """Fill a polygon given in pixels, antialiased, in place."""
    cv2.fillPoly(image, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def coverage(polygons: list[np.ndarray], size: int) -> np.ndarray:
    """Area coverage of a union of canonical polygons, uint8 [size, size]: 16 samples a pixel."""
    fine = np.zeros((size * 4, size * 4), np.uint8)
    for polygon in polygons:
        points = np.round(to_pixels(polygon, size * 4) * 16).astype(np.int32)
        cv2.fillPoly(fine, [points], 255, cv2.LINE_8, 4)
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def attributes_of(structure: Structure, texture: Texture) -> dict[str, str]:
    """All 14 attributes of Table 6 of a garment that lies flat."""
    return {
        "category": structure.category,
        "fit": structure.fit,
        "collar": structure.collar,
        "sleeve_length": structure.sleeve_length,
        "fabric": texture.fabric,
        "print": texture.print,
        "surface_texture": structure.surface,
        "age": structure.age,
        "gender": structure.gender,
        "length": structure.length,
        "with_inner_wear": "No",
        "sleeves_rolled_up": "No",
        "top_open": structure.top_open,
        "top_tuck_in": "No",
    }


def draw_silhouette(structure: Structure, size: int) -> np.ndarray:
    """Antialiased silhouette of a garment laid flat, uint8 [size, size], 255 inside."""
    return coverage([p.polygon for p in structure.pieces if p.outline], size)


def draw_flat_lay(structure: Structure, texture: Texture, size: int) -> DrawnFlatLay:
    """Render a garment.

    Args:
        structure, texture: what to draw.
        size: side of the picture, pixels.
    """
    silhouette = draw_silhouette(structure, size)
    cloth = np.empty((size, size, 3), np.uint8)
    cloth[:] = texture.colours["main"]
    light = np.ones((size, size), np.float32)
    tile = print_tile(texture, size)
    for piece in structure.pieces:
        _paint(cloth, light, piece, texture, tile, size)
    _details(cloth, structure, texture, size)
    _shade(light, silhouette, structure, texture, size)
    lit = cv2.multiply(cloth, cv2.merge([light] * 3), dtype=cv2.CV_32F)
    sheen = cv2.max(light - 1, 0.0) * (160 * texture.gloss)
    cv2.add(lit, cv2.merge([sheen] * 3), dst=lit)
    cloth = cv2.convertScaleAbs(lit)
    weight = cv2.merge([silhouette] * 3)
    image = cv2.add(cv2.multiply(cloth, weight, scale=1 / 255), 255 - weight)
    facts = attributes_of(structure, texture)
    return DrawnFlatLay(image, silhouette, cloth, facts, caption(facts), structure, texture)


def _box(points: np.ndarray, size: int, pad: int) -> tuple[slice, slice] | None:
    low = np.clip(np.floor(points.min(0)).astype(int) - pad, 0, size)
    high = np.clip(np.ceil(points.max(0)).astype(int) + pad + 1, 0, size)
    return None if (high <= low).any() else (slice(low[1], high[1]), slice(low[0], high[0]))


def _paint(
    cloth: np.ndarray, light: np.ndarray, piece: Piece, texture: Texture, tile: np.ndarray | None, size: int
) -> None:
    """Lay one piece on the cloth: its colour or print, the shadow at its edge, its seam."""
    points = to_pixels(piece.polygon, size)
    unit = size / 256
    pad = int(np.ceil(4 * unit))
    box = _box(points, size, pad)
    if box is None:
        return
    offset = np.array([box[1].start, box[0].start])
    view, shade = cloth[box], light[box]
    mask = np.zeros(view.shape[:2], np.uint8)
    fill(mask, points - offset, 255)
    patterned = (
        tile is not None and piece.colour in ("main", "sleeve") and not (piece.name.startswith(("string", "binding")))
    )
    if piece.name != "body" and not (piece.colour == "main" and not patterned and piece.angle == 0):
        if patterned:
            source = tile[box] if piece.angle == 0 else _turned_tile(tile, piece, offset, view.shape, size)
        else:
            source = None
        _blend(view, mask, source, texture.colours[piece.colour])
    elif piece.name == "body" and tile is not None:
        view[:] = tile[box]
    if piece.name == "body":
        shade *= 1 + texture.weave_strength * fields.weave(texture.weave, size, texture.seed % 4)[box]
        return
    # The edge of a piece that lies on another throws a soft line of shadow; its own rim catches light.
    strength = 0.34 if piece.name in ("slit", "fly") else 0.2 if not piece.name.startswith("sleeve") else 0.24
    rim = cv2.GaussianBlur(mask, (0, 0), 1.1 * unit)
    inside = mask.astype(np.float32) * (1 / 255)
    edge = rim.astype(np.float32) * (1 / 255)
    edge *= 1 - edge
    shade *= 1 - strength * 4 * edge * 0.7
    if piece.colour == "inside":
        low = float(points[:, 1].max() - points[:, 1].min()) + 1
        fall = np.linspace(0.55, 1.0, view.shape[0], dtype=np.float32)[:, None] if low > 6 else np.float32(0.8)
        shade *= 1 - inside * (1 - fall)
    elif piece.colour == "trim":
        _ribs(shade, inside, points, unit)
    if texture.stitch and piece.name in (
        "pocket",
        "flap",
        "waistband",
        "collar_l",
        "collar_r",
        "cuff_l",
        "cuff_r",
    ):
        centre = points.mean(0)
        run = centre + (points - centre) * 0.9 - offset
        cv2.polylines(view, [np.round(run * 16).astype(np.int32)], True, texture.stitch, 1, cv2.LINE_AA, 4)


def _turned_tile(tile: np.ndarray, piece: Piece, offset: np.ndarray, shape: tuple, size: int) -> np.ndarray:
    c, s = np.cos(piece.angle), np.sin(piece.angle)
    pivot = to_pixels(piece.polygon.mean(0), size) - offset
    rotation = np.array([[c, -s], [s, c]])
    matrix = np.concatenate([rotation, (pivot - rotation @ np.full(2, size / 2))[:, None]], axis=1)
    return cv2.warpAffine(tile, matrix, (shape[1], shape[0]), borderMode=cv2.BORDER_WRAP)


def _blend(view: np.ndarray, mask: np.ndarray, source: np.ndarray | None, colour: tuple) -> None:
    """Put `source` (or a colour) where the mask is, in place."""
    weight = cv2.merge([mask] * 3)
    if source is None:
        source = np.empty_like(view)
        source[:] = colour
    over = cv2.multiply(source, weight, scale=1 / 255)
    under = cv2.multiply(view, 255 - weight, scale=1 / 255)
    cv2.add(over, under, dst=view)


def _ribs(shade: np.ndarray, inside: np.ndarray, points: np.ndarray, unit: float) -> None:
    """Ribbing of a band: fine ridges across its longer side, in place."""
    _, _, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
    x, y = fields.grid(max(shade.shape))
    height, width = shade.shape
    along = x[:height, :width] * float(axes[0, 0]) + y[:height, :width] * float(axes[0, 1])
    shade *= 1 + 0.1 * inside * np.sin(along * np.float32(2 * np.pi / (3.1 * unit)))


def _details(cloth: np.ndarray, structure: Structure, texture: Texture, size: int) -> None:
    """Colour blocks, graphics, plackets, buttons, zips, in place."""
    marks = {k: to_pixels(v, size) for k, v in structure.landmarks.items()}
    unit = size / 256
    main = texture.colours["main"]
    rng = np.random.default_rng(texture.seed + 1)
    if texture.print == "Color Block":
        _colour_block(cloth, structure, texture, marks, size, rng)
    if texture.print in GRAPHICS:
        wide = 0.5 * np.hypot(
            *(marks.get("armpit_r", np.array([0.8, 0]) * size) - marks.get("armpit_l", np.array([0.4, 0]) * size))
        )
        top, low = marks["front_neck"], marks.get("hem_centre", marks["front_neck"] + [0, size * 0.5])
        draw_graphic(cloth, texture, top + (low - top) * rng.uniform(0.28, 0.45), wide * rng.uniform(0.6, 1.25))
    if structure.front == "none" or "hem_centre" not in marks:
        return
    top, low = marks["front_neck"], marks["hem_centre"]
    dark = tuple(int(c * 0.62) for c in main)
    if structure.front == "polo":
        low = top + (low - top) * 0.24
    down = low - top
    side = np.array([1.0, 0.0]) * (4.2 if structure.front != "zip" else 1.4) * unit

    def line(a: np.ndarray, b: np.ndarray, colour: tuple, width: float) -> None:
        n = np.array([-(b - a)[1], (b - a)[0]])
        n = n / max(np.hypot(*n), 1e-6) * width / 2
        fill(cloth, np.stack([a + n, b + n, b - n, a - n]), colour)

    if structure.front == "wrap":
        line(top, low + side * 3, dark, 1.4 * unit)
        belt = marks["waist"]
        half = abs(float(marks["armpit_r"][0] - belt[0]))
        fill(cloth, belt + np.array([[-half, -3], [half, -3], [half, 3], [-half, 3]]) * [1, unit], dark)
        return
    line(top + side, low + side, dark, 0.9 * unit)
    line(top - side, low - side, dark, 0.7 * unit)
    if structure.front == "zip":
        line(top, low, texture.button, 1.5 * unit)
        line(
            top + [0, 2 * unit],
            top + [0, 8 * unit],
            tuple(min(c + 60, 255) for c in texture.button),
            2.4 * unit,
        )
        return
    count = 2 if structure.front == "polo" else int(rng.integers(3, 9))
    radius = rng.uniform(1.2, 2.4) * unit
    for k in range(count):
        at = top + down * ((k + 0.35) / count)
        t = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        ring = np.stack([np.cos(t), np.sin(t)], 1)
        fill(cloth, at + [0.4 * unit, 0.6 * unit] + ring * radius * 1.1, dark)
        fill(cloth, at + ring * radius, texture.button)


def _colour_block(
    cloth: np.ndarray,
    structure: Structure,
    texture: Texture,
    marks: dict,
    size: int,
    rng: np.random.Generator,
) -> None:
    body = structure.pieces[0].polygon
    mask = np.zeros((size, size), np.uint8)
    fill(mask, to_pixels(body, size), 255)
    for piece in structure.pieces:
        if piece.limb != "body" and structure.kind in ("top", "dress"):
            fill(mask, to_pixels(piece.polygon, size), 0)
    low, high = to_pixels(body, size)[:, 1].min(), to_pixels(body, size)[:, 1].max()
    cuts = low + (high - low) * np.sort(rng.uniform(0.25, 0.85, int(rng.integers(1, 4))))
    band = np.zeros((size, size), np.uint8)
    edges = [*cuts, size + 5]
    for k in range(0, len(cuts), 2):
        band[int(edges[k]) : int(edges[k + 1])] = 255
    _blend(cloth, cv2.min(mask, band), None, texture.colours["ink0"])


def _shade(light: np.ndarray, silhouette: np.ndarray, structure: Structure, texture: Texture, size: int) -> None:
    """Folds, quilting, pleats, washed middles and the roll of the edges, in place."""
    rng = np.random.default_rng(texture.seed + 2)
    fold = fields.folds(size, fields.pick(rng))
    if rng.random() < 0.5:
        fold = fold[:, ::-1]
    light *= 1 + texture.folds * fold + 0.05 * fields.noise(size, 3, fields.pick(rng))
    y = fields.grid(size)[1]
    x = fields.grid(size)[0]
    if structure.surface == "Quilted":
        period = size * rng.uniform(0.05, 0.09)
        wave = np.sin((y + 0.006 * size * fields.noise(size, 12, fields.pick(rng))) * np.float32(np.pi / period))
        light *= 0.72 + 0.42 * np.sqrt(np.abs(wave))
    elif (
        structure.surface == "Pleated"
        or structure.kind == "dress"
        and structure.landmarks["hem_r"][0] > 1.6 * abs(structure.landmarks["armpit_r"][0])
    ):
        top = float(to_pixels(structure.landmarks["waist"], size)[1])
        ray = (x - size / 2) / np.maximum(y - top + 0.5 * size, 0.1 * size)
        grow = np.clip((y - top) / (0.3 * size), 0, 1)
        light *= 1 + (0.16 * grow) * np.sin(
            ray * np.float32(rng.uniform(26, 48)) + fields.noise(size, 5, fields.pick(rng))
        )
    if texture.washed:
        soft = cv2.GaussianBlur(cv2.resize(silhouette, (64, 64), interpolation=cv2.INTER_AREA), (0, 0), 5)
        soft = cv2.resize(soft, (size, size)).astype(np.float32) * (1 / 255)
        light *= 1 + texture.washed * 0.35 * (soft - 0.6)
    rim = cv2.GaussianBlur(cv2.resize(silhouette, (128, 128), interpolation=cv2.INTER_AREA), (0, 0), 2.0)
    rim = cv2.resize(rim, (size, size)).astype(np.float32) * (1 / 255)
    light *= 0.70 + 0.32 * np.minimum(rim * 1.12, 1.0)
