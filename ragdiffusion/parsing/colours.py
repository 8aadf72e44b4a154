"""What a photo's own colours say of its unsure pixels: cloth looks like the rest of its garment.

A network that was trained on other people's clothes is unsure where a shadow or an odd posture is new to it. The parts
that it is sure of show which colours this garment, this skin and this ground have; by Bayes' rule they decide the rest.
"""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.parsing.labels import likeliest

_CELLS = 16  # of a colour histogram along L, a and b
_CHROMA = 64  # a and b from here on are told apart, in steps of 8
_SURE = 0.8  # probability from which a pixel shows the colours of its label
_ENOUGH = 0.003  # share of the photo that a label is surely seen in, to be judged by its colours
_FLOOR = 2e-4  # probability of a colour that a label was not seen in
_SETTLED, _RAMP = 0.97, 0.1  # from this probability on a pixel keeps its label, and over which range it begins to


def decided_by_colour(probabilities: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Weigh the labels of unsure pixels by how often surely labelled ones have their colour.

    What a pixel gives to labels that are nowhere sure stays with them. Colours move the borders of what the network
    sees, and make no islands: white letters on a red shirt are no holes in it, however white the ground is.

    Args:
        probabilities: float32 (C, h, w), of labels, 1 in sum.
        pixels: uint8 (h, w, 3), RGB.

    Returns:
        float32 (C, h, w), 1 in sum.
    """
    count = len(probabilities)
    known = probabilities.reshape(count, -1)
    place = _cells_of(pixels).ravel()
    sure = np.where(known > _SURE, known, 0)
    judged = np.flatnonzero(sure.sum(1) >= _ENOUGH * place.size)
    if len(judged) < 2:  # there is nothing to choose between
        return probabilities
    seen = np.stack([np.bincount(place, weights=sure[label], minlength=_CELLS**3) for label in judged])
    likelihood = _smooth(seen) / seen.sum(1, keepdims=True) + _FLOOR
    weighed = known[judged] * likelihood.astype(np.float32)[:, place]
    weighed *= known[judged].sum(0) / np.maximum(weighed.sum(0), np.finfo(np.float32).tiny)
    doubt = np.clip((_SETTLED - known.max(0)) / _RAMP, 0, 1)
    decided = known.copy()
    decided[judged] += (weighed - known[judged]) * doubt
    return _without_islands(probabilities, decided.reshape(probabilities.shape))


def _without_islands(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Take back each connected part, in place, that has a label that the network saw in none of it."""
    seen, told = likeliest(before), likeliest(after)
    for label in np.unique(told[told != seen]):
        count, numbers = cv2.connectedComponents((told == label).astype(np.uint8), connectivity=8)
        grown = np.zeros(count, bool)
        grown[numbers[seen == label]] = True
        grown[0] = True  # what has other labels
        if not grown.all():
            island = ~grown[numbers]
            after[:, island] = before[:, island]
    return after


def _cells_of(pixels: np.ndarray) -> np.ndarray:
    """The histogram's cell of each pixel, (h, w)."""
    lightness, *chroma = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.int32))
    a, b = (np.clip((plane - _CHROMA) // 8, 0, _CELLS - 1) for plane in chroma)
    return (lightness // 16 * _CELLS + a) * _CELLS + b


def _smooth(histograms: np.ndarray) -> np.ndarray:
    """Histograms (C, cells) with a binomial window of three cells along each axis."""
    cube = histograms.reshape(-1, _CELLS, _CELLS, _CELLS)
    for axis in (1, 2, 3):
        rim = [(1, 1) if one == axis else (0, 0) for one in range(4)]
        before, middle, after = (
            np.take(np.pad(cube, rim, mode="edge"), range(start, start + _CELLS), axis) for start in range(3)
        )
        cube = (before + 2 * middle + after) / 4
    return cube.reshape(len(histograms), -1)
