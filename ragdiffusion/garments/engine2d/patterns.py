"""Drawing a structure: which category, and the pattern it is cut by."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.bottoms import legs, skirt
from ragdiffusion.garments.engine2d.catalogue import CATALOGUE
from ragdiffusion.garments.engine2d.structure import Structure
from ragdiffusion.garments.engine2d.tops import top
from ragdiffusion.garments.shape_model import ShapeModel


def sample_structure(model: ShapeModel, rng: np.random.Generator, category: str | None = None) -> Structure:
    """Draw a structure.

    Args:
        model: outlines of real garments.
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
    spec = CATALOGUE[category]
    build = {"top": top, "dress": top, "skirt": skirt, "pants": legs, "shorts": legs}[spec.kind]
    return build(model, rng, category, spec)
