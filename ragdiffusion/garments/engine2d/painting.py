"""Painting a photo: shadows, shapes before and behind a garment, and what a telephone's camera makes of it."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.engine2d import fields
from ragdiffusion.garments.engine2d.draw import fill
from ragdiffusion.garments.engine2d.figure import Shape


def shadow(image: np.ndarray, cover: np.ndarray, box: tuple[slice, slice], drop: np.ndarray, strength: float) -> None:
    """Darken the ground beside what lies on it, in place; `drop` is how far its shadow falls, pixels."""
    height, width = cover.shape
    small = cv2.resize(cover, (max(width // 4, 2), max(height // 4, 2)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.2)
    matrix = np.float32([[width / small.shape[1], 0, drop[0]], [0, height / small.shape[0], drop[1]]])
    dark = cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR)
    weight = cv2.merge([cv2.convertScaleAbs(dark, alpha=-strength, beta=255.0)] * 3)
    view = image[box]
    cv2.multiply(view, weight, dst=view, scale=1 / 255)


def paint(image: np.ndarray, shapes: list[Shape]) -> None:
    """Paint shapes one over the other, in place."""
    for shape in shapes:
        if not np.isfinite(shape.points).all():
            continue
        points = np.clip(shape.points, -4000, 4000)
        if shape.shaded:
            _round_off(image, points, shape.colour)
        else:
            fill(image, points, shape.colour)


def _round_off(image: np.ndarray, points: np.ndarray, colour: tuple) -> None:
    """Fill a polygon as if it were round: lit from the upper left, darker towards its rim, in place."""
    size = image.shape[0]
    low = np.clip(np.floor(points.min(0)).astype(int) - 2, 0, size)
    high = np.clip(np.ceil(points.max(0)).astype(int) + 3, 0, size)
    if (high - low < 3).any():
        return
    view = image[low[1] : high[1], low[0] : high[0]]
    height, width = view.shape[:2]
    # A third of the pixels will do for light; what lies outside the picture still shades what is inside.
    thin = 0.5 * np.sqrt(abs(cv2.contourArea(points.astype(np.float32))))
    pad = int(min(thin, 0.25 * size)) // 3 + 2
    small = np.zeros((height // 3 + 2 * pad + 1, width // 3 + 2 * pad + 1), np.uint8)
    fill(small, (points - low) / 3 + pad, 255)
    soft = cv2.GaussianBlur(small, (0, 0), max(0.06 * thin, 0.8)).astype(np.int16)
    step = max(1, round(0.05 * thin))
    lit = np.roll(soft, (step, step), (0, 1)) - np.roll(soft, (-step, -step), (0, 1))
    gain = cv2.convertScaleAbs(np.clip(178 + 0.3 * (soft - 200) - 0.16 * lit, 60, 255))
    gain = cv2.warpAffine(gain, np.float32([[3, 0, -3 * pad], [0, 3, -3 * pad]]), (width, height))
    mask = np.zeros((height, width), np.uint8)
    fill(mask, points - low, 255)
    paint = cv2.multiply(cv2.merge([gain] * 3), tuple(float(c) for c in colour) + (0.0,), scale=1 / 190)
    weight = cv2.merge([mask] * 3)
    cv2.add(
        cv2.multiply(paint, weight, scale=1 / 255), cv2.multiply(view, cv2.bitwise_not(weight), scale=1 / 255), dst=view
    )


def cover(image: np.ndarray, mask: np.ndarray, label: np.ndarray, shapes: list[Shape], *, own: bool = False) -> None:
    """Paint what lies over the garment, and take it out of mask and label; its `own` cloth stays in the mask."""
    if not shapes:
        return
    paint(image, shapes)
    hidden = np.zeros_like(mask)
    for shape in shapes:
        fill(hidden, np.clip(shape.points, -4000, 4000), 255)
    if own:
        cv2.max(mask, hidden, dst=mask)
    else:
        cv2.min(mask, cv2.bitwise_not(hidden), dst=mask)
    label[hidden > 127] = 0


def expose(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, white balance, softness, noise and compression of a telephone's camera."""
    size = image.shape[0]
    k = rng.integers(fields.BANK, size=4)
    fold = fields.folds(size, int(k[0]))
    light = 1 + 0.12 * float(rng.random()) * fields.noise(size, 2, int(k[1]))
    light += (float(rng.uniform(0.0, 0.14)) / 255) * fold * mask
    gain = rng.uniform(0.8, 1.15) * (1 + rng.normal(0, 0.04, 3))
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (3, 3), float(rng.uniform(0.3, 0.8)))
    out = cv2.multiply(image, cv2.merge([light * np.float32(g) for g in gain]), dtype=cv2.CV_32F)
    out = cv2.scaleAdd(fields.grain(size, int(k[2]) % 8), float(rng.uniform(0.5, 5.0)), out)
    out = cv2.convertScaleAbs(cv2.max(out, 0.0))
    if rng.random() < 0.25:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 90))])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return out
