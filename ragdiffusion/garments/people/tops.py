"""Tops: which kinds there are, and the measures, necklines and sleeves of one."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import UPPER
from ragdiffusion.garments.people.wardrobe import Garment, name_length, name_sleeve

_TOPS = {  # share for women and men; kind; upper; looseness; collar; front; sleeve range; families of cloth
    "t_shirt": (0.2, 0.34, "sleeved", (0.1, 0.9), "none", "none", (0.22, 0.5)),
    "tank": (0.15, 0.12, "armhole", (0, 0.7), "none", "none", None),
    "camisole": (0.1, 0, "strap", (0, 0.6), "none", "none", None),
    "longsleeve": (0.12, 0.11, "sleeved", (0.05, 0.6), "none", "none", (0.85, 1.03)),
    "shirt": (0.09, 0.15, "sleeved", (0.3, 0.9), "shirt", "buttons", (0.85, 1.03)),
    "blouse": (0.09, 0, "sleeved", (0.3, 0.9), "none", "none", (0.3, 1.03)),
    "sweater": (0.07, 0.08, "sleeved", (0.4, 1), "none", "none", (0.88, 1.06)),
    "turtleneck": (0.03, 0.03, "sleeved", (0.05, 0.7), "none", "none", (0.88, 1.06)),
    "hoodie": (0.03, 0.08, "sleeved", (0.6, 1), "hood", "none", (0.9, 1.06)),
    "polo": (0.02, 0.09, "sleeved", (0.3, 0.8), "shirt", "polo", (0.26, 0.48)),
    "bandeau": (0.03, 0, "strapless", (0, 0.2), "none", "none", None),
    "one_shoulder_top": (0.02, 0, "one_shoulder", (0, 0.3), "none", "none", None),
    "halter_top": (0.03, 0, "halter", (0, 0.4), "none", "none", None),
}


def sample_top(body: Fitting, female: bool, rng: np.random.Generator, kinds: tuple[str, ...] = ()) -> Garment:
    """Draw a top worn by itself."""
    names = list(kinds or _TOPS)
    shares = np.array([_TOPS[n][0 if female else 1] for n in names]) + 1e-6
    kind = str(rng.choice(names, p=shares / shares.sum()))
    _, _, upper, loose_range, collar, front, sleeves = _TOPS[kind]
    loose = float(rng.uniform(*loose_range))
    ease = 1 + 13 * loose * rng.uniform(0.5, 1.2)
    u = rng.uniform
    measures = {
        "chest": body.chest + ease,
        "waist": body.waist + ease,
        "hem": body.hip + ease * u(0.4, 1.2),
        "body_length": u(body.crotch_y - 13, body.crotch_y + 1),
        "hem_curve": u(-1, 3),
        "hem_slant": 0.0,
        "shoulder_width": body.shoulders + u(-2, 2) + 6 * loose * (sleeves is not None),
        "shoulder_drop": body.shoulder_drop,
        "neck_width": body.neck + u(3, 7),
        "neck_drop_front": u(6, 12),
        "neck_drop_back": u(1, 3),
        "neck_shape": 0.5,
        "armhole_depth": body.armpit_y + u(-1, 3) + 3 * loose,
    }
    garment = Garment(kind, UPPER, upper, measures, loose, collar=collar, front=front)
    _neckline(garment, body, rng)
    if sleeves is not None:
        garment.sleeve = u(*sleeves)
        _sleeves(garment, rng)
    elif upper == "armhole":
        measures["shoulder_width"] = max(body.shoulders - u(-1, 12), measures["neck_width"] + u(3, 10))
        measures["armhole_hollow"], measures["armhole_shape"] = u(0, 3), u(0.1, 0.9)
    elif upper in ("strap", "strapless"):
        measures["armhole_depth"] = body.armpit_y + u(-6, 4)
        measures["strap_width"] = u(0.7, 3.5)
        measures["neck_width"] = u(12, min(22, body.shoulders - 8))
        measures["edge_rise"], measures["edge_dip"] = u(0, 4), u(0, 6) * (rng.random() < 0.5)
    if female and rng.random() < 0.35 and kind not in ("hoodie", "shirt"):
        measures["body_length"] = u(body.waist_y - 2, body.crotch_y - 12)
    garment.cloth = {"sweater": "knit", "turtleneck": "knit", "shirt": "shirt", "blouse": "blouse"}.get(kind, "any")
    if kind in ("blouse", "longsleeve", "camisole") and rng.random() < 0.22:
        garment.sheer = u(0.25, 0.75)
        garment.sheer_body = garment.sheer * (rng.random() < 0.3) * 0.6
    name_length(garment, body)
    return garment


def _neckline(garment: Garment, body: Fitting, rng: np.random.Generator) -> None:
    m, u, kind = garment.measures, rng.uniform, garment.kind
    k = rng.random()
    m["neck_shape"] = u(0.4, 0.62) if k < 0.62 else u(0, 0.2) if k < 0.84 else u(0.75, 1)
    name = "Round" if k < 0.62 else "V-neck" if k < 0.84 else "Square"
    if kind in ("t_shirt", "longsleeve", "blouse", "tank") and rng.random() < 0.3:
        m.update(neck_width=body.neck + u(7, 15), neck_drop_front=u(8, 19), neck_drop_back=u(2, 10))
    if kind in ("tank", "halter_top"):
        m.update(neck_drop_front=u(8, 19), neck_drop_back=u(2, 12), neck_width=body.neck + u(4, 10))
    if kind == "halter_top":
        m.update(neck_drop_front=u(1, 14), neck_width=body.neck + u(1, 4))
    if kind in ("sweater", "hoodie"):
        m.update(neck_drop_front=u(5, 8), neck_width=body.neck + u(3, 5))
        name = "Hooded" if kind == "hoodie" else name
    if kind == "turtleneck":
        m.update(neck_drop_front=0.0, neck_drop_back=0.0, neck_width=body.neck + 1, stand=u(3, 9))
        name = "Stand-up"
    if kind in ("shirt", "polo"):
        m.update(neck_width=body.neck + u(2, 3.5), neck_drop_front=u(5, 16), neck_drop_back=0.5, neck_shape=u(0, 0.15))
        name = "Shirt" if kind == "shirt" else "Polo"
    if garment.upper == "one_shoulder":
        name = "One-shoulder"
    if garment.upper == "strapless":
        name = "Strapless"
    garment.attributes["collar"] = name


def _sleeves(garment: Garment, rng: np.random.Generator) -> None:
    u = rng.uniform
    if garment.kind == "blouse":
        garment.bell = u(0, 0.22) * (rng.random() < 0.5)
        garment.puff = u(0.01, 0.05) * (rng.random() < 0.5)
    if garment.kind in ("shirt", "longsleeve", "sweater", "hoodie") and rng.random() < 0.25:
        garment.sleeve, garment.rolled = u(0.5, 0.8), True
    if garment.kind == "shirt" and rng.random() < 0.2:
        garment.sleeve, garment.rolled = u(0.3, 0.48), False
    garment.attributes["sleeves_rolled_up"] = "Yes" if garment.rolled else "No"
    name_sleeve(garment)
