"""Silhouettes of polygons: the share of every pixel that they cover, for one pattern or thousands at once."""

from __future__ import annotations

import numpy as np

LINES = 8
"""Strips of a pixel by default: in each a side is where it is in the strip's middle, and as high as it is there; so an
edge that lies level covers its share exactly, and a little more of it where it is moved a little."""


def coverage(polygons: list[np.ndarray], size: int) -> np.ndarray:
    """The union of polygons.

    Args:
        polygons: (N, 2) each, in pixels where pixel i covers [i, i + 1]; all of one sense of travel.
        size: side of the picture.

    Returns:
        uint8 [size, size], 255 where a pixel is covered whole.
    """
    starts = np.concatenate(polygons)
    ends = np.concatenate([np.roll(points, -1, axis=0) for points in polygons])
    coverage = covered(starts, ends, np.zeros(len(starts), np.int64), 1, size)[0]
    coverage *= 255
    coverage += 0.5
    return coverage.astype(np.uint8)


def coverages(polygons: list[np.ndarray], size: int, lines: int = LINES) -> np.ndarray:
    """Unions of polygons, many pictures at once.

    Args:
        polygons: (B, N, 2) each, in pixels; polygon k of picture b is `polygons[k][b]`; all of one sense of travel.
        size: side of the pictures.
        lines: strips of a pixel.

    Returns:
        float32 (B, size, size) in [0, 1].
    """
    count = len(polygons[0])
    starts = np.concatenate([p.reshape(-1, 2) for p in polygons])
    ends = np.concatenate([np.roll(p, -1, axis=1).reshape(-1, 2) for p in polygons])
    owners = np.concatenate([np.repeat(np.arange(count), p.shape[1]) for p in polygons])
    return covered(starts, ends, owners, count, size, lines)


def covered(
    starts: np.ndarray, ends: np.ndarray, owners: np.ndarray, count: int, size: int, lines: int = LINES
) -> np.ndarray:
    """Coverage by sides of polygons: each adds its height to all that lies on its right, strip by strip.

    Args:
        starts, ends: (M, 2) in pixels.
        owners: (M,), to which of the pictures a side belongs.
        count: of pictures.
        size: their side.
        lines: strips of a pixel.

    Returns:
        float32 [count, size, size] in [0, 1]. Where polygons of a picture lie over each other it counts once.
    """
    low, high = (np.clip(y(starts[:, 1], ends[:, 1]), 0, size) * lines for y in (np.minimum, np.maximum))
    first, last = np.floor(low).astype(np.int64), np.ceil(high).astype(np.int64)
    crossed = np.where(high > low, last - first, 0)
    side = np.repeat(np.arange(len(starts)), crossed)
    number = np.arange(len(side)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[side]
    way = (ends - starts)[side]
    top, bottom = np.maximum(low[side], number), np.minimum(high[side], number + 1)
    share = ((top + bottom) / (2 * lines) - starts[side, 1]) / way[:, 1]
    x = np.clip(starts[side, 0] + share * way[:, 0], 0, size)
    column = x.astype(np.int64)
    beyond = x - column
    sign = np.where(way[:, 1] > 0, -1.0, 1.0) * (bottom - top) / lines
    width = size + 2
    place = (owners[side] * size + number // lines) * width + column
    weights = sign * beyond
    places, weights = np.concatenate([place, place + 1]), np.concatenate([sign - weights, weights])
    total = np.bincount(places, weights, count * size * width)
    coverage = np.cumsum(total.reshape(count, size, width), axis=2, dtype=np.float32)[:, :, :size]
    return np.clip(coverage, 0, 1)
