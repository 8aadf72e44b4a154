"""Pictures of a garment carried from one pattern to another of its kind, panel by panel."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.patterns.panels import Panel
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
    across, down = (
        int(np.clip(length * target.frame(size)[0] * _DENSE, _LEAST, _MOST)) for length in _extent(target.parts[name])
    )
    own, theirs = (_edges_in_pixels(pattern, name, across, down, size) for pattern in (source, target))
    return _carry(*own, *theirs, size)


def _extent(panel: Panel) -> tuple[float, float]:
    """How far a panel reaches across and down at most, along its edges or between them, cm."""
    sides, ends = panel.edges(_LEAST, _LEAST)
    return tuple(
        float(max(np.linalg.norm(along[1] - along[0], axis=-1).max(), *_lengths(edges)))
        for along, edges in ((sides, ends), (ends, sides))
    )


def _lengths(lines: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(lines, axis=1), axis=-1).sum(1)


def _edges_in_pixels(pattern: Pattern, name: str, across: int, down: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A panel's `edges` in pixels of its pattern's frame, centres at whole numbers."""
    scale, origin = pattern.frame(size)
    sides, ends = pattern.parts[name].edges(across, down)
    return sides * scale + origin - 0.5, ends * scale + origin - 0.5


@kernel(fastmath=False)
def _carry(sides, ends, target_sides, target_ends, size):
    """Sum the source's (x, y, 1) at the target's pixels, over as many samples as the edges have: (N, N, 3)."""
    out = np.zeros((size, size, 3), np.float32)
    down, across = sides.shape[1], ends.shape[1]
    for row in range(down):
        v = row / (down - 1)
        for column in range(across):
            s = column / (across - 1)
            x, y = _spanned(target_sides, target_ends, row, column, v, s)
            i, j = int(np.floor(x + 0.5)), int(np.floor(y + 0.5))
            if 0 <= i < size and 0 <= j < size:
                x, y = _spanned(sides, ends, row, column, v, s)
                out[j, i, 0] += x
                out[j, i, 1] += y
                out[j, i, 2] += 1
    return out


@kernel(fastmath=False)
def _spanned(sides, ends, row, column, v, s):
    """A point of the patch between four edges, as `Panel.at` has it."""
    left, right, top, bottom = sides[0, row], sides[1, row], ends[0, column], ends[1, column]
    a, b, c, d = ends[0, 0], ends[0, -1], ends[1, 0], ends[1, -1]
    x = (1 - s) * left[0] + s * right[0] + (1 - v) * top[0] + v * bottom[0]
    y = (1 - s) * left[1] + s * right[1] + (1 - v) * top[1] + v * bottom[1]
    x -= (1 - v) * ((1 - s) * a[0] + s * b[0]) + v * ((1 - s) * c[0] + s * d[0])
    y -= (1 - v) * ((1 - s) * a[1] + s * b[1]) + v * ((1 - s) * c[1] + s * d[1])
    return x, y
