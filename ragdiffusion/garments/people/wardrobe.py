"""Outfits: which garments a person wears, over or tucked into what, and the measures of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import DRESS, INNER, LOWER, OUTER, UPPER


@dataclass
class Garment:
    """One garment as it is worn.

    Attributes:
        kind: the drafter's kind.
        label: of `labels`.
        upper: how it hangs: "sleeved", "armhole", "strap", "strapless", "one_shoulder", "halter", "bib" or "waist".
        measures: cm, by the drafter's keys (and `shoulder_drop`, `stand`, `edge_rise`, `edge_dip`).
        loose: 0 skin-tight to 1 boxy.
        order: garments of higher order are worn over those of lower.
        gap: of an open front: width at the hem, at the neck, shift, cm.
        sleeve: how far down the arm it reaches, 0 shoulder, 1 wrist; below zero: no sleeves.
        bell: by how much sleeves widen, metres per metre.
        puff: by how much sleeves stand off, metres.
        leg: how far down the leg it reaches; below -5: no legs.
        top_y: depth in cm where a garment that hangs from the waist begins; None for others.
        skirt_y: depth in cm from which on it is a skirt; None for no skirt.
        flare: of a skirt, metres per metre.
        taper: of a skirt.
        folds: of a skirt.
        collar: "none", "shirt", "stand", "lapel", "hood", "ruffle", "scarf".
        front: "none", "buttons", "zip", "polo".
        tucked: whether its hem is tucked in.
        rolled: whether its sleeves are rolled up.
        cloth: what it is made of, a key of `cloth`'s families.
        sheer: 0 opaque to 1 clear, of sleeves; `sheer_body` of the rest.
        sheer_body: as above.
        tie: colour index or None.
        belt: whether a belt is worn on it.
        attributes: Table 6.
    """

    kind: str
    label: int
    upper: str
    measures: dict[str, float]
    loose: float = 0.3
    order: int = 2
    gap: tuple[float, float, float] | None = None
    sleeve: float = -1.0
    bell: float = 0.0
    puff: float = 0.0
    leg: float = -9.0
    top_y: float | None = None
    skirt_y: float | None = None
    flare: float = 0.0
    taper: float = 0.3
    folds: float = 0.0
    collar: str = "none"
    front: str = "none"
    tucked: bool = False
    rolled: bool = False
    cloth: str = "any"
    sheer: float = 0.0
    sheer_body: float = 0.0
    tie: bool = False
    belt: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


_FEMALE = {"top_trousers": 0.26, "top_skirt": 0.1, "crop_skirt": 0.11, "crop_trousers": 0.07, "dress": 0.26,
           "layered": 0.1, "coat": 0.03, "suit": 0.03, "jumpsuit": 0.02, "dungarees": 0.02}
_MALE = {"top_trousers": 0.6, "layered": 0.19, "coat": 0.04, "suit": 0.13, "jumpsuit": 0.01, "dungarees": 0.03}

_TOPS = {  # share for women and men; kind; upper; looseness; collar; front; sleeve range; families of cloth
    "t_shirt": (0.2, 0.34, "sleeved", (0.1, 0.9), "none", "none", (0.12, 0.48)),
    "tank": (0.15, 0.12, "armhole", (0, 0.7), "none", "none", None),
    "camisole": (0.1, 0, "strap", (0, 0.6), "none", "none", None),
    "longsleeve": (0.12, 0.11, "sleeved", (0.05, 0.6), "none", "none", (0.85, 1.03)),
    "shirt": (0.09, 0.15, "sleeved", (0.3, 0.9), "shirt", "buttons", (0.85, 1.03)),
    "blouse": (0.09, 0, "sleeved", (0.3, 0.9), "none", "none", (0.3, 1.03)),
    "sweater": (0.07, 0.08, "sleeved", (0.4, 1), "none", "none", (0.88, 1.06)),
    "turtleneck": (0.03, 0.03, "sleeved", (0.05, 0.7), "none", "none", (0.88, 1.06)),
    "hoodie": (0.03, 0.08, "sleeved", (0.6, 1), "hood", "none", (0.9, 1.06)),
    "polo": (0.02, 0.09, "sleeved", (0.3, 0.8), "shirt", "polo", (0.2, 0.45)),
    "bandeau": (0.03, 0, "strapless", (0, 0.2), "none", "none", None),
    "one_shoulder_top": (0.02, 0, "one_shoulder", (0, 0.3), "none", "none", None),
    "halter_top": (0.03, 0, "halter", (0, 0.4), "none", "none", None),
}


def sample_outfit(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    """Draw an outfit, innermost garment first."""
    shares = _FEMALE if female else _MALE
    plan = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    if seated and plan in ("dress", "coat", "top_skirt", "crop_skirt"):
        plan = "top_trousers" if plan != "crop_skirt" else "crop_trousers"
    return {"top_trousers": _top_trousers, "top_skirt": _top_skirt, "crop_skirt": _crop_skirt,
            "crop_trousers": _crop_trousers, "dress": _dress, "layered": _layered, "coat": _coat, "suit": _suit,
            "jumpsuit": _jumpsuit, "dungarees": _dungarees}[plan](body, female, seated, rng)


def _top_trousers(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = sample_top(body, female, rng)
    tucked = rng.random() < 0.35 and top.kind not in ("hoodie", "bandeau")
    lower = sample_trousers(body, female, rng)
    return _with_lower(top, lower, body, tucked, rng)


def _top_skirt(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = sample_top(body, female, rng)
    return _with_lower(top, sample_skirt(body, rng), body, rng.random() < 0.6, rng)


def _crop_skirt(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = _cropped(sample_top(body, female, rng), body, rng)
    skirt = sample_skirt(body, rng)
    bare = rng.random() < 0.75
    top_end = top.measures["body_length"]
    skirt.top_y = top_end + rng.uniform(0.5, 9) if bare else max(body.waist_y - 3, top_end - rng.uniform(0, 3))
    return _close(top, skirt)


def _crop_trousers(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = _cropped(sample_top(body, female, rng), body, rng)
    lower = sample_trousers(body, female, rng)
    lower.top_y = max(top.measures["body_length"] + rng.uniform(-1, 9), body.waist_y - 6)
    return _close(top, lower)


def _cropped(top: Garment, body: Fitting, rng: np.random.Generator) -> Garment:
    top.measures["body_length"] = float(rng.uniform(body.armpit_y + 7, body.waist_y + 1))
    top.measures["hem_curve"] = 0.0
    top.attributes["length"] = "Extra Short" if top.measures["body_length"] < body.waist_y - 8 else "Short"
    return top


def _close(top: Garment, lower: Garment) -> list[Garment]:
    """A crop top and what hangs from the waist: whichever overlaps lies over."""
    if lower.top_y is not None and lower.top_y > top.measures["body_length"] - 2:
        lower.order = 1
    return [lower, top] if lower.order < top.order else [top, lower]


def _with_lower(top: Garment, lower: Garment, body: Fitting, tucked: bool, rng: np.random.Generator) -> list[Garment]:
    assert lower.top_y is not None
    if tucked:
        top.tucked, lower.order = True, 3
        lower.top_y = body.waist_y + rng.uniform(-5, 4)
        top.measures["body_length"] = max(top.measures["body_length"], body.waist_y + 14)
        top.attributes["top_tuck_in"] = "Yes"
        return [top, lower]
    lower.order = 1
    short = top.measures["body_length"]
    lower.top_y = min(lower.top_y, max(short + (rng.uniform(-1, 5) if rng.random() < 0.15 else -3), body.waist_y - 6))
    top.attributes["top_tuck_in"] = "No"
    return [lower, top]


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
        "chest": body.chest + ease, "waist": body.waist + ease, "hem": body.hip + ease * u(0.4, 1.2),
        "body_length": u(body.crotch_y - 13, body.crotch_y + 1), "hem_curve": u(-1, 3), "hem_slant": 0.0,
        "shoulder_width": body.shoulders + u(-2, 2) + 6 * loose * (sleeves is not None),
        "shoulder_drop": body.shoulder_drop, "neck_width": body.neck + u(3, 7), "neck_drop_front": u(6, 12),
        "neck_drop_back": u(1, 3), "neck_shape": 0.5, "armhole_depth": body.armpit_y + u(-1, 3) + 3 * loose}
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
    _name_length(garment, body)
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
        garment.sleeve, garment.rolled = u(0.22, 0.45), False
    garment.attributes["sleeves_rolled_up"] = "Yes" if garment.rolled else "No"
    name_sleeve(garment)


def name_sleeve(garment: Garment) -> None:
    """Say its sleeve length in Table 6's terms; a rolled sleeve is long."""
    s = garment.sleeve
    garment.attributes["sleeve_length"] = (
        "Sleeveless" if s < 0 else "Long" if s > 0.8 or garment.rolled else "Mid" if s > 0.45 else "Short")


