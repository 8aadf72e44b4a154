"""Random maps of the plane, and how to invert and compose them. All maps are backward maps in pixels.

A map is float32 (N, N, 2): for each pixel of the image being made, the (x, y) it is taken from.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np


@lru_cache(maxsize=8)
def identity_map(size: int) -> np.ndarray:
    """The map that changes nothing: float32 (size, size, 2), read-only."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    grid = np.stack([x, y], axis=-1)
    grid.setflags(write=False)
    return grid


def smooth_field(rng: np.random.Generator, size: int, *, amplitude: float, cells: int) -> np.ndarray:
    """A smooth random displacement: float32 (size, size, 2), of standard deviation `amplitude` pixels."""
    coarse = rng.normal(size=(cells, cells, 2)).astype(np.float32) * amplitude
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def sample(image: np.ndarray, backward: np.ndarray, *, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """Take `image` through a backward map (bilinear)."""
    return cv2.remap(image, backward[..., 0], backward[..., 1], cv2.INTER_LINEAR, borderMode=border)


def invert(backward: np.ndarray, grid: int) -> tuple[np.ndarray, np.ndarray]:
    """Invert a backward map by splatting.

    Args:
        backward: float32 (N, N, 2): photo pixel -> place in an N-pixel frame.
        grid: side of the grid of the inverse.

    Returns:
        inverse: float32 (grid, grid, 2): cell of the frame -> photo pixel.
        weight: float32 (grid, grid): how much of the photo landed there; near 0 where nothing did.
    """
    size = backward.shape[0]
    scale = grid / size
    cell = np.floor((backward + 0.5) * scale).astype(np.int64)
    inside = ((cell >= 0) & (cell < grid)).all(-1)
    index = cell[..., 1][inside] * grid + cell[..., 0][inside]
    where = identity_map(size)
    layers = [np.bincount(index, minlength=grid * grid)]
    layers += [np.bincount(index, where[..., axis][inside], grid * grid) for axis in (0, 1)]
    stack = np.stack([layer.reshape(grid, grid) for layer in layers], axis=-1).astype(np.float32)
    stack = cv2.GaussianBlur(stack, (0, 0), 0.8)
    weight = stack[..., 0]
    return stack[..., 1:] / np.maximum(weight, 1e-3)[..., None], weight * scale * scale
