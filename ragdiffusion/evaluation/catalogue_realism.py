"""Drawn outlines against those of a catalogue, both as 28-pixel pictures: can a classifier tell them apart?

Drawn garments are made into pictures as the catalogue's were (thumbnails on white, every so many-th pixel, sharpened,
inverted), and both sides' silhouettes are found in them by the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ragdiffusion.bank import Bank
from ragdiffusion.bank.building.drafted import flat_lay
from ragdiffusion.evaluation.realism import LEAST, SIZE, Realism, compare, features, straighten
from ragdiffusion.garments.datasets.catalogue28 import SIDE, SYMMETRY, CatalogueSilhouette, coverage_of, mirror_overlap
from ragdiffusion.garments.patterns.pattern import Pattern, draft
from ragdiffusion.garments.patterns.population import Population, bundled_population

THUMBNAIL = 73
"""Height in pixels of the thumbnails that the catalogue's pictures were taken from."""

DRAWN_AS: Mapping[str, tuple[str, ...]] = {
    "t-shirt": ("t_shirt", "cap_sleeve_top", "tank", "polo"),
    "trousers": ("trousers",),
    "pullover": ("sweater", "longsleeve", "turtleneck", "hoodie"),
    "dress": ("dress", "cap_sleeve_dress", "sleeveless_dress", "strap_dress", "shirt_dress"),
    "coat": ("jacket", "windbreaker", "knitted_coat", "denim_jacket", "zip_hoodie"),
    "shirt": ("shirt", "blouse", "cap_sleeve_top", "tank", "longsleeve"),
}
"""Category of the catalogue -> kinds that are drawn for it, evenly."""

_ROOM = 6  # of how many times as many drawings enough silhouettes are found
_SOFTNESS = 0.45  # of a pixel, deviation by which enlarged shares are smoothed


def catalogue_two_sample(
    silhouettes: list[CatalogueSilhouette],
    *,
    bank: Bank | None = None,
    population: Population | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Realism:
    """Try to tell drawn silhouettes from a catalogue's.

    Args:
        silhouettes: of the catalogue, held out.
        bank: compare the patterns of its entries; None draws them from the population.
        population: None takes the bundled one.
        limit: at most so many silhouettes of a category.
        seed: of drawing and of the folds.

    Returns:
        As `realism.two_sample`.

    Raises:
        ValueError: no category has 10 silhouettes on both sides.
    """
    draw = _from_population(population or bundled_population()) if bank is None else _from_bank(bank)
    rng = np.random.default_rng([seed, 28])
    sides = {}
    for category, kinds in DRAWN_AS.items():
        real = [one.coverage for one in silhouettes if one.category == category]
        real = [real[i] for i in rng.permutation(len(real))[:limit]]
        drawn = _drawn(draw, kinds, len(real), rng)
        count = min(len(real), len(drawn))
        if count >= LEAST:
            sides[category] = tuple(
                np.stack([features(straighten(enlarged(s))) for s in side[:count]]) for side in (real, drawn)
            )
    if not sides:
        raise ValueError(f"no category has {LEAST} silhouettes on both sides to compare")
    return compare(sides, seed)


_Draw = Callable[[tuple[str, ...], np.random.Generator], Pattern | None]


def _from_population(population: Population) -> _Draw:
    def draw(kinds: tuple[str, ...], rng: np.random.Generator) -> Pattern:
        return population.pattern(kinds[int(rng.integers(len(kinds)))], rng)

    return draw


def _from_bank(bank: Bank) -> _Draw:
    specs = list(bank.patterns(bank.embeddings()[0]).values())

    def draw(kinds: tuple[str, ...], rng: np.random.Generator) -> Pattern | None:
        fitting = [spec for spec in specs if spec.kind in kinds]
        if not fitting:
            return None
        spec = fitting[int(rng.integers(len(fitting)))]
        specs.remove(spec)  # each once
        return draft(spec.kind, spec.measures)

    return draw


def _drawn(draw: _Draw, kinds: tuple[str, ...], wanted: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Shares of drawn garments that pass the checks that the catalogue's have passed."""
    found: list[np.ndarray] = []
    for _ in range(_ROOM * wanted):
        if len(found) == wanted:
            break
        pattern = draw(kinds, rng)
        if pattern is None:
            break
        coverage = coverage_of(photographed(flat_lay(pattern, rng, "", "").image))
        if coverage is not None and mirror_overlap(coverage) >= SYMMETRY:
            found.append(coverage)
    return found


def photographed(image: np.ndarray) -> np.ndarray:
    """A flat-lay on white as a picture of the catalogue: uint8 (N, N, 3) -> uint8 (28, 28), a garment on black."""
    grey = 255 - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows, columns = np.flatnonzero(grey.max(1) > 8), np.flatnonzero(grey.max(0) > 8)
    cut = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = THUMBNAIL / max(cut.shape)
    thumbnail = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scale = SIDE / max(thumbnail.shape)
    small = cv2.resize(thumbnail, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)[:SIDE, :SIDE]
    small = small.astype(np.float32)
    sharp = np.where(small > 0, np.clip(2 * small - cv2.GaussianBlur(small, (3, 3), 1.0), 0, 255), 0)
    picture = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - sharp.shape[0]) // 2, (SIDE - sharp.shape[1]) // 2
    picture[top : top + sharp.shape[0], left : left + sharp.shape[1]] = sharp
    return picture


def enlarged(coverage: np.ndarray) -> np.ndarray:
    """Shares of 28 x 28 pixels as a soft mask, uint8 (256, 256), whose half way is the outline."""
    scale = (SIZE - 32) // SIDE
    large = cv2.resize(np.pad(coverage, 2), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(large, (0, 0), _SOFTNESS * scale)
    return np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8)