def _name_length(garment: Garment, body: Fitting) -> None:
    if garment.sleeve < 0:
        garment.attributes["sleeve_length"] = "Sleeveless"
    y = garment.measures["body_length"]
    garment.attributes["length"] = (
        "Extra Short" if y < body.waist_y - 8 else "Short" if y < body.waist_y + 3 else "Medium"
        if y < body.crotch_y + 6 else "Long" if y < body.crotch_y + 45 else "Extra Long")


def sample_trousers(body: Fitting, female: bool, rng: np.random.Generator) -> Garment:
    """Draw trousers or shorts."""
    u = rng.uniform
    short = rng.random() < 0.2
    loose = float(np.clip(rng.normal(0.45, 0.3), 0, 1))
    leg = u(0.12, 0.52) if short else u(0.82, 1.03)
    top_y = body.waist_y + u(-4, 7)
    garment = Garment("shorts" if short else "trousers", LOWER, "waist", {"body_length": 200.0}, loose, leg=leg,
                      top_y=top_y, bell=u(0, 0.08) * (rng.random() < 0.3), belt=rng.random() < 0.18)
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
    garment = Garment("skirt", LOWER, "waist", {"body_length": body.crotch_y - 10 + length * body.leg}, 0.3,
                      top_y=top_y, skirt_y=top_y, flare=0.0 if pencil else u(0, 0.4), taper=u(0.3, 1) if pencil else
                      u(0, 0.1), folds=0.0 if pencil else u(0, 0.07), order=2, belt=rng.random() < 0.08)
    garment.measures["hem_slant"] = u(-14, 14) if rng.random() < 0.1 else 0.0
    k = rng.random()
    garment.cloth = "denim" if k < 0.14 else "leather" if k < 0.2 else "any"
    garment.attributes["length"] = "Short" if length < 0.42 else "Medium" if length < 0.65 else "Long"
    return garment


