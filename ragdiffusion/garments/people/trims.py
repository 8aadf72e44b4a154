"""Seams, bands, plackets, lapels, pockets and buttons, drawn on a garment's sheet where its pattern has them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.colours import garment_colour
from ragdiffusion.garments.people.wardrobe import Garment

_SUBPIXEL = 4
_ENDS = ("neckline_front", "cuff_left", "cuff_right")
_HIDDEN = ("neckline_back", "neckline_front", "hood_opening", "waist_edge")


class Trimmer:
    """Draws on one sheet.

    Args:
        sheet: uint8 (S, S, 3) RGB, changed in place.
        scale: pixels per cm.
        origin: (x, y), pixel of the flat frame's origin.
    """

    def __init__(self, sheet: np.ndarray, scale: float, origin: tuple[float, float]) -> None:
        self._sheet, self._scale, self._origin = sheet, scale, np.array(origin)

    def _pixels(self, path: np.ndarray) -> np.ndarray:
        return np.round((path * self._scale + self._origin) * 2**_SUBPIXEL).astype(np.int32)

    def dim(self, path: np.ndarray, width: float, gain: float) -> None:
        """Multiply the colours along a path (N, 2), cm, by `gain`; `width` in cm."""
        self._blend(self._stroke(path, width), lambda pixels: pixels * gain)

    def tint(self, path: np.ndarray, width: float, colour: np.ndarray) -> None:
        """Paint along a path."""
        self._blend(self._stroke(path, width), lambda pixels: np.broadcast_to(colour, pixels.shape))

    def fill(self, polygon: np.ndarray, gain: float) -> None:
        """Multiply the colours inside a polygon (N, 2), cm."""
        mask = np.zeros(self._sheet.shape[:2], np.uint8)
        cv2.fillPoly(mask, [self._pixels(polygon)], 255, cv2.LINE_AA, _SUBPIXEL)
        self._blend(mask, lambda pixels: pixels * gain)

    def dot(self, place: np.ndarray, radius: float, colour: np.ndarray) -> None:
        """A button."""
        x, y = (int(v) for v in self._pixels(place))
        ink = tuple(int(v) for v in colour)
        cv2.circle(
            self._sheet, (x, y), max(1, int(radius * self._scale * 2**_SUBPIXEL)), ink, -1, cv2.LINE_AA, _SUBPIXEL
        )

    def _stroke(self, path: np.ndarray, width: float) -> np.ndarray:
        mask = np.zeros(self._sheet.shape[:2], np.uint8)
        cv2.polylines(
            mask, [self._pixels(path)], False, 255, max(1, round(width * self._scale)), cv2.LINE_AA, _SUBPIXEL
        )
        return mask

    def _blend(self, mask: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> None:
        rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
        if not len(rows):
            return
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        old, weight = self._sheet[box].astype(np.float32), mask[box][..., None].astype(np.float32) / 255
        self._sheet[box] = np.clip(old + (change(old) - old) * weight, 0, 255).astype(np.uint8)


def trim(
    sheet: np.ndarray,
    garment: Garment,
    pattern: Pattern,
    scale: float,
    origin: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Draw what a garment of its kind has, on its sheet, in place."""
    u, pen = rng.uniform, Trimmer(sheet, scale, origin)
    lines = {name: path.polygon(0.1) for name, path in pattern.lines.items()}
    _bands(pen, pattern, lines, rng)
    for name, path in lines.items():
        if name in _HIDDEN or name.startswith(("cuff", "lapel", "placket")):
            continue
        pen.dim(path, 0.3, u(0.55, 0.85))
    _lapels(pen, lines, rng)
    if "placket" in lines:
        _placket(pen, garment, lines, rng)


def _bands(pen: Trimmer, pattern: Pattern, lines: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Ribs and hems along the free edges."""
    u = rng.uniform
    bottoms = [
        panel.bottom.polygon(0.2)
        for name, panel in pattern.parts.items()
        if name.startswith(("skirt", "leg")) or name == "body" and not {"skirt", "leg_left"} & set(pattern.parts)
    ]
    edges = [lines[name] for name in _ENDS if name in lines] + bottoms
    k = rng.random()
    if k < 0.35:  # a stitched hem
        gain = u(0.6, 0.9)
        for edge in edges:
            pen.dim(edge, u(0.4, 0.9), gain)
            pen.dim(edge + [0, -2.0] if edge is not lines.get("neckline_front") else edge + [0, 1.6], 0.2, gain)
    elif k < 0.7:
        gain, width = u(0.75, 1.12), u(2, 5)
        for edge in edges:
            pen.dim(edge, width, gain)
    elif k < 0.85:
        colour, width = garment_colour(rng), u(1, 4)
        for edge in edges:
            pen.tint(edge, width, colour)


def _lapels(pen: Trimmer, lines: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    gain, rim = rng.uniform(0.9, 1.12), rng.uniform(0.45, 0.75)
    if rng.random() < 0.12:
        gain = rng.uniform(0.3, 0.6)
    for name in ("lapel_left", "lapel_right"):
        if name in lines:
            path = lines[name]
            pen.fill(np.concatenate([path, [[0.0, path[0, 1]]]]), gain)
            pen.dim(path, 0.45, rim)


def _placket(pen: Trimmer, garment: Garment, lines: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    u, path = rng.uniform, lines["placket"]
    top, bottom = path[:, 1].min(), path[:, 1].max()
    if garment.front == "zip":
        pen.dim(path, 1.4, u(0.5, 1.2))
        pen.tint(path, 0.5, np.full(3, u(110, 210)))
        return
    pen.dim(path, 0.3, u(0.5, 0.85))
    step, colour = u(6, 11), garment_colour(rng) if rng.random() < 0.6 else np.full(3, u(20, 240))
    for y in np.arange(top + u(1, 3), bottom - 1, step):
        pen.dot(np.array([0.0, y]), u(0.45, 0.75), colour)
