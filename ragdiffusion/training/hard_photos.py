"""What fools a parser, drawn: floors and walls with a pattern, and pale cloth before a pale ground."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.parsing.labels import GARMENTS, LABEL

_LEAST = 0.02  # share of a photo that a garment fills, at least, to be made pale
_PALE_GROUND = 0.7  # how often the ground is made pale with it


def patterned_ground(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw tiles, checks, boards or stripes, at any scale and turn, in some light.

    Args:
        rng: draws.
        size: (height, width), pixels.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    height, width = size
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    depth = 1 + rng.uniform(0, 1.5) * (rng.random() < 0.4) * y / height  # a floor that goes away from the camera
    u, v = u * depth, v * depth
    across = np.exp(rng.uniform(np.log(0.03), np.log(0.5))) * max(size)
    along = across * rng.choice([1.0, 1.0, rng.uniform(2, 9)])
    row = np.floor(v / across)
    column = np.floor((u + (row % 2) * along * rng.choice([0.0, 0.5])) / along)
    first, second = rng.uniform(20, 250, (2, 3)).astype(np.float32)
    second = first + (second - first) * rng.uniform(0.02, 1)
    kind = rng.integers(3)
    if kind == 0:  # tiles and bricks: each of its own shade, in mortar
        shade = ((row * 37 + column * 91) * 0.618) % 1
        mortar = np.minimum(np.abs(v / across - row), np.abs((u / along) % 1)) < rng.uniform(0.02, 0.1)
    else:  # checks; stripes and boards
        shade = (row + column) % 2 if kind == 1 else ((row * 0.618) % 1 if rng.random() < 0.5 else row % 2)
        mortar = np.zeros(size, bool)
    picture = first + (second - first) * shade[..., None].astype(np.float32)
    picture = np.where(mortar[..., None], rng.uniform(20, 250), picture)
    grain = cv2.resize(
        rng.normal(0, rng.uniform(0, 12), (height // 4 + 1, width // 4 + 1)).astype(np.float32), (width, height)
    )
    light = 1 + rng.uniform(-0.3, 0.3) * (x / width - 0.5) + rng.uniform(-0.3, 0.3) * (y / height - 0.5)
    return np.clip((picture + grain[..., None]) * light[..., None], 0, 255).astype(np.uint8)


def garments_in(labels: np.ndarray, least: float) -> list[int]:
    """List the garments' labels that fill at least such a share of a label map (H, W)."""
    return [LABEL[name] for name in GARMENTS if (labels == LABEL[name]).mean() >= least]


def pale_cloth(photo: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make one garment nearly white, and mostly the ground too.

    Args:
        photo: uint8 (H, W, 3), RGB.
        labels: uint8 (H, W), numbers of `LABELS`.
        rng: draws.

    Returns:
        like `photo`; the photo itself where no garment is large enough.
    """
    there = garments_in(labels, _LEAST)
    if not there:
        return photo
    x = photo.astype(np.float32)
    chosen = (labels == rng.choice(there)).astype(np.float32)
    cloth = cv2.GaussianBlur(chosen, (3, 3), 0)[..., None]
    grey = x.mean(-1, keepdims=True)
    mean = float((grey * chosen[..., None]).sum() / chosen.sum())
    tint = rng.normal(0, 4, 3)
    white = rng.uniform(195, 240) + (grey - mean) * rng.uniform(0.25, 0.9) + tint
    x = x + (white - x) * cloth
    if rng.random() < _PALE_GROUND:
        ground = cv2.GaussianBlur((labels == 0).astype(np.float32), (3, 3), 0)[..., None]
        pale = 255 - (255 - x) * rng.uniform(0.1, 0.5)
        x = x + (pale - x) * ground
    return np.clip(x, 0, 255).astype(np.uint8)
