"""Colours of cloth, skin and hair, RGB in [0, 255], as often as people wear them."""

from __future__ import annotations

import cv2
import numpy as np


def garment_colour(rng: np.random.Generator) -> np.ndarray:
    """Any garment's: many blacks, whites, greys and navies, the rest anything."""
    k = rng.random()
    if k < 0.2:
        c = np.full(3, rng.uniform(12, 45)) + rng.normal(0, 3, 3)
    elif k < 0.38:
        c = np.full(3, rng.uniform(205, 250)) + rng.normal(0, 4, 3)
    elif k < 0.46:
        c = np.full(3, rng.uniform(60, 190)) + rng.normal(0, 5, 3)
    elif k < 0.55:
        c = np.array([rng.uniform(15, 45), rng.uniform(25, 60), rng.uniform(50, 110)])
    elif k < 0.67:
        b = rng.uniform(120, 235)
        c = np.array([b, b * rng.uniform(0.82, 0.94), b * rng.uniform(0.65, 0.9)])
    else:
        c = vivid(rng)
    return np.clip(c, 4, 252)


def vivid(rng: np.random.Generator) -> np.ndarray:
    """A saturated colour."""
    hsv = np.uint8([[[rng.integers(0, 180), rng.integers(50, 230), rng.integers(60, 245)]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(float)


def near(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    """A colour hard to tell from another."""
    return np.clip(colour + rng.normal(0, 12, 3) + rng.normal(0, 10), 4, 252)


def skin_tone(rng: np.random.Generator) -> np.ndarray:
    """From light to dark."""
    tones = np.array([[246, 214, 196], [232, 188, 160], [206, 154, 122], [160, 108, 78], [110, 72, 52], [74, 49, 38.0]])
    t = rng.random() ** 1.1 * (len(tones) - 1)
    i = min(int(t), len(tones) - 2)
    mixed = tones[i] * (1 - t + i) + tones[i + 1] * (t - i)
    return np.clip(mixed * rng.normal(1, 0.04) + rng.normal(0, 3.5, 3), 15, 252)


def hair_colour(rng: np.random.Generator, age: float) -> np.ndarray:
    """Black, browns, blond, red, grey (with age), now and then dyed."""
    if rng.random() < np.clip((age - 45) / 40, 0, 0.75):
        return np.full(3, rng.uniform(110, 215)) + rng.normal(0, 3, 3)
    k = rng.random()
    base = (
        [24, 20, 18.0]
        if k < 0.34
        else [72, 48, 33.0]
        if k < 0.58
        else [150, 112, 70.0]
        if k < 0.74
        else [212, 178, 128.0]
        if k < 0.9
        else [140, 62, 30.0]
        if k < 0.95
        else vivid(rng)
    )
    return np.clip(np.array(base) * rng.uniform(0.7, 1.25), 5, 250)
