"""Trousers, shorts and skirts."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import LOWER
from ragdiffusion.garments.people.wardrobe import Garment


def sample_trousers(body: Fitting, female: bool, rng: np.random.Generator) -> Garment:
    """Draw trousers or shorts."""
    u = rng.uniform
    short = rng.random() < 0.2
    loose = float(np.clip(rng.normal(0.3, 0.27), 0, 1))
    leg = u(0.16, 0.52) if short else u(0.82, 1.03)
    top_y = body.waist_y + u(-4, 7)
    garment = Garment(
        "shorts" if short else "trousers",
        LOWER,
        "waist",
        {"body_length": 200.0},
        loose,
        leg=leg,
        top_y=top_y,
        bell=u(0, 0.08) * (rng.random() < 0.3),
        belt=rng.random() < 0.18,
    )
    k = rng.random()
    garment.cloth = "denim" if k < 0.42 else "leather" if k < 0.47 else "trousers"
    garment.attributes["length"] = "Short" if leg < 0.3 else "Medium" if leg < 0.75 else "Long"
    return garment


def sample_skirt(body: Fitting, rng: np.random.Generator) -> Garment:
    """Draw a skirt."""
    u = rng.uniform
    length = float(rng.choice([u(0.22, 0.45), u(0.45, 0.65), u(0.65, 0.98)], p=[0.45, 0.33, 0.22]))
    pencil = rng.random() < 0.45
    top_y = body.waist_y + u(-3, 5)
    garment = Garment(
        "skirt",
        LOWER,
        "waist",
        {"body_length": body.crotch_y - 10 + length * body.leg},
        0.3,
        top_y=top_y,
        skirt_y=top_y,
        flare=0.0 if pencil else u(0, 0.4),
        taper=u(0.3, 1) if pencil else u(0, 0.1),
        folds=0.0 if pencil else u(0, 0.07),
        order=2,
        belt=rng.random() < 0.08,
    )
    garment.measures["hem_slant"] = u(-14, 14) if rng.random() < 0.1 else 0.0
    k = rng.random()
    garment.cloth = "denim" if k < 0.14 else "leather" if k < 0.2 else "any"
    garment.attributes["length"] = "Short" if length < 0.42 else "Medium" if length < 0.65 else "Long"
    return garment
