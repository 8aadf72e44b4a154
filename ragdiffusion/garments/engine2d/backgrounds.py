"""Drawn grounds to photograph garments before: floors, sheets, walls, wardrobes, blurred rooms."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ragdiffusion.garments.engine2d.fields import folds, grid, noise, weave

KINDS = {
    "laid": ("wood", "wood", "carpet", "carpet", "sheet", "sheet", "plain", "plain", "tiles", "pattern"),
    "hung": ("plain", "plain", "door", "sheet", "closet"),
    "worn": ("plain", "room", "room", "plain", "tiles"),
}
"""Display -> grounds, drawn from evenly."""

BANK = 48
"""Different grounds per display."""


@lru_cache(maxsize=3 * BANK)
def ground(display: str, index: int, size: int) -> np.ndarray:
    """Ground number `index` for a display, uint8 [size, size, 3], a pure function of its arguments."""
    rng = np.random.default_rng([index, KINDS["hung"].index("door") + len(display), 81])
    kind = KINDS[display][int(rng.integers(len(KINDS[display])))]
    x, y = grid(size)
    unit = size / 256
    base = _tone(rng)
    relief = np.zeros((size, size), np.float32)
    if kind in ("wood", "door"):
        base = np.float32([150, 112, 74]) * rng.uniform(0.55, 1.45) + rng.uniform(-22, 22, 3)
        if rng.random() < 0.3:
            base = np.float32([150, 146, 140]) * rng.uniform(0.5, 1.4)
        plank = rng.uniform(20, 60) * unit
        number = np.floor(x / plank).astype(int)
        tone = rng.normal(0, 0.09, number.max() + 1).astype(np.float32)[number]
        fibre = cv2.resize(
            rng.standard_normal((12, size)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
        )
        fibre = cv2.GaussianBlur(fibre, (0, 0), 0.8 * unit, sigmaY=0.1)
        relief = tone + 0.07 * fibre + 0.05 * noise(size, 8, index % 24)
        relief -= 0.45 * (np.abs(x / plank - np.round(x / plank)) * plank < 0.8 * unit)
    elif kind == "carpet":
        relief = 0.10 * weave("fleece", size, index % 6) + 0.07 * noise(size, 14, index % 24)
    elif kind == "sheet":
        relief = rng.uniform(0.05, 0.2) * folds(size, index % 24) + 0.06 * noise(size, 4, index % 24)
    elif kind == "tiles":
        side = rng.uniform(50, 120) * unit
        line = np.minimum(np.abs(x / side - np.round(x / side)), np.abs(y / side - np.round(y / side))) * side < unit
        relief = 0.05 * noise(size, 20, index % 24) - 0.25 * line
    elif kind == "pattern":
        cells = int(rng.integers(8, 26))
        mark = cv2.GaussianBlur((noise(size, cells, index % 24) > 0.6).astype(np.float32), (0, 0), unit)
        image = base + (_tone(rng) - base) * mark[..., None]
        image *= 1 + 0.08 * weave("fleece", size, index % 6)[..., None]
        return np.clip(image, 0, 255).astype(np.uint8)
    elif kind == "closet":
        width = rng.uniform(18, 40) * unit
        number = np.floor(x / width + 0.25 * noise(size, 5, index % 24)).astype(int)
        colours = np.stack([_tone(rng) for _ in range(number.max() - number.min() + 1)])
        image = colours[number - number.min()] * (0.6 + 0.25 * np.cos(x / width * 6.28))[..., None]
        return np.clip(cv2.GaussianBlur(image, (0, 0), 2 * unit), 0, 255).astype(np.uint8)
    elif kind == "room":
        image = np.empty((size, size, 3), np.float32)
        image[:] = base
        for _ in range(int(rng.integers(4, 12))):
            a = (rng.uniform(-0.1, 1, 2) * size).astype(int)
            b = a + (rng.uniform(0.1, 0.6, 2) * size).astype(int)
            cv2.rectangle(image, tuple(int(v) for v in a), tuple(int(v) for v in b), tuple(map(float, _tone(rng))), -1)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.5, 8) * unit)
        return np.clip(image, 0, 255).astype(np.uint8)
    relief = relief + 0.08 * noise(size, 2, index % 24)
    image = base * (1 + relief[..., None])
    if kind == "wood" and rng.random() < 0.5:
        image = image.transpose(1, 0, 2)
    return np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8))


def _tone(rng: np.random.Generator) -> np.ndarray:
    """RGB of a room's surface: mostly pale or grey, some strong."""
    if rng.random() < 0.66:
        return (rng.uniform(70, 240) + rng.normal(0, 10, 3)).astype(np.float32)
    grey = rng.uniform(50, 200)
    return (grey + rng.uniform(0.05, 0.35) * (rng.uniform(20, 230, 3) - grey)).astype(np.float32)
