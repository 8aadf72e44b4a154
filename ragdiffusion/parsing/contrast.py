"""Whether something is there to be seen: a network may name what lies on an empty picture too."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.parsing.labels import LABEL

_LEAST = 3.0  # of 255: the faintest of 34 garments of training photos had 32
_DIFFERENT = 0.33  # the least of 110 laid garments of training photos, cropped tightly or not, had 0.36
_LEAST_GROUND = 0.08  # of a picture; those photos, cropped tightly, had 0.16
_SAMPLE = 4000  # pixels that are compared
_GAP, _RING = 5, 13  # pixels between a region and the ring around it, and to that ring's end: sides of the kernels


def stands_out(region: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a region differs from what is around it, or holds any difference itself.

    Args:
        region: bool (h, w).
        picture: uint8 (h, w, 3).
    """
    if not region.any():
        return False
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1)
    inside = smooth[region]  # (N, 3)
    if inside.std(0).max() >= _LEAST:
        return True
    grown = [cv2.dilate(region.astype(np.uint8), np.ones((side, side), np.uint8)) > 0 for side in (_GAP, _RING)]
    ring = grown[1] & ~grown[0]
    return bool(ring.any()) and bool(np.abs(inside.mean(0) - smooth[ring].mean(0)).max() >= _LEAST)


def has_ground(labels: np.ndarray) -> bool:
    """Whether a picture without a person shows so much ground that a garment can have an outline in it.

    Args:
        labels: uint8 (h, w), of a parse.
    """
    return float((labels == LABEL["ground"]).mean()) >= _LEAST_GROUND


def looks_different(region: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a region is of another colour or texture than the rest, and no piece of one pattern.

    The distributions of lightness, colour and local contrast within and without are compared, by the largest
    difference between their cumulative shares (Kolmogorov and Smirnov's statistic).

    Args:
        region: bool (h, w).
        picture: uint8 (h, w, 3).
    """
    within = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    without = cv2.dilate(region.astype(np.uint8), np.ones((_GAP, _GAP), np.uint8)) == 0
    if not within.any() or not without.any():
        return True
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light, mean = lab[..., 0], cv2.GaussianBlur(lab[..., 0], (0, 0), 4)
    contrast = np.sqrt(np.maximum(cv2.GaussianBlur(light * light, (0, 0), 4) - mean * mean, 0))
    looks = np.dstack([cv2.GaussianBlur(lab, (0, 0), 2), cv2.GaussianBlur(lab, (0, 0), 6), contrast])
    inside, outside = (_sampled(looks[where]) for where in (within, without))
    return max(_statistic(*values) for values in zip(inside.T, outside.T, strict=True)) >= _DIFFERENT


def _sampled(values: np.ndarray) -> np.ndarray:
    """At most `_SAMPLE` rows, evenly taken."""
    return values[:: max(1, len(values) // _SAMPLE)]


def _statistic(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference between the cumulative shares of two samples, in [0, 1]."""
    values = np.sort(np.concatenate([first, second]))
    shares = [np.searchsorted(np.sort(sample), values, "right") / len(sample) for sample in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())
