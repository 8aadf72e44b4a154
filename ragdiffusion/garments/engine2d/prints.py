"""Prints of a synthetic garment: patterns all over, and graphics drawn once."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.engine2d.fields import noise, pick
from ragdiffusion.garments.engine2d.texture import Texture


def print_tile(texture: Texture, size: int) -> np.ndarray | None:
    """All-over print as a picture of cloth, uint8 [size, size, 3]; None for prints that are plain cloth."""
    draw = {
        "Striped": _stripes,
        "Linear": _stripes,
        "Plaid": _plaid,
        "Polka Dot": _motifs,
        "Floral": _motifs,
        "Heart": _motifs,
        "Star": _motifs,
        "Geometric": _geometric,
        "Camouflage": _camouflage,
        "Animal": _animal,
        "Tie-dye": _tie_dye,
        "Artistic": _camouflage,
    }.get(texture.print)
    return None if draw is None else draw(texture, size, np.random.default_rng(texture.seed))


def _inks(texture: Texture) -> np.ndarray:
    return np.float32([texture.colours[k] for k in ("main", "ink0", "ink1", "ink2")])


def _profile(rng: np.random.Generator, size: int, period: float, palette: np.ndarray, thin: bool) -> np.ndarray:
    """Colours across stripes, float32 [size, 3]: bands of a repeat, antialiased by a fourfold average."""
    bands = int(rng.integers(2, 6))
    cuts = np.sort(rng.uniform(0, 1, bands - 1)) if not thin else np.array([rng.uniform(0.6, 0.9)])
    order = np.concatenate([[0], rng.integers(1, min(len(palette), 3), len(cuts))])
    order[1::2] = np.maximum(order[1::2], 1)
    order[2::2] = 0
    at = (np.arange(size * 4) / (4 * period)) % 1
    return palette[order[np.searchsorted(cuts, at)]].reshape(size, 4, 3).mean(1)


def _turned(image: np.ndarray, angle: float) -> np.ndarray:
    if angle == 0:
        return image
    size = image.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), np.rad2deg(angle), 1)
    return cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_WRAP)


def _stripes(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    period = size * texture.scale * rng.uniform(0.03, 0.13)
    rows = _profile(rng, size, period, _inks(texture), texture.print == "Linear" or rng.random() < 0.4)
    image = np.repeat(rows[:, None].astype(np.uint8), size, axis=1)
    return np.ascontiguousarray(image.transpose(1, 0, 2)) if texture.turn else image


def _plaid(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    period = size * texture.scale * rng.uniform(0.07, 0.2)
    down = _profile(rng, size, period, _inks(texture), False)
    across = down if rng.random() < 0.6 else _profile(rng, size, period, _inks(texture), False)
    return _turned(((down[:, None] + across[None]) / 2).astype(np.uint8), texture.turn)


def _motif(
    image: np.ndarray, kind: str, centre: np.ndarray, r: float, inks: np.ndarray, rng: np.random.Generator
) -> None:
    def poly(points: np.ndarray, colour: np.ndarray) -> None:
        cv2.fillPoly(image, [np.round(points * 16).astype(np.int32)], tuple(float(c) for c in colour), cv2.LINE_AA, 4)

    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    if kind == "Polka Dot":
        poly(centre + r * np.stack([np.cos(t), np.sin(t)], 1), inks[1])
    elif kind == "Heart":
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        poly(centre + r / 14 * np.stack([x, y], 1), inks[int(rng.integers(1, 3))])
    elif kind == "Star":
        a = np.arange(10) * np.pi / 5 + rng.uniform(0, 1)
        poly(
            centre + (r * np.where(np.arange(10) % 2, 0.45, 1.1))[:, None] * np.stack([np.cos(a), np.sin(a)], 1),
            inks[int(rng.integers(1, 3))],
        )
    else:
        petals, turn = int(rng.integers(4, 8)), rng.uniform(0, 6)
        if rng.random() < 0.6:
            leaf = rng.uniform(0, 6)
            d = np.array([np.cos(leaf), np.sin(leaf)])
            n = np.array([-d[1], d[0]])
            poly(centre + r * np.stack([d * 0.3, d * 1.1 + n * 0.4, d * 1.9, d * 1.1 - n * 0.4]), inks[3])
        bloom = r * (0.72 + 0.38 * np.cos(petals * t + turn))
        poly(centre + bloom[:, None] * np.stack([np.cos(t), np.sin(t)], 1), inks[int(rng.integers(1, 3))])
        poly(centre + 0.28 * r * np.stack([np.cos(t), np.sin(t)], 1), inks[3])


def _motifs(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    """Motifs on a repeat that is tiled: rows of dots, or strewn flowers, hearts and stars."""
    inks = _inks(texture)
    repeats = int(np.clip(round(rng.integers(3, 7) / texture.scale), 2, 9))
    side = size // repeats + 1
    tile = np.full((side, side, 3), inks[0], np.uint8)
    if texture.print == "Polka Dot":
        spots, radius = [(0.25, 0.25), (0.75, 0.75)], rng.uniform(0.08, 0.2)
    else:
        spots, radius = [(x, y) for x, y in rng.random((int(rng.integers(2, 6)), 2))], rng.uniform(0.12, 0.22)
    for spot in spots:
        r = radius * side * rng.uniform(0.8, 1.2) if texture.print != "Polka Dot" else radius * side
        state = int(rng.integers(2**31))
        reach = 2 * r / side
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                at = np.array(spot) + (dx, dy)
                if (at > -reach).all() and (at < 1 + reach).all():
                    _motif(tile, texture.print, at * side, r, inks, np.random.default_rng(state))
    return np.tile(tile, (repeats, repeats, 1))[:size, :size]


def _geometric(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    repeats = int(np.clip(round(rng.integers(4, 10) / texture.scale), 3, 14))
    side = size // repeats + 1
    tile = np.full((side, side, 3), inks[0], np.uint8)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]]) * side
    shapes = {0: [[5, 6, 7, 8]], 1: [[0, 4, 3]], 2: [[0, 5, 4, 8], [4, 6, 2, 7]], 3: [[0, 1, 4]]}[int(rng.integers(4))]
    for k, ids in enumerate(shapes):
        points = [np.round(corners[ids] * 16).astype(np.int32)]
        cv2.fillPoly(tile, points, tuple(float(c) for c in inks[1 + k]), cv2.LINE_AA, 4)
    return np.tile(tile, (repeats, repeats, 1))[:size, :size]


def _camouflage(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    if texture.print == "Camouflage":
        greens = np.float32([[96, 98, 68], [58, 62, 44], [134, 122, 90], [40, 40, 36]])
        inks = greens * rng.uniform(0.8, 1.25) + (rng.uniform(-16, 16, 3) if rng.random() < 0.6 else 0)
    cells = int(np.clip(11 / texture.scale, 6, 20))
    label = np.zeros((size, size), np.intp)
    for k in (1, 2, 3):
        label[noise(size, cells + k, pick(rng)) + 0.4 * noise(size, 3 * cells, pick(rng)) > 0.55 + 0.15 * k] = k
    return cv2.GaussianBlur(np.clip(inks, 0, 255).astype(np.uint8)[label], (3, 3), 0)


def _animal(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    cells = int(np.clip(24 / texture.scale, 14, 36))
    field = noise(size, cells, pick(rng)) + 0.3 * noise(size, 36, pick(rng))
    base = np.float32([[206, 168, 116], [40, 30, 26], [150, 102, 58]]) * rng.uniform(0.8, 1.15)
    if rng.random() < 0.3:  # zebra
        label = (np.sin(3 * noise(size, 7, pick(rng)) + np.linspace(0, 70 / texture.scale, size)[:, None]) > 0).astype(
            int
        )
        return np.uint8([[236, 232, 226], [28, 26, 26]])[label]
    label = np.where(field > 1.0, 2, np.where(field > 0.45, 1, 0))
    return np.clip(base, 0, 255).astype(np.uint8)[label]


def _tie_dye(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    cx, cy = rng.uniform(-0.2, 0.2, 2)
    wave = np.hypot(x - cx, y - cy) * rng.uniform(14, 34) / texture.scale + 0.9 * noise(size, 9, pick(rng))
    if rng.random() < 0.5:
        wave = wave + np.arctan2(y - cy, x - cx) * int(rng.integers(1, 4))
    mix = (np.sin(wave) * 0.5 + 0.5)[..., None]
    other = (np.sin(wave * 0.5 + 1) * 0.5 + 0.5)[..., None]
    return (inks[1] * mix + (inks[2] * other + inks[0] * (1 - other)) * (1 - mix)).astype(np.uint8)


def draw_graphic(image: np.ndarray, texture: Texture, centre: np.ndarray, width: float) -> None:
    """Draw a logo, lettering or figure once, in place.

    Args:
        image: uint8 (S, S, 3), the cloth so far.
        texture: its print is one of `GRAPHICS`.
        centre: (x, y) in pixels. width: of the graphic, pixels.
    """
    rng = np.random.default_rng(texture.seed)
    inks = [tuple(int(c) for c in ink) for ink in _inks(texture)]
    if texture.print == "Character":
        for k in range(int(rng.integers(3, 8))):
            r = width * rng.uniform(0.08, 0.34)
            at = centre + rng.uniform(-0.28, 0.28, 2) * width
            sides = int(rng.integers(3, 16))
            a = np.linspace(0, 2 * np.pi, sides, endpoint=False) + rng.uniform(0, 6)
            blob = at + (r * rng.uniform(0.6, 1.2, sides))[:, None] * np.stack([np.cos(a), np.sin(a)], 1)
            cv2.fillPoly(image, [np.round(blob * 16).astype(np.int32)], inks[1 + k % 3], cv2.LINE_AA, 4)
        return
    if texture.print == "Logo":
        r = width * rng.uniform(0.1, 0.26)
        kind = int(rng.integers(4))
        spot = (
            centre + ((0, 0) if kind == 3 else (width * 0.42, -width * 0.1)) * np.array([1, 1])
            if rng.random() < 0.45
            else centre
        )
        t = np.linspace(0, 2 * np.pi, 4 if kind == 1 else 3 if kind == 2 else 28, endpoint=False) - np.pi / 2
        ring = spot + r * np.stack([np.cos(t), np.sin(t)], 1)
        cv2.fillPoly(image, [np.round(ring * 16).astype(np.int32)], inks[1], cv2.LINE_AA, 4)
        inner = spot + 0.6 * r * np.stack([np.cos(t), np.sin(t)], 1)
        cv2.fillPoly(image, [np.round(inner * 16).astype(np.int32)], inks[0] if kind else inks[2], cv2.LINE_AA, 4)
        if rng.random() < 0.5:
            return
        centre = spot + [0, r * 1.7]
        width = r * 2.6
    lines = [texture.text] if rng.random() < 0.5 or texture.print == "Logo" else [texture.text, texture.text[::-1]]
    font = int(
        rng.choice(
            [
                cv2.FONT_HERSHEY_DUPLEX,
                cv2.FONT_HERSHEY_TRIPLEX,
                cv2.FONT_HERSHEY_SIMPLEX,
                cv2.FONT_HERSHEY_COMPLEX | cv2.FONT_ITALIC,
            ]
        )
    )
    for k, line in enumerate(lines):
        (w, h), _ = cv2.getTextSize(line, font, 1.0, 2)
        scale = width * rng.uniform(0.6, 1.0) / max(w, 1)
        scale = min(scale, width * 0.4 / h)
        thick = max(1, round(scale * rng.uniform(1.5, 5)))
        at = (round(centre[0] - w * scale / 2), round(centre[1] + (k + 0.5) * h * scale * 1.5))
        cv2.putText(image, line, at, font, scale, inks[1 + k % 2], thick, cv2.LINE_AA)
