"""Pictures that are the same: exactly, or but for compression and size.

A hash of the coarse brightness pattern finds candidates among many pictures; their pixels, colour included, decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import faiss
import numpy as np

COMPARED_SIDE = 96  # pixels of the pictures whose pixels are compared
_HASH_SIDE = 16  # so many rows and columns of the cosine transform: 256 bits
_PLANE_SIDE = 64
_RADIUS = 40  # differing bits of 256 up to which two pictures are candidates
_MEAN, _EXTREME = 3.0, 25.0  # levels of 255: mean difference, and the one that 99 % of the pixels stay below
_BLOCK = 2048  # pictures searched for at once


def picture_hash(image: np.ndarray) -> np.ndarray:
    """Hash a picture by the signs of its cosine transform against their median (a perceptual hash).

    Args:
        image: uint8 (N, N, 3).

    Returns:
        uint8 (32,), 256 bits.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    plane = cv2.resize(grey, (_PLANE_SIDE, _PLANE_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(plane)[:_HASH_SIDE, :_HASH_SIDE].ravel()
    return np.packbits(low > np.median(low[1:]))


def same_picture(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures differ by compression and resampling at most; both uint8 (N, N, 3)."""
    difference = np.abs(_smooth(a) - _smooth(b)).max(axis=-1)
    return bool(difference.mean() <= _MEAN and np.quantile(difference, 0.99) <= _EXTREME)


def same_pictures(
    hashes: np.ndarray,
    picture: Callable[[int], np.ndarray],
    others: np.ndarray | None = None,
    other: Callable[[int], np.ndarray] | None = None,
) -> list[tuple[int, int]]:
    """Find the pairs of pictures that are the same.

    Args:
        hashes: uint8 (n, 32), from `picture_hash`.
        picture: gives picture i at the side `COMPARED_SIDE`.
        others, other: a second set; without it, pairs within the first are found.

    Returns:
        Pairs (i, j), sorted; i < j within one set, i from the first and j from the second otherwise.
    """
    within = others is None
    others, other = (hashes, picture) if others is None or other is None else (others, other)
    if len(hashes) == 0 or len(others) == 0:
        return []
    index = faiss.IndexBinaryFlat(hashes.shape[1] * 8)
    index.add(np.ascontiguousarray(others))
    found = []
    for start in range(0, len(hashes), _BLOCK):
        limits, _, matches = index.range_search(np.ascontiguousarray(hashes[start : start + _BLOCK]), _RADIUS)
        for row in range(len(limits) - 1):
            i = start + row
            candidates = [int(j) for j in matches[limits[row] : limits[row + 1]] if not within or j > i]
            if candidates:
                mine = picture(i)
                found += [(i, j) for j in candidates if same_picture(mine, other(j))]
    return sorted(found)


def first_of_each(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """From pairs of equals to what repeats what.

    Returns:
        {later: first}, the first being the smallest number of all that are connected to it.
    """
    first: dict[int, int] = {}

    def root(i: int) -> int:
        while first.get(i, i) != i:
            i = first[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        first[high] = low
    return {i: root(i) for i in sorted(first) if root(i) != i}


def _smooth(image: np.ndarray) -> np.ndarray:
    """Without the finest grain, which resampling changes most; int16."""
    return cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.int16)
