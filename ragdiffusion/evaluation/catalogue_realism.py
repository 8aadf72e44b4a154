"""Drawn outlines against those of a catalogue, both as 28-pixel pictures: can a classifier tell them apart?

Drawn garments are made into pictures as the catalogue's were (small, sharpened, inverted), and both sides' silhouettes
are found in them by the same steps. That a pixel there is the mean of the area under it was seen on patterns fitted to
the catalogue: so made, their pictures are told from it with an AUC of 0.7; of every so many-th pixel of a thumbnail,
with 0.95. Both sides are then laid on their own mirror images, since a standard is symmetric and its photo never quite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ragdiffusion.bank import Bank
from ragdiffusion.bank.building.drafted import flat_lay
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.evaluation.realism import LEAST, SIZE, Realism, compare, features, straighten
from ragdiffusion.garments.datasets.catalogue28 import (
    SIDE,
    SYMMETRY,
    CatalogueSilhouette,
    coverage_of,
    mirror_overlap,
    mirrored,
    sharpened,
)
from ragdiffusion.garments.patterns.pattern import Pattern, draft
from ragdiffusion.garments.patterns.population import Population, bundled_population

DRAWN_AS: Mapping[str, Mapping[str, float]] = {
    "t-shirt": {
        "t_shirt": 0.66,
        "tank": 0.14,
        "polo": 0.08,
        "longsleeve": 0.06,
        "camisole": 0.03,
        "bodysuit": 0.02,
        "cap_sleeve_top": 0.01,
    },
    "trousers": {"trousers": 1.0},
    "pullover": {"longsleeve": 0.40, "turtleneck": 0.23, "sweater": 0.19, "blouse": 0.16, "hoodie": 0.02},
    "dress": {
        "dress": 0.25,
        "sleeveless_dress": 0.24,
        "wrap_dress": 0.23,
        "shirt_dress": 0.10,
        "bandeau_dress": 0.10,
        "strap_dress": 0.06,
        "off_shoulder_dress": 0.02,
    },
    "coat": {
        "denim_jacket": 0.36,
        "jacket": 0.36,
        "windbreaker": 0.08,
        "knitted_coat": 0.05,
        "zip_hoodie": 0.05,
        "leather_long_coat": 0.04,
        "hooded_down_jacket": 0.03,
        "knitted_cardigan": 0.03,
    },
    "shirt": {
        "shirt": 0.46,
        "turtleneck": 0.15,
        "blouse": 0.15,
        "longsleeve": 0.11,
        "tank": 0.07,
        "polo": 0.03,
        "t_shirt": 0.02,
        "camisole": 0.01,
    },
}
"""Category of the catalogue -> kinds that are drawn for it, and in what proportion: that of fits to its silhouettes."""

_ROOM = 6  # of how many times as many drawings enough silhouettes are found
_SOFTNESS = 0.8  # of a pixel, deviation by which enlarged shares are smoothed


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
                np.stack([features(straighten(enlarged(folded(s)))) for s in side[:count]]) for side in (real, drawn)
            )
    if not sides:
        raise ValueError(f"no category has {LEAST} silhouettes on both sides to compare")
    return compare(sides, seed)


_Draw = Callable[[Mapping[str, float], np.random.Generator], Pattern | None]


def _from_population(population: Population) -> _Draw:
    def draw(kinds: Mapping[str, float], rng: np.random.Generator) -> Pattern:
        return population.pattern(_one_of(kinds, rng), rng)

    return draw


def _from_bank(bank: Bank) -> _Draw:
    specs: dict[str, list[PatternSpec]] = {}
    for spec in bank.patterns(bank.embeddings()[0]).values():
        specs.setdefault(spec.kind, []).append(spec)

    def draw(kinds: Mapping[str, float], rng: np.random.Generator) -> Pattern | None:
        left = {kind: share for kind, share in kinds.items() if specs.get(kind)}
        if not left:
            return None
        some = specs[_one_of(left, rng)]
        spec = some.pop(int(rng.integers(len(some))))  # each once
        return draft(spec.kind, spec.measures)

    return draw


def _one_of(kinds: Mapping[str, float], rng: np.random.Generator) -> str:
    shares = np.array(list(kinds.values()))
    return list(kinds)[int(rng.choice(len(shares), p=shares / shares.sum()))]


def _drawn(draw: _Draw, kinds: Mapping[str, float], wanted: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Shares of drawn garments that pass the checks that the catalogue's have passed."""
    found: list[np.ndarray] = []
    for _ in range(_ROOM * wanted):
        if len(found) == wanted:
            break
        pattern = draw(kinds, rng)
        if pattern is None:
            break
        try:
            coverage = coverage_of(photographed(flat_lay(pattern, rng, "", "").image))
        except ValueError:  # it falls apart
            continue
        if coverage is not None and mirror_overlap(coverage) >= SYMMETRY:
            found.append(coverage)
    return found


def photographed(image: np.ndarray) -> np.ndarray:
    """A flat-lay on white as a picture of the catalogue: uint8 (N, N, 3) -> uint8 (28, 28), a garment on black."""
    grey = 255 - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows, columns = np.flatnonzero(grey.max(1) > 8), np.flatnonzero(grey.max(0) > 8)
    cut = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = SIDE / max(cut.shape)
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:SIDE, :SIDE].astype(np.float32)
    sharp = np.where(small > 0, np.clip(sharpened(small), 0, 255), 0)
    picture = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - sharp.shape[0]) // 2, (SIDE - sharp.shape[1]) // 2
    picture[top : top + sharp.shape[0], left : left + sharp.shape[1]] = sharp
    return picture


def folded(coverage: np.ndarray) -> np.ndarray:
    """Mean of a silhouette (28, 28) and its mirror image."""
    return (coverage + mirrored(coverage)) / 2


def enlarged(coverage: np.ndarray) -> np.ndarray:
    """Shares of 28 x 28 pixels as a soft mask, uint8 (256, 256), whose half way is the outline."""
    scale = (SIZE - 32) // SIDE
    large = cv2.resize(np.pad(coverage, 2), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(large, (0, 0), _SOFTNESS * scale)
    return np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8)
