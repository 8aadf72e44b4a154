"""Cached fields that rendering draws from: grids, noise, folds, weaves; pure functions of their arguments."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

BANK = 24
"""Different fields of each kind; random flips and mixtures make many more."""


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates (x, y), each float32 [size, size], read-only."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


@lru_cache(maxsize=512)
def noise(size: int, cells: int, index: int) -> np.ndarray:
    """Smooth noise of unit deviation, float32 [size, size], with about `cells` bumps along a side."""
    rng = np.random.default_rng([cells, index, 77])
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    field = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    field /= max(float(field.std()), 1e-6)
    field.setflags(write=False)
    return field


@lru_cache(maxsize=64)
def folds(size: int, index: int) -> np.ndarray:
    """Shading of cloth folds lit from the upper left, float32 [size, size], mean 0, about [-1, 1].

    Folds are ridges of anisotropic noise: long along one direction, sharp across it.
    """
    rng = np.random.default_rng([index, 78])
    height = np.zeros((128, 128), np.float32)
    for _ in range(4):
        long, short = int(rng.integers(2, 5)), int(rng.integers(7, 15))
        coarse = cv2.resize(
            rng.standard_normal((long, short)).astype(np.float32), (192, 192), interpolation=cv2.INTER_CUBIC
        )
        turn = cv2.getRotationMatrix2D((96, 96), float(rng.uniform(-50, 50)), 1)
        ridge = cv2.warpAffine(coarse, turn, (192, 192), borderMode=cv2.BORDER_REFLECT)[32:160, 32:160]
        height += (1 - np.sqrt(ridge * ridge + 0.02)) * np.clip(
            cv2.resize(rng.standard_normal((4, 4)).astype(np.float32), (128, 128), interpolation=cv2.INTER_CUBIC),
            0,
            2,
        )
    dx, dy = cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)
    light = -(0.7 * dx + 0.7 * dy)
    light = np.tanh(light / (2.2 * light.std() + 1e-6))
    light = cv2.resize(light - light.mean(), (size, size), interpolation=cv2.INTER_CUBIC)
    light.setflags(write=False)
    return light


@lru_cache(maxsize=32)
def grain(size: int, index: int) -> np.ndarray:
    """Fine noise of unit deviation, float32 [size, size, 3]: mostly grey, slightly soft as from a camera."""
    rng = np.random.default_rng([index, 79])
    field = rng.standard_normal((size, size, 1)) + 0.5 * rng.standard_normal((size, size, 3))
    field = cv2.GaussianBlur(field.astype(np.float32), (0, 0), 0.6)
    field /= field.std()
    field.setflags(write=False)
    return field


def pick(rng: np.random.Generator, bank: int = BANK) -> int:
    """A random index into a bank of fields."""
    return int(rng.integers(bank))


@lru_cache(maxsize=64)
def weave(kind: str, size: int, index: int) -> np.ndarray:
    """Relief of a fabric, float32 [size, size] with mean 0; a multiplier is 1 + strength * relief.

    Args:
        kind: one of the names in `texture.WEAVES`.
        size: side in pixels; the pattern keeps its size relative to the side.
        index: variant.
    """
    x, y = grid(size)
    u, v = x * (256 / size), y * (256 / size)
    fine = _white(size, index)
    if kind == "knit":
        period = 4.2 + index % 3
        out = (
            np.cos(2 * np.pi * (u / period)) * 0.6
            + np.sin(2 * np.pi * (v / period * 1.2 + 0.35 * np.abs((u / period) % 1 - 0.5) * 2)) * 0.6
        )
    elif kind == "rib":
        out = np.sin(2 * np.pi * u / (3.4 + index % 2))
    elif kind == "cord":
        out = np.tanh(2 * np.sin(2 * np.pi * u / (3.6 + index % 3)))
    elif kind == "twill":
        out = 0.4 * np.sin(2 * np.pi * (u + v) / 2.9) + 0.9 * cv2.GaussianBlur(fine, (0, 0), 0.7, sigmaY=1.6) * 1.4
    elif kind == "linen":
        out = (cv2.blur(fine, (1, max(int(size / 24), 3))) + cv2.blur(fine, (max(int(size / 24), 3), 1))) * 2.2
    elif kind == "fleece":
        out = cv2.GaussianBlur(fine, (0, 0), 1.5 * size / 256) * 4
    elif kind == "leather":
        out = np.abs(cv2.GaussianBlur(fine, (0, 0), 2.0 * size / 256)) * 3
    elif kind == "lace":
        out = _lace(u, v, index)
    elif kind == "plush":
        out = noise(size, 40, index) * 0.5 + cv2.GaussianBlur(fine, (0, 0), 0.8) * 1.2
    else:
        out = cv2.GaussianBlur(fine, (0, 0), 0.6) * 1.2
    out = np.ascontiguousarray(out - out.mean(), dtype=np.float32)
    out.setflags(write=False)
    return out


def _lace(u: np.ndarray, v: np.ndarray, index: int) -> np.ndarray:
    """Lace: a net of small holes, and rosettes of denser thread upon it."""
    net = np.minimum(np.cos(2 * np.pi * u / 5), np.cos(2 * np.pi * (0.5 * u + 0.866 * v) / 5))
    net = np.tanh(3 * (np.minimum(net, np.cos(2 * np.pi * (0.5 * u - 0.866 * v) / 5)) + 0.45))
    period = 26.0 + 4 * (index % 3)
    shift = np.floor(v / period) % 2 * (period / 2)
    x, y = (u + shift) % period - period / 2, v % period - period / 2
    radius, angle = np.hypot(x, y) / period, np.arctan2(y, x)
    petal = 0.3 + 0.1 * np.cos((5 + index % 3) * angle)
    rosette = np.clip((petal - radius) * 20, 0, 1) * (0.55 + 0.45 * np.tanh(6 * np.abs(np.sin(40 * radius))))
    ring = np.clip(1 - np.abs(radius - petal - 0.06) * 45, 0, 1)
    return np.where(radius < petal, 2 * rosette - 0.6, np.maximum(-net, 2 * ring - 1))


def _white(size: int, index: int) -> np.ndarray:
    return np.random.default_rng([index, 80]).standard_normal((size, size)).astype(np.float32)
