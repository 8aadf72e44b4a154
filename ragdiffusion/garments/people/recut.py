"""Pictures of a garment carried from one pattern to another of its kind, panel by panel."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
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
    names = sorted(set(source.parts) & set(target.parts), key=lambda name: name in _LAST)
    for name in names:
        own = _splat(source, target, name, size)
        covered = own[..., 2] > 0
        sums[covered] = own[covered]
    return filled(sums)


def recut(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sample an image (N, N) or (N, N, C) at places of its frame; beyond its rim it goes on as at the rim."""
    return cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _splat(source: Pattern, target: Pattern, name: str, size: int) -> np.ndarray:
    """Sum x, y and 1 of samples of a panel, places in the source, at their pixels in the target: (N, N, 3)."""
    scale, origin = target.frame(size)
    longer = np.ptp(target.parts[name].polygon(0.2), axis=0).max()
    samples = int(np.clip(longer * scale * _DENSE, _LEAST, _MOST))
    there = np.floor(target.parts[name].grid(samples, samples) * scale + origin).astype(int).reshape(-1, 2)
    scale, origin = source.frame(size)
    here = (source.parts[name].grid(samples, samples) * scale + origin - 0.5).reshape(-1, 2)
    inside = ((there >= 0) & (there < size)).all(1)
    cells = there[inside, 1] * size + there[inside, 0]
    columns = [here[inside, 0], here[inside, 1], np.ones(inside.sum())]
    return np.stack(
        [np.bincount(cells, column, size * size).reshape(size, size) for column in columns], axis=-1
    ).astype(np.float32)
