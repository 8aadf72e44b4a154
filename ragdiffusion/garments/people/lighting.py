"""Light on a picture, the ground behind it, and the camera's exposure."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.people import painting
from ragdiffusion.garments.people.labels import HAIR, OTHER, SKIN
from ragdiffusion.garments.people.pixels import Pixels
from ragdiffusion.garments.people.sheets import Sheet


def lit(px: Pixels, sheets: list[Sheet], rng: np.random.Generator) -> np.ndarray:
    """Light from one side and from the sky, folds, gloss, and darkness where things touch: float32 (H, W, 3)."""
    u, count = rng.uniform, len(px.layers)
    strength, gloss = np.zeros(count), np.zeros(count)
    for i, layer in enumerate(px.layers):
        if layer.garment >= 0:
            tile = sheets[layer.garment].tile
            strength[i] = (u(0.001, 0.005) if rng.random() < 0.85 else u(0.005, 0.011)) * tile.relief
            gloss[i] = tile.gloss
        else:
            gloss[i] = {SKIN: u(0.02, 0.15), HAIR: u(0.05, 0.3), OTHER: u(0, 0.3)}[layer.label]
    maps = painting.relief_maps()
    chosen, side, offset = rng.integers(0, len(maps), count), u(0.35, 0.8, count), u(0, 1, count)
    height = painting.relief(px.which, px.flat, px.attributes, px.garment_of, maps, chosen, side, offset, strength)
    turn, rise = u(-1.3, 1.3), u(0.1, 1.1)
    sun = np.array([np.sin(turn) * np.cos(rise), -np.sin(rise), -np.cos(turn) * np.cos(rise)])
    key, ambient = u(0.15, 0.8), u(0.4, 1)
    gain = u(0.8, 1.08) / (ambient * 0.85 + key * (max(0.0, -sun[2]) + 0.3) / 1.3)  # what faces us keeps its colour
    image = painting.light(px.colour, px.normal, px.which, height, px.size, sun, ambient * gain, key * gain, gloss)
    _darken_where_things_touch(image, px, rng)
    return image


def _darken_where_things_touch(image: np.ndarray, px: Pixels, rng: np.random.Generator) -> None:
    """What lies deeper than its surroundings gets less of the sky's light, in place."""
    there = (px.which >= 0).astype(np.float32)
    far = np.where(px.which >= 0, px.depth, 0).astype(np.float32)
    for radius, amount in ((0.02, rng.uniform(1, 4)), (0.07, rng.uniform(0.5, 2))):
        k = max(3, int(radius / px.size) | 1)
        mean = cv2.blur(far, (k, k)) / np.maximum(cv2.blur(there, (k, k)), 1e-3)
        image *= (1 - np.clip((far - mean - 0.004) * amount * 6, 0, 0.45) * there)[..., None]


def before_ground(image: np.ndarray, person: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A person (bool (H, W)) before a ground, with a soft shadow on it half of the time."""
    u, height = rng.uniform, person.shape[0]
    if rng.random() < 0.5:
        scale = height / 416
        shadow = np.roll(person.astype(np.float32), (int(u(-10, 25) * scale), int(u(-40, 40) * scale)), (0, 1))
        ground = ground * (1 - u(0.05, 0.35) * cv2.GaussianBlur(shadow, (0, 0), u(4, 25) * scale))[..., None]
    return np.where(person[..., None], image, ground)


def developed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, white balance, contrast, softness and noise of a camera."""
    u, (height, width) = rng.uniform, image.shape[:2]
    image = image * u(0.85, 1.12) * (1 + rng.normal(0, 0.025, 3))
    if rng.random() < 0.5:
        image = 255 * np.clip(image / 255, 0, 1) ** u(0.8, 1.25)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), u(0.4, 1.4) * height / 384)
    if rng.random() < 0.6:
        image = image + u(0.5, 7) * rng.standard_normal((height, width, 1), dtype=np.float32)
    return image
