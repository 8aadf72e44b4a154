"""Silhouettes of catalogue flat-lays: Fashion-MNIST's 28 x 28 pictures as shares of garment in every pixel.

The data set (Xiao et al. 2017; Expat licence) is read from where it was installed, Debian's package
`dataset-fashion-mnist` for one. Its pictures are grey garments on exact black, made small and then sharpened; with
that taken back, a pixel's grey at their rims over its inner neighbours' tells how much of it is garment, so that an
outline is known to about a third of a pixel.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.images import CANONICAL_MARGIN

INSTALLED = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package puts it."""

SIDE = 28
CATEGORIES: dict[int, str] = {0: "t-shirt", 1: "trousers", 2: "pullover", 3: "dress", 4: "coat", 6: "shirt"}
"""Labels of garments; the others are shoes and bags."""

HELD_OUT = 10
"""Every so many-th silhouette measures, and is never fitted."""

SYMMETRY = 0.9
"""Least overlap with the own mirror image of a silhouette that stands for a standard."""

SHARPENED = 0.83
"""By how much of its difference from its own blur a picture was sharpened: off the middle, the 3 x 3 kernel of radius
and deviation 1 that image tools sharpen with sums up to so much of the blur's."""

BLUR = 0.45
"""Deviation in pixels by which what is read of a picture is softer than the shares of its pixels: sharpening is taken
back, but not to the last. Patterns that are blurred so come nearest to it (squared differences fall by 20 to 50 %)."""

_GROUND = 8  # greys that are still ground, near a garment
_ROUNDS, _STEP = 12, 0.8  # in which sharpening is taken back, and how far each goes
_FILES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class CatalogueSilhouette:
    """One catalogue garment.

    Attributes:
        category: one of `CATEGORIES`.
        number: its place in the data set.
        coverage: float32 [28, 28] in [0, 1], how much of each pixel is garment.
    """

    category: str
    number: int
    coverage: np.ndarray

    @property
    def held_out(self) -> bool:
        """Whether it measures only."""
        return self.number % HELD_OUT == 0


def read_silhouettes(folder: Path = INSTALLED, split: str = "train", *, step: int = 1) -> Iterator[CatalogueSilhouette]:
    """The silhouettes of a split that are whole, of one part and nearly symmetric.

    Args:
        folder: holds the data set's four files.
        split: "train" (60,000 pictures) or "test" (10,000).
        step: take every so many-th picture; `HELD_OUT` takes those that are held out.

    Raises:
        ValueError: the files are not there.
    """
    pictures, labels = (_read(Path(folder), split, what) for what in ("images-idx3", "labels-idx1"))
    pictures = pictures.reshape(-1, SIDE, SIDE)
    for number in range(0, len(pictures), step):
        category = CATEGORIES.get(int(labels[number]))
        coverage = None if category is None else coverage_of(pictures[number])
        if coverage is not None and mirror_overlap(coverage) >= SYMMETRY:
            yield CatalogueSilhouette(category, number, coverage)


def _read(folder: Path, split: str, what: str) -> np.ndarray:
    path = folder / f"{_FILES[split]}-{what}-ubyte.gz"
    if not path.is_file():
        raise ValueError(f"{path}: not found; install Debian's dataset-fashion-mnist, or name the folder that holds it")
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8)[16 if what.startswith("images") else 8 :]


def coverage_of(picture: np.ndarray) -> np.ndarray | None:
    """How much of each pixel is garment.

    Args:
        picture: uint8 [28, 28], a garment on black.

    Returns:
        float32 [28, 28] in [0, 1]; None where the garment is in pieces.
    """
    grey = np.pad(picture, 2).astype(np.float32)
    ground, places = cv2.connectedComponents((grey <= _GROUND).astype(np.uint8), connectivity=4)
    inside = (places != places[0, 0]).astype(np.uint8)  # holes count as garment: prints are black too
    _, places, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    if len(stats) < 2:
        return None
    sizes = stats[1:, cv2.CC_STAT_AREA]
    if sizes.max() < 0.97 * sizes.sum():
        return None
    inside = (places == 1 + int(np.argmax(sizes))).astype(np.uint8)
    core = cv2.erode(inside, np.ones((3, 3), np.uint8))
    shade = _softened(np.where(inside > 0, grey, 0))
    cloth, known = np.where(core > 0, shade, 0), core.astype(np.float32)
    reference = np.zeros_like(shade)
    for side in (5, 3):  # of the nearest cloth, where there is some
        near = cv2.blur(known, (side, side))
        reference = np.where(near > 0, cv2.blur(cloth, (side, side)) / np.maximum(near, 1e-6), reference)
    rim = np.clip(shade / np.maximum(reference, 30), 0, 1)
    thin = np.clip(grey / 80, 0, 1)
    coverage = np.where(core > 0, 1, np.where(inside > 0, np.where(reference > 0, rim, thin), 0))
    return coverage[2:-2, 2:-2].astype(np.float32)


def sharpened(soft: np.ndarray) -> np.ndarray:
    """A small picture (H, W) of a garment's box, float32, sharpened as the data set's were."""
    return soft + SHARPENED * (soft - cv2.GaussianBlur(soft, (3, 3), 1.0, borderType=cv2.BORDER_REPLICATE))


def _softened(sharp: np.ndarray) -> np.ndarray:
    """A picture (H, W) before it was sharpened; what is 0 stays 0."""
    rows, columns = np.flatnonzero(sharp.max(1)), np.flatnonzero(sharp.max(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    wanted = sharp[box]
    soft = wanted.copy()
    for _ in range(_ROUNDS):
        soft = np.where(wanted > 0, np.maximum(soft + _STEP * (wanted - sharpened(soft)), 0), 0)
    found = np.zeros_like(sharp)
    found[box] = soft
    return found


def mirror_overlap(coverage: np.ndarray) -> float:
    """Overlap of a silhouette with its mirror image about the middle of its mass."""
    other = mirrored(coverage)
    return float(np.minimum(coverage, other).sum() / np.maximum(coverage, other).sum())


def mirrored(coverage: np.ndarray) -> np.ndarray:
    """Mirror image of a silhouette (S, S) about the middle of its mass."""
    columns = coverage.sum(0)
    middle = float((columns * (np.arange(coverage.shape[1]) + 0.5)).sum() / columns.sum())
    shift = np.array([[1, 0, coverage.shape[1] - 2 * middle], [0, 1, 0]], np.float32)
    return cv2.warpAffine(np.ascontiguousarray(coverage[:, ::-1]), shift * [1, 1, -1], coverage.shape[::-1])


def shrunk(mask: np.ndarray) -> np.ndarray:
    """A silhouette in the canonical frame as shares of 28 x 28 pixels that its box fills."""
    side = mask.shape[0]
    scale = SIDE * CANONICAL_MARGIN / side
    fine = cv2.resize(mask, None, fx=8 * scale, fy=8 * scale, interpolation=cv2.INTER_LINEAR)
    edge = (fine.shape[0] - 8 * SIDE) // 2
    crop = np.ascontiguousarray(fine[edge : edge + 8 * SIDE, edge : edge + 8 * SIDE])
    return cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
