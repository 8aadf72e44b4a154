"""Pictures of a garment carried from one pattern to another of its kind, panel by panel."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.kernels import kernel
from ragdiffusion.garments.people.pyramid import filled

_DENSE = 1.6  # samples of a panel per pixel along it: some fall on every pixel
_LEAST, _MOST = 24, 640  # samples along a panel
_LAST = ("sleeve_left", "sleeve_right")  # they lie over the others


def places_in(source: Pattern, target: Pattern, size: int) -> np.ndarray:
    """Where each pixel of a pattern's canonical frame lies in that of another pattern of the same kind.

    Args:
        source: whose frame is looked up.
        target: whose frame the answer is for.
        size: side N of both frames, pixels.

    Returns:
        float32 (N, N, 2): x and y in pixels of the source's frame, centres at whole numbers. Panel coordinates stay as
        they are; beyond the target's outline the nearest places go on.
    """
    sums = np.zeros((size, size, 3), np.float32)
    for name in sorted((name for name in source.parts if name in target.parts), key=lambda name: name in _LAST):
        own = _splat(source, target, name, size)
        covered = own[..., 2] > 0
        sums[covered] = own[covered]
    return filled(sums)


def recut(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sample an image (N, N) or (N, N, C) at places of its frame; beyond its rim it goes on as at the rim."""
    return cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _splat(source: Pattern, target: Pattern, name: str, size: int) -> np.ndarray:
    """Sum x, y and 1 of samples of a panel, places in the source, at their pixels in the target: (N, N, 3)."""
    longer = np.ptp(target.parts[name].polygon(0.2), axis=0).max()
    samples = int(np.clip(longer * target.frame(size)[0] * _DENSE, _LEAST, _MOST))
    return _carry(_edges_in_pixels(source, name, samples, size), _edges_in_pixels(target, name, samples, size), size)


def _edges_in_pixels(pattern: Pattern, name: str, samples: int, size: int) -> np.ndarray:
    """A panel's edges, float64 (4, samples, 2), in pixels of its pattern's frame, centres at whole numbers."""
    scale, origin = pattern.frame(size)
    return pattern.parts[name].edges(samples) * scale + origin - 0.5


@kernel(fastmath=False)
def _carry(source, target, size):
    """Sum the source's (x, y, 1) at the target's pixels, over as many samples as the edges have: (N, N, 3)."""
    out = np.zeros((size, size, 3), np.float32)
    count = source.shape[1]
    for row in range(count):
        v = row / (count - 1)
        for column in range(count):
            s = column / (count - 1)
            x, y = _spanned(target, row, column, v, s)
            i, j = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
            if 0 <= i < size and 0 <= j < size:
                x, y = _spanned(source, row, column, v, s)
                out[j, i, 0] += x
                out[j, i, 1] += y
                out[j, i, 2] += 1
    return out


@kernel(fastmath=False)
def _spanned(edges, row, column, v, s):
    """A point of the patch between four edges, as `Panel.at` has it."""
    left, right, top, bottom = edges[0, row], edges[1, row], edges[2, column], edges[3, column]
    a, b, c, d = edges[2, 0], edges[2, -1], edges[3, 0], edges[3, -1]
    x = (1 - s) * left[0] + s * right[0] + (1 - v) * top[0] + v * bottom[0]
    y = (1 - s) * left[1] + s * right[1] + (1 - v) * top[1] + v * bottom[1]
    x -= (1 - v) * ((1 - s) * a[0] + s * b[0]) + v * ((1 - s) * c[0] + s * d[0])
    y -= (1 - v) * ((1 - s) * a[1] + s * b[1]) + v * ((1 - s) * c[1] + s * d[1])
    return x, y
