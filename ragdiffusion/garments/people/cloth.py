"""Cloth without garment: tiles of woven, knitted and printed stuff, procedural or cut from real flat-lays."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.people.colours import garment_colour, vivid

TILE = 192
"""Side of a tile, pixels."""


@dataclass(frozen=True)
class Tile:
    """A square of cloth that repeats.

    Attributes:
        image: uint8 (TILE, TILE, 3) RGB.
        side: cm.
        pattern: its print in Table 6's terms.
        fabric: in Table 6's terms, or "" where it can't be said.
        gloss: 0 matt to 1 shining.
        relief: strength of its folds, 1 usual.
    """

    image: np.ndarray
    side: float
    pattern: str = "Solid Color"
    fabric: str = ""
    gloss: float = 0.03
    relief: float = 1.0


def draw_tile(rng: np.random.Generator, family: str, base: np.ndarray | None = None) -> Tile:
    """Draw cloth of a family: "any", "knit", "shirt", "blouse", "denim", "leather", "trousers", "suit", "dress_shirt",
    "jacket", "coat"; `base` is its colour, RGB."""
    base = garment_colour(rng) if base is None else base
    if family == "denim":
        return _denim(rng)
    if family == "leather":
        return _leather(rng, base)
    if family in ("suit", "dress_shirt", "coat") or family == "trousers" and rng.random() < 0.8:
        return _plain(rng, _sober(rng, family, base), family)
    if family == "knit" and rng.random() < 0.6:
        return _knit(rng, base)
    k = rng.random()
    if k < (0.72 if family in ("jacket", "any", "knit") else 0.6):
        return _plain(rng, base, family)
    if k < 0.84 or family == "shirt":
        return _stripes(rng, base)
    return _dots(rng, base) if k < 0.89 else _blobs(rng, base)


def _sober(rng: np.random.Generator, family: str, base: np.ndarray) -> np.ndarray:
    """Suits are dark, dress shirts pale, most of the time."""
    if rng.random() < 0.25:
        return base
    if family == "dress_shirt":
        return np.clip(np.array([225, 232, 242]) + rng.normal(0, 14, 3), 150, 252)
    tones = [[28, 29, 33], [38, 46, 70], [70, 72, 78], [120, 120, 124], [88, 70, 54], [176, 158, 132], [60, 66, 52]]
    return np.clip(np.array(tones[rng.integers(len(tones))]) + rng.normal(0, 7, 3), 6, 250)


def _filled(base: np.ndarray) -> np.ndarray:
    return np.full((TILE, TILE, 3), base, np.float32)


def _noise(rng: np.random.Generator, sigma: float, sigma_y: float = 0) -> np.ndarray:
    """Smooth tileable noise (TILE, TILE) of unit deviation."""
    white = np.tile(rng.standard_normal((TILE, TILE), dtype=np.float32), (2, 2))
    soft = cv2.GaussianBlur(white, (0, 0), sigma, sigmaY=sigma_y)[
        TILE // 2 : TILE // 2 + TILE, TILE // 2 : TILE // 2 + TILE
    ]
    return soft / (soft.std() + 1e-6)


def _finished(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255).astype(np.uint8)


def _plain(rng: np.random.Generator, base: np.ndarray, family: str) -> Tile:
    image = _filled(base)
    if rng.random() < 0.5:
        image += rng.normal(0, rng.uniform(2, 11), (TILE, TILE, 1)).astype(np.float32)
    if family == "suit" and rng.random() < 0.2:
        image[:, :: int(rng.integers(12, 40))] *= 1.35
    gloss = rng.uniform(0.15, 0.5) if family in ("blouse", "any") and rng.random() < 0.15 else rng.uniform(0, 0.05)
    return Tile(_finished(image), 40, gloss=gloss, fabric="Silk" if gloss > 0.2 else "")


def _denim(rng: np.random.Generator) -> Tile:
    b = rng.uniform(70, 205)
    base = (
        np.array([b * rng.uniform(0.42, 0.72), b * rng.uniform(0.62, 0.86), b])
        if rng.random() < 0.75
        else np.full(3, rng.uniform(25, 90))
        if rng.random() < 0.7
        else np.full(3, rng.uniform(190, 240))
    )
    image = _filled(base) * (1 + 0.08 * _noise(rng, 20)[..., None])
    image += rng.normal(0, 6, (TILE, TILE, 1)).astype(np.float32) + 4 * _noise(rng, 0.8, 3)[..., None]
    return Tile(_finished(image), 38, fabric="Denim")


def _leather(rng: np.random.Generator, base: np.ndarray) -> Tile:
    tone = np.array([30, 26, 25.0]) if rng.random() < 0.6 else np.array([96, 58, 36.0]) if rng.random() < 0.5 else base
    image = _filled(tone) * (1 + 0.06 * _noise(rng, 2)[..., None] + 0.05 * _noise(rng, 12)[..., None])
    return Tile(_finished(image), 40, fabric="Leather", gloss=rng.uniform(0.3, 0.7), relief=1.3)


def _knit(rng: np.random.Generator, base: np.ndarray) -> Tile:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / TILE * 2 * np.pi
    stitches = int(rng.integers(14, 44))
    wave = np.sin(stitches * x) * (0.6 + 0.4 * np.sin(stitches * 1.0 * y + 1.5 * np.abs(np.sin(stitches / 2 * x))))
    if rng.random() < 0.3:
        cables = int(rng.integers(2, 5))
        wave = wave + 1.2 * np.sin(cables * x + 0.8 * np.sin(6 * y))
    image = _filled(base) * (1 + rng.uniform(0.04, 0.1) * wave[..., None])
    return Tile(_finished(image), 40, fabric="Knit", relief=1.2)


def _stripes(rng: np.random.Generator, base: np.ndarray) -> Tile:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / TILE
    other = garment_colour(rng)
    band = lambda q: ((q * rng.integers(2, 12)) % 1 < rng.uniform(0.12, 0.6)).astype(np.float32)[..., None]  # noqa: E731
    upright = rng.random() < 0.4
    image = _filled(base)
    m = band(x if upright else y)
    image = image * (1 - m) + other * m
    checked = rng.random() < 0.45
    if checked:
        m = band(y if upright else x) * 0.55
        image = image * (1 - m) + (garment_colour(rng) if rng.random() < 0.4 else other) * m
    return Tile(_finished(image), rng.uniform(14, 42), "Plaid" if checked else "Striped")


def _dots(rng: np.random.Generator, base: np.ndarray) -> Tile:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / TILE
    count = int(rng.integers(3, 16))
    fx, fy = (x * count) % 1, (y * count + (np.floor(x * count) % 2) * 0.5) % 1
    m = (np.hypot(fx - 0.5, fy - 0.5) < rng.uniform(0.12, 0.35)).astype(np.float32)[..., None]
    return Tile(_finished(_filled(base) * (1 - m) + garment_colour(rng) * m), rng.uniform(20, 40), "Polka Dot")


def _blobs(rng: np.random.Generator, base: np.ndarray) -> Tile:
    """Animal skins, camouflage, flowers seen from afar."""
    image, sigma = _filled(base), rng.uniform(2, 11)
    for colour in [garment_colour(rng), vivid(rng), garment_colour(rng)][: rng.integers(1, 4)]:
        m = (_noise(rng, sigma, sigma * rng.uniform(0.4, 1.5)) > rng.uniform(0.2, 1.2)).astype(np.float32)[..., None]
        image = image * (1 - m) + colour * m
    pattern = "Camouflage" if sigma > 8 else "Animal" if sigma < 5 and rng.random() < 0.5 else "Floral"
    return Tile(_finished(cv2.GaussianBlur(image, (3, 3), 0)), rng.uniform(20, 50), pattern)
