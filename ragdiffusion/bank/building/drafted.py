"""Flat-lays that are drawn from patterns: the fitted garments of a catalogue as they are, and more of their kind."""

from __future__ import annotations

from functools import lru_cache, partial

import cv2
import numpy as np

from ragdiffusion.bank.building.selection import covering_order
from ragdiffusion.bank.building.sources import PICTURE_SIZE, EntrySource, FlatLay
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.engine2d.catalogue import CATALOGUE, Spec
from ragdiffusion.garments.engine2d.cutting import cut
from ragdiffusion.garments.engine2d.draw import draw_flat_lay
from ragdiffusion.garments.engine2d.texture import sample_texture
from ragdiffusion.garments.outlines import without_holes
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.fitting import filling_frame
from ragdiffusion.garments.patterns.pattern import Pattern, draft, kinds
from ragdiffusion.garments.patterns.population import Population, bundled_population
from ragdiffusion.images import SILHOUETTE_SIZE

_DIGITS = 2  # of a measure, as a bank stores it
_SIDE = 28  # pixels at which fits are compared


def fitted_candidates(population: Population | None = None) -> list[EntrySource]:
    """Every fitted garment of a population (the bundled one), of each kind those first that stand for most."""
    order = _bundled_order() if population is None else _order(population)
    population = population or bundled_population()
    return [EntrySource(kind, f"fitted:{kind}-{row}", partial(_fitted, population, kind, row)) for kind, row in order]


@lru_cache(maxsize=1)
def _bundled_order() -> tuple[tuple[str, int], ...]:
    return _order(bundled_population())  # it takes some 10 seconds


def _order(population: Population) -> tuple[tuple[str, int], ...]:
    """Kind and row of every fit, by kind, those first that stand for most."""
    return tuple(
        (kind, int(row))
        for kind, vectors in population.fits.items()
        for row in covering_order(_overlaps(filling_frame(KINDS[kind], vectors, _SIDE)[0]))
    )


def _overlaps(coverage: np.ndarray) -> np.ndarray:
    """Intersection over union of every two of (N, P) soft silhouettes: float32 (N, N)."""
    area = coverage.sum(1)
    both = np.stack([np.minimum(one, coverage).sum(1) for one in coverage])
    return both / (area[:, None] + area - both)


def drawn_candidates(count: int, population: Population | None = None, *, seed: int = 0) -> list[EntrySource]:
    """So many garments drawn from a population, by default the bundled one; kinds take turns."""
    population = population or bundled_population()
    every = kinds()
    found = []
    for number in range(count):
        kind, turn = every[number % len(every)], number // len(every)
        found.append(EntrySource(kind, f"drawn:{kind}-{seed}-{turn}", partial(_drawn, population, kind, seed, turn)))
    return found


def _fitted(population: Population, kind: str, row: int) -> FlatLay:
    measures = dict(zip(KINDS[kind].measures, population.fits[kind][row].tolist(), strict=True))
    return flat_lay(_rounded(kind, measures), np.random.default_rng([row, 7]), f"fitted:{kind}-{row}", "fitted")


def _drawn(population: Population, kind: str, seed: int, number: int) -> FlatLay:
    rng = np.random.default_rng([seed, number, list(kinds()).index(kind)])
    return flat_lay(population.pattern(kind, rng), rng, f"drawn:{kind}-{seed}-{number}", "drawn")


def _rounded(kind: str, measures: dict[str, float]) -> Pattern:
    """The pattern that the bank's measures draw."""
    return draft(kind, {key: round(value, _DIGITS) for key, value in measures.items()})


def flat_lay(pattern: Pattern, rng: np.random.Generator, source: str, tag: str) -> FlatLay:
    """A pattern in cloth that its category is made of.

    Args:
        pattern: what to draw.
        rng: decides the cloth and what a pattern leaves open.
        source: as in `FlatLay`.
        tag: the last of its tags.

    Raises:
        ValueError: if its silhouette falls apart, as where a waist is thinner than a pixel.
    """
    silhouette = without_holes(pattern.rasterise(SILHOUETTE_SIZE))
    if cv2.connectedComponents((silhouette > 127).astype(np.uint8))[0] > 2:  # ground is one of them
        raise ValueError(f"{source}: its silhouette falls apart")
    structure = cut(pattern, rng, spec_of(pattern.kind))
    flat = draw_flat_lay(structure, sample_texture(rng, structure), PICTURE_SIZE)
    known = {key: value for key, value in flat.attributes.items() if value != "Unknown"}
    return FlatLay(
        image=flat.image,
        silhouette=silhouette,
        attributes=known,
        source=source,
        tags=(pattern.kind, structure.kind, tag),
        pattern=PatternSpec(pattern.kind, pattern.measures),
    )


def spec_of(kind: str) -> Spec:
    """What a kind is made of: as its category, or as what comes nearest to it."""
    name = KINDS[kind].category or {"trousers": "Trousers", "shorts": "Shorts"}.get(kind, "Dress")
    return CATALOGUE[name]
