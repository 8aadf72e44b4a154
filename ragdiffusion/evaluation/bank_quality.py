"""What a bank's silhouettes are like as standards: symmetric, smooth-rimmed, whole, and near to real garments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank import Bank
from ragdiffusion.bank.rims import parts_and_waviness
from ragdiffusion.bank.shape_bits import mirror_symmetry, stored_shape_bits
from ragdiffusion.garments.datasets.catalogue28 import SIDE, CatalogueSilhouette, shrunk
from ragdiffusion.images import SILHOUETTE_SIZE, decode_silhouettes

_LIKELY = 24  # entries that are laid on each catalogue silhouette
_BEST = 8  # of them, whose placing is refined
_FINE = 8  # samples to a pixel
_NUDGES = (0.02, 0.25, 0.25)  # of scale and of shifts in pixels, at first
_HALVINGS = 3  # of the nudges


@dataclass(frozen=True)
class BankQuality:
    """A bank's silhouettes in figures.

    Attributes:
        version: of the bank.
        entries: enabled ones.
        by_category: of them, by Table 6's category.
        patterns: of them, drawn from a pattern that they keep.
        mean_symmetry: mean IoU with the own mirror image, at 64 px.
        rim_waviness: mean distance of the rim from itself smoothed over a fiftieth of its length, corners left out,
            in thousandths of the frame's side; the median over entries. Even bends have next to none.
        broken: entries in several parts.
        holed: entries with a hole.
    """

    version: str
    entries: int
    by_category: dict[str, int]
    patterns: int
    mean_symmetry: float
    rim_waviness: float
    broken: int
    holed: int


def measure_bank(bank: Bank) -> BankQuality:
    """Look at every enabled entry of a bank."""
    entries = list(bank.entries(enabled=True))
    stored = [entry.silhouette for entry in entries]
    shapes = [parts_and_waviness(mask) for mask in _masks(stored)]
    parts, holes, waves = (np.array(values) for values in zip(*shapes, strict=True))
    categories = Counter(entry.attributes.get("category", UNKNOWN) for entry in entries)
    return BankQuality(
        version=bank.version,
        entries=len(entries),
        by_category=dict(categories.most_common()),
        patterns=len(bank.patterns([entry.id for entry in entries])),
        mean_symmetry=float(mirror_symmetry(stored_shape_bits(stored)).mean()),
        rim_waviness=float(np.median(waves)),
        broken=int((parts > 1).sum()),
        holed=int((holes > 0).sum()),
    )


def _masks(stored: Sequence[bytes]) -> np.ndarray:
    """Silhouettes one after the other, uint8 (512, 512) in {0, 1}."""
    for one in stored:
        yield (decode_silhouettes([one], SILHOUETTE_SIZE)[0].numpy() > 0.5).astype(np.uint8)


def coverage(bank: Bank, silhouettes: Sequence[CatalogueSilhouette]) -> dict[str, float]:
    """How near a bank comes to catalogue silhouettes: mean overlap of each with the best entry, at 28 px.

    The overlap is the intersection over union of shares of pixels, the entry's box laid on the silhouette's and then
    moved and scaled as a whole until it overlaps most: a box is known to a third of a pixel, and an outline that is off
    by so much loses more than it differs.

    Returns:
        By category of the catalogue, and "all".
    """
    masks = [mask * np.uint8(255) for mask in _masks([entry.silhouette for entry in bank.entries(enabled=True)])]
    small = np.stack([shrunk(mask).ravel() for mask in masks])
    best: dict[str, list[float]] = {}
    for one in silhouettes:
        flat = one.coverage.ravel()
        both = small @ flat
        likely = np.argsort(-both / (small.sum(1) + flat.sum() - both))[:_LIKELY]
        laid = [_Laid(masks[i], one.coverage) for i in likely]
        boxed = np.array([each.overlap() for each in laid])
        overlap = max(laid[i].best() for i in np.argsort(-boxed)[:_BEST])
        best.setdefault(one.category, []).append(overlap)
    return {"all": float(np.mean(sum(best.values(), []))), **{k: float(np.mean(v)) for k, v in sorted(best.items())}}


class _Laid:
    """An entry laid on a catalogue silhouette, box on box.

    Args:
        mask: uint8 (N, N), the entry's.
        coverage: float32 (28, 28), the silhouette's.
    """

    def __init__(self, mask: np.ndarray, coverage: np.ndarray) -> None:
        self._mask, self._coverage = mask, coverage
        (self._wide, self._from), (self._small, self._to) = (
            ((high - low).max(), (low + high) / 2) for low, high in (_box(mask / 255.0), _box(coverage))
        )

    def overlap(self, scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> float:
        """Intersection over union with the entry so many times its box's size, and so many pixels off it."""
        factor = scale * self._small / self._wide * _FINE
        shift = (self._to + [x, y]) * _FINE - self._from * factor + factor / 2 - 0.5
        matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
        fine = cv2.warpAffine(self._mask, matrix, (SIDE * _FINE, SIDE * _FINE), flags=cv2.INTER_LINEAR)
        drawn = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        return float(np.minimum(drawn, self._coverage).sum() / np.maximum(drawn, self._coverage).sum())

    def best(self) -> float:
        """The overlap at the best place near the box's, found by nudges that get smaller."""
        place, nudges = np.array([1.0, 0.0, 0.0]), np.array(_NUDGES)
        best = self.overlap()
        for _ in range(_HALVINGS + 1):
            moving = True
            while moving:
                moving = False
                for step in np.concatenate([np.diag(nudges), -np.diag(nudges)]):
                    tried = self.overlap(*(place + step))
                    if tried > best:
                        place, best, moving = place + step, tried, True
            nudges = nudges / 2
        return best


def _box(coverage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (x, y) of a soft silhouette's box, in pixels; a rim pixel counts by its share."""
    low, high = [], []
    for most in (coverage.max(0), coverage.max(1)):
        inside = np.flatnonzero(most > 0.1)
        low.append(inside[0] + 1 - most[inside[0]])
        high.append(inside[-1] + most[inside[-1]])
    return np.array(low), np.array(high)
