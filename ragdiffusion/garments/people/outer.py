"""What is worn open, or over something: jackets, cardigans, shirts, waistcoats."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import OUTER
from ragdiffusion.garments.people.wardrobe import Garment, name_length, name_sleeve


def sample_outer(
    body: Fitting, under: Garment, female: bool, rng: np.random.Generator, kinds: tuple[str, ...] = ()
) -> Garment:
    """Draw an open layer over something."""
    u = rng.uniform
    kinds = kinds or (
        "jacket",
        "denim_jacket",
        "knitted_cardigan",
        "shirt",
        "zip_hoodie",
        "suit",
        "waistcoat",
        "leather_jacket",
        "windbreaker",
    )
    shares = np.array(
        [
            {
                "jacket": 0.16,
                "denim_jacket": 0.14,
                "knitted_cardigan": 0.18,
                "shirt": 0.16,
                "zip_hoodie": 0.08,
                "suit": 0.14,
                "waistcoat": 0.05,
            }.get(k, 0.06)
            for k in kinds
        ]
    )
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    loose = max(u(0.3, 1), under.loose)
    ease = 4 + 12 * loose
    collar = {
        "denim_jacket": "shirt",
        "shirt": "shirt",
        "zip_hoodie": "hood",
        "suit": "lapel",
        "jacket": "stand",
        "leather_jacket": "lapel",
        "windbreaker": "stand",
    }.get(kind, "none")
    measures = {
        "chest": body.chest + ease,
        "waist": body.waist + ease,
        "hem": body.hip + ease,
        "body_length": u(body.crotch_y - 14, body.crotch_y + 3),
        "hem_curve": u(-2, 2),
        "shoulder_width": body.shoulders + u(0, 5),
        "shoulder_drop": body.shoulder_drop,
        "neck_width": body.neck + u(4, 7),
        "neck_drop_front": u(4, 9),
        "neck_drop_back": 0.5,
        "neck_shape": u(0, 0.4),
        "armhole_depth": body.armpit_y + 3 + 4 * loose,
    }
    if kind in ("jacket", "denim_jacket", "leather_jacket") and rng.random() < 0.35:
        measures["body_length"] = u(body.waist_y - 4, body.waist_y + 8)
    sleeve = u(0.88, 1.05)
    wide = u(2, 22)
    gap = (wide * u(0.6, 1.4), wide * u(0.3, 1.1) + 1, u(-2, 2))
    garment = Garment(
        kind,
        OUTER,
        "sleeved",
        measures,
        loose,
        order=4,
        gap=gap,
        sleeve=sleeve,
        collar=collar,
        front="zip" if kind in ("jacket", "windbreaker", "zip_hoodie", "leather_jacket") else "buttons",
    )
    if kind in ("suit", "leather_jacket") or kind == "knitted_cardigan" and rng.random() < 0.5:
        measures.update(neck_drop_front=u(18, 36), neck_shape=u(0, 0.12))
        closed = rng.random()
        garment.gap = (u(4, 20), u(1, 3), u(-1, 1)) if closed < 0.5 else (u(6, 16), -4.0, 0.0)
    if kind == "waistcoat":
        garment.upper, garment.sleeve, garment.loose = "armhole", -1.0, u(0, 0.3)
        measures.update(
            neck_drop_front=u(18, 30),
            neck_shape=0.05,
            armhole_hollow=1.0,
            armhole_shape=0.5,
            shoulder_width=body.shoulders - u(1, 7),
            body_length=body.waist_y + u(8, 18),
        )
        garment.gap = None if rng.random() < 0.6 else (u(3, 12), 2.0, 0.0)
        garment.collar = "none"
    if garment.sleeve > 0 and rng.random() < 0.2:
        garment.sleeve, garment.rolled = u(0.5, 0.8), True
    garment.attributes.update(
        top_open="Yes" if garment.gap is not None else "No",
        with_inner_wear="Yes",
        top_tuck_in="No",
        sleeves_rolled_up="Yes" if garment.rolled else "No",
        collar={"shirt": "Shirt", "stand": "Stand-up", "lapel": "Suit", "hood": "Hooded"}.get(collar, "V-neck"),
    )
    name_sleeve(garment)
    garment.cloth = {
        "denim_jacket": "denim",
        "leather_jacket": "leather",
        "knitted_cardigan": "knit",
        "suit": "suit",
        "waistcoat": "suit",
        "shirt": "shirt",
    }.get(kind, "jacket")
    name_length(garment, body)
    if kind == "suit" and not female:
        garment.belt = False
    return garment
