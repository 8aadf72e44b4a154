"""Drawing a structure: which category, which of its kinds, and the pattern it is cut by."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.catalogue import CATALOGUE
from ragdiffusion.garments.engine2d.cutting import cut
from ragdiffusion.garments.engine2d.structure import Structure
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.population import Population

_NAMES = {"trousers": "Trousers", "shorts": "Shorts"}
"""What the engine calls kinds that Table 6 has no category for; one-pieces it does not draw."""

_USUAL, _UNUSUAL = 3.0, 1.0
_UNUSUAL_WORDS = ("cropped", "one_shoulder", "off_shoulder", "bandeau", "wrap", "strap", "camisole", "cap_sleeve")
"""Kinds that are drawn a third as often as the others of their category."""


def kinds_of(category: str) -> dict[str, float]:
    """The kinds of a category of `CATALOGUE`, and how often each is drawn, in shares."""
    found = {
        key: _UNUSUAL if key.startswith(_UNUSUAL_WORDS) else _USUAL
        for key, kind in KINDS.items()
        if (kind.category or _NAMES.get(key)) == category
    }
    whole = sum(found.values())
    return {key: weight / whole for key, weight in found.items()}


def sample_structure(population: Population, rng: np.random.Generator, category: str | None = None) -> Structure:
    """Draw a structure.

    Args:
        population: measures of real garments.
        rng: source of randomness.
        category: a name of `CATALOGUE` (Table 6, "Trousers" or "Shorts"); None draws one by its weight.

    Raises:
        ValueError: unknown category.
    """
    if category is None:
        weights = np.array([s.weight for s in CATALOGUE.values()])
        category = str(rng.choice(list(CATALOGUE), p=weights / weights.sum()))
    if category not in CATALOGUE:
        raise ValueError(f"unknown category {category!r}; wanted one of {', '.join(CATALOGUE)}")
    odds = kinds_of(category)
    kind = str(rng.choice(list(odds), p=list(odds.values())))
    return cut(population.pattern(kind, rng), rng, CATALOGUE[category])
