"""Masks, frames and labels as they are at work: found by a network, soft, and a little wrong."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.pair import Pair
from ragdiffusion.parsing.labels import CATEGORIES, LABEL, LABELS
from ragdiffusion.structure.framing import crop, labels_over

_UNASKED = 0.15  # share of photos whose parse is not there: a person's own mask comes without
_AS_FOUND = 0.8  # share of pairs shown as a parser found them, where one was asked; the others' faults are drawn


def as_found(pair: Pair, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """A pair's garment as it is known at work: found by a parser, mostly, or its true mask put in doubt.

    Returns:
        its mask, float32 (N, N) in [0, 1], and that parser's label probabilities, float32 (9, n, n); None where the
        true labels are to be put in doubt too.
    """
    if pair.found is not None and pair.parsed is not None and rng.random() < _AS_FOUND:
        return pair.found.astype(np.float32) / 255, pair.parsed.astype(np.float32) / 255
    return uncertain(pair.photo_mask.astype(np.float32) / 255, rng), None


def uncertain(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A garment mask as one that is found in a photo: soft, and a little wrong; float32 (N, N) in [0, 1]."""
    size = len(mask)
    error = rng.normal(size=(6, 6)).astype(np.float32) * 0.15
    error = cv2.resize(error, (size, size), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(mask, (0, 0), size * rng.uniform(0.008, 0.03))
    return np.clip((soft + error * (soft > 0.02) - 0.5) * rng.uniform(1, 2) + 0.5, 0, 1)


def jittered(frame: tuple[float, float, float], rng: np.random.Generator) -> tuple[float, float, float]:
    """A frame as a garment mask that is a little wrong would give it."""
    x, y = frame[:2] + rng.normal(size=2) * 0.02 * frame[2]
    return float(x), float(y), float(frame[2] * rng.uniform(0.93, 1.1))


def doubted_labels(
    labels: np.ndarray, frame: tuple[float, float, float], size: int, rng: np.random.Generator
) -> np.ndarray:
    """A label map cut out, in probabilities as a parser gives them: soft at borders, now and then wrong in a patch.

    Args:
        labels: uint8 (N, N), as `parsing.labels.LABELS` numbers them.
        frame: of `structure.framing`.
        size: side of the result, pixels.
        rng: of its faults.

    Returns:
        float32 (9, size, size) in [0, 1], of sum 1; beyond the photo there is ground.
    """
    planes = np.zeros((len(LABELS), size, size), np.float32)
    for number in np.unique(labels):
        planes[number] = crop((labels == number).astype(np.float32), frame, size, beyond=cv2.BORDER_CONSTANT)
    planes[0] += np.clip(1 - planes.sum(0), 0, 1)
    return _doubted(planes, rng)


def known_labels(pair: Pair) -> np.ndarray | None:
    """The label of each pixel of a pair's photo, uint8 (N, N); a laid garment's is known by its kind, if that is."""
    kind = CATEGORIES.get(pair.category)
    if pair.labels is None and kind is not None:
        return np.where(pair.photo_mask > 127, LABEL[kind], 0).astype(np.uint8)
    return pair.labels


def labels_around(
    pair: Pair, frame: tuple[float, float, float], rng: np.random.Generator, parsed: np.ndarray | None = None
) -> np.ndarray:
    """What a parser says of a cut of a pair's photo, or may say; a laid garment's label is known by its kind.

    Args:
        pair: whose true labels are put in doubt.
        frame: of `structure.framing`.
        rng: of these faults.
        parsed: (9, n, n) in [0, 1], what a parser said of the photo; it is taken instead.

    Returns:
        uint8 (9, N, N) of 255ths, all 0 where no parser is asked or nobody knows.
    """
    size, labels = len(pair.photo), known_labels(pair)
    if (parsed is None and labels is None) or rng.random() < _UNASKED:
        return np.zeros((len(LABELS), size, size), np.uint8)
    return np.rint(told_labels(labels, parsed, frame, size, rng) * 255).astype(np.uint8)


def told_labels(
    labels: np.ndarray | None,
    parsed: np.ndarray | None,
    frame: tuple[float, float, float],
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Label probabilities of a cut: what a parser said, or else true labels put in doubt.

    Args:
        labels: as for `doubted_labels`; None where `parsed` is given.
        parsed: (9, n, n) in [0, 1], of the whole photo; None: no parser was asked.
        frame: of `structure.framing`.
        size: side of the result, pixels.
        rng: of drawn faults.

    Returns:
        float32 (9, size, size) in [0, 1].
    """
    return doubted_labels(labels, frame, size, rng) if parsed is None else labels_over(parsed, frame, size)


def _doubted(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities as a parser gives them: soft at borders, and wrong in a patch now and then."""
    soft = np.stack([cv2.GaussianBlur(plane, (0, 0), s) for s in [rng.uniform(0.5, 2.5)] for plane in labels])
    if rng.random() < 0.35:
        size = labels.shape[1]
        x, y = rng.integers(0, size, 2)
        patch = np.zeros((size, size), np.float32)
        cv2.ellipse(
            patch,
            (int(x), int(y)),
            tuple(int(v) for v in rng.integers(3, max(4, size // 6), 2)),
            float(rng.uniform(0, 180)),
            0,
            360,
            1.0,
            -1,
        )
        patch = cv2.GaussianBlur(patch, (0, 0), 1.5) * rng.uniform(0.4, 1)
        soft *= 1 - patch
        soft[rng.integers(len(labels))] += patch
    return soft / np.maximum(soft.sum(0), 1e-3)