def _dress(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    kinds = ("t_shirt", "tank", "camisole", "longsleeve", "shirt", "blouse", "bandeau", "one_shoulder_top",
             "halter_top", "turtleneck")
    top = sample_top(body, True, rng, kinds)
    named = {"tank": "sleeveless_dress", "halter_top": "sleeveless_dress", "camisole": "strap_dress",
             "one_shoulder_top": "sleeveless_dress", "bandeau": "bandeau_dress", "shirt": "shirt_dress"}
    dress = top
    dress.kind, dress.label = named.get(top.kind, "dress"), DRESS
    dress.loose = u(0, 0.6)
    dress.skirt_y = body.waist_y + u(-5, 6) if rng.random() < 0.75 else body.armpit_y + u(4, 12)
    length = float(rng.choice([u(0.2, 0.42), u(0.42, 0.62), u(0.62, 0.97)], p=[0.4, 0.33, 0.27]))
    dress.measures["body_length"] = body.crotch_y - 10 + length * body.leg
    pencil = rng.random() < 0.4
    dress.flare = 0.0 if pencil else u(0, 0.4)
    dress.taper, dress.folds = (u(0.2, 0.9) if pencil else u(0, 0.08)), (0.0 if pencil else u(0, 0.07))
    dress.belt = rng.random() < 0.15
    dress.attributes["length"] = "Short" if length < 0.35 else "Medium" if length < 0.6 else "Long"
    if rng.random() < 0.08:  # worn over a top, or under an open layer
        return [dress, _outer(body, dress, female, rng)]
    if rng.random() < 0.06 and dress.upper in ("strap", "armhole"):
        inner = sample_top(body, True, rng, ("t_shirt", "longsleeve", "turtleneck", "blouse"))
        inner.loose, inner.order, inner.tucked = 0.1, 1, True
        inner.measures["body_length"] = body.waist_y + 10
        return [inner, dress]
    return [dress]


def _outer(body: Fitting, under: Garment, female: bool, rng: np.random.Generator, kinds: tuple[str, ...] = ()
           ) -> Garment:
    """Draw an open layer over something."""
    u = rng.uniform
    kinds = kinds or ("jacket", "denim_jacket", "knitted_cardigan", "shirt", "zip_hoodie", "suit", "waistcoat",
                      "leather_jacket", "windbreaker")
    shares = np.array([{"jacket": 0.16, "denim_jacket": 0.14, "knitted_cardigan": 0.18, "shirt": 0.16,
                        "zip_hoodie": 0.08, "suit": 0.14, "waistcoat": 0.05}.get(k, 0.06) for k in kinds])
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    loose = max(u(0.3, 1), under.loose)
    ease = 4 + 12 * loose
    collar = {"denim_jacket": "shirt", "shirt": "shirt", "zip_hoodie": "hood", "suit": "lapel", "jacket": "stand",
              "leather_jacket": "lapel", "windbreaker": "stand"}.get(kind, "none")
    measures = {
        "chest": body.chest + ease, "waist": body.waist + ease, "hem": body.hip + ease,
        "body_length": u(body.crotch_y - 14, body.crotch_y + 3), "hem_curve": u(-2, 2),
        "shoulder_width": body.shoulders + u(0, 5), "shoulder_drop": body.shoulder_drop,
        "neck_width": body.neck + u(4, 7), "neck_drop_front": u(4, 9), "neck_drop_back": 0.5, "neck_shape": u(0, 0.4),
        "armhole_depth": body.armpit_y + 3 + 4 * loose}
    if kind in ("jacket", "denim_jacket", "leather_jacket") and rng.random() < 0.35:
        measures["body_length"] = u(body.waist_y - 4, body.waist_y + 8)
    sleeve = u(0.88, 1.05)
    wide = u(2, 22)
    gap = (wide * u(0.6, 1.4), wide * u(0.3, 1.1) + 1, u(-2, 2))
    garment = Garment(kind, OUTER, "sleeved", measures, loose, order=4, gap=gap, sleeve=sleeve, collar=collar,
                      front="zip" if kind in ("jacket", "windbreaker", "zip_hoodie", "leather_jacket") else "buttons")
    if kind in ("suit", "leather_jacket") or kind == "knitted_cardigan" and rng.random() < 0.5:
        measures.update(neck_drop_front=u(18, 36), neck_shape=u(0, 0.12))
        closed = rng.random()
        garment.gap = (u(4, 20), u(1, 3), u(-1, 1)) if closed < 0.5 else (u(6, 16), -4.0, 0.0)
    if kind == "waistcoat":
        garment.upper, garment.sleeve, garment.loose = "armhole", -1.0, u(0, 0.3)
        measures.update(neck_drop_front=u(18, 30), neck_shape=0.05, armhole_hollow=1.0, armhole_shape=0.5,
                        shoulder_width=body.shoulders - u(1, 7), body_length=body.waist_y + u(8, 18))
        garment.gap = None if rng.random() < 0.6 else (u(3, 12), 2.0, 0.0)
        garment.collar = "none"
    if garment.sleeve > 0 and rng.random() < 0.2:
        garment.sleeve, garment.rolled = u(0.5, 0.8), True
    garment.attributes.update(
        top_open="Yes" if garment.gap is not None else "No", with_inner_wear="Yes", top_tuck_in="No",
        sleeves_rolled_up="Yes" if garment.rolled else "No",
        collar={"shirt": "Shirt", "stand": "Stand-up", "lapel": "Suit", "hood": "Hooded"}.get(collar, "V-neck"))
    name_sleeve(garment)
    garment.cloth = {"denim_jacket": "denim", "leather_jacket": "leather", "knitted_cardigan": "knit", "suit": "suit",
                     "waistcoat": "suit", "shirt": "shirt"}.get(kind, "jacket")
    _name_length(garment, body)
    if kind == "suit" and not female:
        garment.belt = False
    return garment


def _layered(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    kinds = ("t_shirt", "tank", "camisole", "longsleeve", "shirt", "blouse", "turtleneck", "bandeau") if female else (
        "t_shirt", "tank", "longsleeve", "shirt", "turtleneck", "polo", "hoodie")
    top = sample_top(body, female, rng, kinds)
    top.loose = min(top.loose, 0.5)
    if female and rng.random() < 0.25:
        top = _cropped(top, body, rng)
    lower = sample_skirt(body, rng) if female and not seated and rng.random() < 0.25 else sample_trousers(
        body, female, rng)
    pieces = _with_lower(top, lower, body, rng.random() < 0.35, rng)
    outer = _outer(body, top, female, rng)
    top.label = INNER
    return [*pieces, outer]


def _coat(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    pieces = _layered(body, female, seated, rng)
    coat = pieces[-1]
    coat.kind, coat.upper, coat.cloth = "leather_long_coat" if rng.random() < 0.12 else "knitted_coat", "sleeved", "coat"
    coat.collar, coat.sleeve, coat.rolled = str(rng.choice(["lapel", "shirt", "stand", "none"])), u(0.92, 1.06), False
    coat.measures["body_length"] = body.crotch_y + u(0.05, 0.75) * body.leg
    coat.skirt_y = body.crotch_y - 8
    coat.flare, coat.taper, coat.folds = u(0, 0.2), 0.02, u(0, 0.03)
    coat.attributes.update(length="Long", sleeves_rolled_up="No", sleeve_length="Long")
    if rng.random() < 0.35:
        coat.gap = None
        coat.measures.update(neck_drop_front=u(6, 26), neck_shape=0.05)
        coat.attributes["top_open"] = "No"
    coat.belt = rng.random() < 0.2 and coat.gap is None
    return pieces


def _suit(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    shirt = sample_top(body, female, rng, ("shirt",) if rng.random() < 0.8 else ("t_shirt", "turtleneck", "blouse"))
    shirt.loose, shirt.label, shirt.cloth = 0.25, INNER, "dress_shirt"
    if shirt.kind == "shirt":
        shirt.sleeve, shirt.rolled = 1.02, False
        shirt.tie = rng.random() < (0.65 if not female else 0.08)
        if shirt.tie:
            shirt.measures["neck_drop_front"] = 4.0
    lower = sample_trousers(body, female, rng)
    lower.kind, lower.leg, lower.cloth, lower.bell = "trousers", rng.uniform(0.95, 1.03), "suit", 0.0
    pieces = _with_lower(shirt, lower, body, True, rng)
    if rng.random() < 0.25:
        vest = _outer(body, shirt, female, rng, ("waistcoat",))
        vest.gap, vest.order, vest.label = None, 4, OUTER
        pieces.append(vest)
        if rng.random() < 0.4:
            return pieces
        vest.label = INNER
    jacket = _outer(body, shirt, female, rng, ("suit",))
    jacket.order = 5
    jacket.loose = rng.uniform(0.3, 0.6)
    if len(pieces) == 2 and rng.random() < 0.08:
        pieces = pieces[:2]
    return [*pieces, jacket]


def _jumpsuit(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = sample_top(body, female, rng, ("tank", "camisole", "shirt", "longsleeve", "t_shirt"))
    top.kind = "sleeveless_jumpsuit" if top.upper == "armhole" else "strap_jumpsuit" if top.upper == "strap" else "jumpsuit"
    top.label, top.leg, top.measures["body_length"] = DRESS, float(rng.uniform(0.2, 1.0)), 200.0
    top.belt = rng.random() < 0.4
    top.attributes["length"] = "Long"
    return [top]


def _dungarees(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    top = sample_top(body, female, rng, ("t_shirt", "longsleeve", "sweater", "tank", "turtleneck"))
    top.order, top.loose, top.tucked = 1, min(top.loose, 0.5), True
    top.measures["body_length"] = max(top.measures["body_length"], body.waist_y + 14)
    measures = {"body_length": 200.0, "chest": body.chest + 8, "armhole_depth": body.waist_y - u(2, 8),
                "strap_width": u(3, 5), "neck_width": u(14, 19), "edge_rise": u(14, 22), "edge_dip": 0.0}
    bib = Garment("dungarees", DRESS, "bib", measures, u(0.3, 0.8), order=3, leg=u(0.8, 1.02) if rng.random() < 0.7
                  else u(0.2, 0.45), cloth="denim" if rng.random() < 0.75 else "any")
    bib.attributes.update(sleeve_length="Sleeveless", with_inner_wear="Yes")
    return [top, bib]
