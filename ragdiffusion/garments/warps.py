"""Random maps of the plane, kept at nodes four pixels apart, and how to invert and spread them.

A map is float32 (..., 2): for each node or pixel, an (x, y) in pixels. Pixel centres stand at whole numbers. Smooth
maps need few nodes: all arithmetic is done on them, and only the last step makes a map of every pixel.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

STEP = 4
"""Pixels from node to node."""


@lru_cache(maxsize=8)
def identity_map(size: int) -> np.ndarray:
    """The map that changes nothing: float32 (size, size, 2), read-only."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    grid = np.stack([x, y], axis=-1)
    grid.setflags(write=False)
    return grid


@lru_cache(maxsize=8)
def nodes(size: int) -> np.ndarray:
    """Places of the nodes in pixels: float32 (M, M, 2), read-only; the first and last lie outside the frame."""
    axis = (np.arange(-1, -(-size // STEP) + 1, dtype=np.float32) + 0.5) * STEP - 0.5
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    grid.setflags(write=False)
    return grid


def spread(values: np.ndarray, size: int) -> np.ndarray:
    """A map at every pixel, float32 (size, size, 2), from its values (M, M, 2) at the nodes (bilinear)."""
    side = values.shape[0] * STEP
    wide = cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)
    return wide[STEP : STEP + size, STEP : STEP + size]


def at_positions(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """What a map given at the nodes, (M, M, 2), is at any positions in pixels, float32 (P, Q, 2) (bilinear)."""
    index = cv2.add(cv2.multiply(positions, (1 / STEP,) * 4), (0.5 / STEP + 0.5,) * 4)
    return cv2.remap(values, index, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def smooth_field(rng: np.random.Generator, size: int, *, amplitude: float, cells: int) -> np.ndarray:
    """A smooth random displacement: float32 (size, size, 2), of standard deviation `amplitude` pixels."""
    coarse = rng.standard_normal((cells, cells, 2), dtype=np.float32) * np.float32(amplitude)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def sample(image: np.ndarray, backward: np.ndarray, *, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """Take `image` through a backward map (bilinear)."""
    return cv2.remap(image, backward, None, cv2.INTER_LINEAR, borderMode=border)


def undo_displacement(displacement: np.ndarray, positions: np.ndarray, *, rounds: int = 6) -> np.ndarray:
    """Find the positions that a displacement moves to given ones, by fixed-point iteration.

    Args:
        displacement: float32 (M, M, 2) at the nodes, in pixels; it must bend by less than its distance (no folding).
        places: float32 (P, Q, 2).
        rounds: iterations; each shrinks the error by the displacement's steepest slope.

    Returns:
        float32 (P, Q, 2): q such that q + displacement(q) = positions.
    """
    found = positions
    for _ in range(rounds):
        found = cv2.subtract(positions, at_positions(displacement, found))
    return found
