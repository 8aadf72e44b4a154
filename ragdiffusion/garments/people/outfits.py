"""Outfits: which garments a person wears, over or tucked into what."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.labels import DRESS, INNER, OUTER
from ragdiffusion.garments.people.lowers import sample_skirt, sample_trousers
from ragdiffusion.garments.people.outer import sample_outer
from ragdiffusion.garments.people.tops import sample_top
from ragdiffusion.garments.people.wardrobe import Garment

_FEMALE = {
    "top_trousers": 0.22,
    "top_skirt": 0.08,
    "crop_skirt": 0.1,
    "crop_trousers": 0.12,
    "dress": 0.27,
    "layered": 0.09,
    "coat": 0.03,
    "suit": 0.03,
    "jumpsuit": 0.02,
    "dungarees": 0.04,
}
_CROPPED = {"t_shirt": "cropped_top", "tank": "cropped_tank", "camisole": "cropped_camisole"}
_SHORTEST = 48.0  # cm: shorter tops are of a kind of their own
_MALE = {"top_trousers": 0.58, "layered": 0.18, "coat": 0.04, "suit": 0.13, "jumpsuit": 0.01, "dungarees": 0.06}


def sample_outfit(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    """Draw an outfit, innermost garment first."""
    shares = _FEMALE if female else _MALE
    plan = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    if seated and plan in ("dress", "coat", "top_skirt", "crop_skirt"):
        plan = "top_trousers" if plan != "crop_skirt" else "crop_trousers"
    draw = {
        "top_trousers": _top_trousers,
        "top_skirt": _top_skirt,
        "crop_skirt": _crop_skirt,
        "crop_trousers": _crop_trousers,
        "dress": _dress,
        "layered": _layered,
        "coat": _coat,
        "suit": _suit,
        "jumpsuit": _jumpsuit,
        "dungarees": _dungarees,
    }[plan]
    garments = [_settled(garment, body, rng) for garment in draw(body, female, seated, rng)]
    for garment in garments:
        if seated and garment.upper != "waist" and garment.leg < -5:  # no cloth of a top lies on the thighs
            garment.measures["body_length"] = min(garment.measures["body_length"], body.crotch_y - rng.uniform(7, 14))
    return garments


def _settled(garment: Garment, body: Fitting, rng: np.random.Generator) -> Garment:
    """Bring a garment that has been chosen into the drafter's terms."""
    if garment.upper == "halter":
        garment.upper = "strap"
        garment.kind = {"halter_top": "camisole", "sleeveless_dress": "strap_dress"}.get(garment.kind, "strap_jumpsuit")
        garment.measures.update(
            neck_width=rng.uniform(10, 13), strap_width=rng.uniform(1, 5), strap_spread=rng.uniform(2, 9)
        )
        garment.attributes["collar"] = "Neckline"
    if garment.upper == "one_shoulder" and garment.kind != "one_shoulder_top":
        garment.upper = "armhole"
        garment.attributes["collar"] = "Round"
    if garment.upper == "strapless":
        garment.measures["armhole_depth"] = body.armpit_y + rng.uniform(2, 6)
        garment.origin_y = garment.measures["armhole_depth"] - garment.measures.get("edge_rise", 3)
    if garment.skirt_y is not None and garment.flare > 0 and "coat" not in garment.kind and rng.random() < 0.15:
        garment.ruffle = rng.uniform(0.006, 0.016)
    if garment.upper == "waist":
        assert garment.top_y is not None
        garment.origin_y = garment.top_y
    if garment.measures.get("body_length", _SHORTEST) - garment.origin_y < _SHORTEST:
        garment.kind = _CROPPED.get(garment.kind, garment.kind)
    if category := KINDS[garment.kind].category:
        garment.attributes["category"] = category
    garment.attributes["fit"] = "Slim" if garment.loose < 0.25 else "Regular" if garment.loose < 0.6 else "Loose"
    if garment.sleeve > 0:
        garment.full_sleeve = rng.uniform(0.93, 1.03) if garment.rolled else garment.sleeve
        garment.measures["sleeve_angle"] = rng.uniform(8, 32) if garment.full_sleeve > 0.6 else rng.uniform(25, 65)
    return garment


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
        if top.measures["body_length"] < body.waist_y + 14:
            top.measures["body_length"] = rng.uniform(body.waist_y + 14, body.crotch_y)
        top.attributes["top_tuck_in"] = "Yes"
        return [top, lower]
    lower.order = 1
    short = top.measures["body_length"]
    lower.top_y = min(lower.top_y, max(short + (rng.uniform(-1, 5) if rng.random() < 0.15 else -3), body.waist_y - 6))
    top.attributes["top_tuck_in"] = "No"
    return [lower, top]


def _dress(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    kinds = (
        "t_shirt",
        "tank",
        "camisole",
        "longsleeve",
        "shirt",
        "blouse",
        "bandeau",
        "one_shoulder_top",
        "halter_top",
        "turtleneck",
    )
    top = sample_top(body, True, rng, kinds)
    named = {
        "tank": "sleeveless_dress",
        "halter_top": "sleeveless_dress",
        "camisole": "strap_dress",
        "one_shoulder_top": "sleeveless_dress",
        "bandeau": "bandeau_dress",
        "shirt": "shirt_dress",
    }
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
        return [dress, sample_outer(body, dress, female, rng)]
    if rng.random() < 0.06 and dress.upper in ("strap", "armhole"):
        inner = sample_top(body, True, rng, ("t_shirt", "longsleeve", "turtleneck", "blouse"))
        inner.loose, inner.order, inner.tucked = 0.1, 1, True
        inner.measures["body_length"] = body.waist_y + 10
        return [inner, dress]
    return [dress]


def _layered(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    kinds = (
        ("t_shirt", "tank", "camisole", "longsleeve", "shirt", "blouse", "turtleneck", "bandeau")
        if female
        else ("t_shirt", "tank", "longsleeve", "shirt", "turtleneck", "polo", "hoodie")
    )
    top = sample_top(body, female, rng, kinds)
    top.loose = min(top.loose, 0.5)
    if female and rng.random() < 0.25:
        top = _cropped(top, body, rng)
    lower = (
        sample_skirt(body, rng) if female and not seated and rng.random() < 0.25 else sample_trousers(body, female, rng)
    )
    pieces = _with_lower(top, lower, body, rng.random() < 0.35, rng)
    outer = sample_outer(body, top, female, rng)
    top.label = INNER
    return [*pieces, outer]


def _coat(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    pieces = _layered(body, female, seated, rng)
    coat = pieces[-1]
    coat.kind, coat.upper, coat.cloth = (
        "leather_long_coat" if rng.random() < 0.12 else "knitted_coat",
        "sleeved",
        "coat",
    )
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
        vest = sample_outer(body, shirt, female, rng, ("waistcoat",))
        vest.gap, vest.order, vest.label = None, 4, OUTER
        pieces.append(vest)
        if rng.random() < 0.4:
            return pieces
        vest.label = INNER
    jacket = sample_outer(body, shirt, female, rng, ("suit",))
    jacket.order = 5
    jacket.loose = rng.uniform(0.3, 0.6)
    if len(pieces) == 2 and rng.random() < 0.08:
        pieces = pieces[:2]
    return [*pieces, jacket]


def _jumpsuit(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    top = sample_top(body, female, rng, ("tank", "camisole", "shirt", "longsleeve", "t_shirt"))
    top.kind = (
        "sleeveless_jumpsuit" if top.upper == "armhole" else "strap_jumpsuit" if top.upper == "strap" else "jumpsuit"
    )
    top.label, top.leg, top.measures["body_length"] = DRESS, float(rng.uniform(0.2, 1.0)), 200.0
    top.belt = rng.random() < 0.4
    top.attributes["length"] = "Long"
    return [top]


def _dungarees(body: Fitting, female: bool, seated: bool, rng: np.random.Generator) -> list[Garment]:
    u = rng.uniform
    top = sample_top(body, female, rng, ("t_shirt", "longsleeve", "sweater", "tank", "turtleneck"))
    top.order, top.loose, top.tucked = 1, min(top.loose, 0.5), True
    top.measures["body_length"] = max(top.measures["body_length"], body.waist_y + 14)
    measures = {
        "body_length": 200.0,
        "chest": body.chest + 8,
        "armhole_depth": body.waist_y - u(2, 8),
        "strap_width": u(3, 5),
        "neck_width": u(13, 18),
        "edge_rise": u(14, 22),
        "edge_dip": 0.0,
        "strap_spread": u(-1, 3),
    }
    bib = Garment(
        "dungarees",
        DRESS,
        "strap",
        measures,
        u(0.3, 0.8),
        order=3,
        leg=u(0.8, 1.02) if rng.random() < 0.7 else u(0.2, 0.45),
        cloth="denim" if rng.random() < 0.75 else "any",
    )
    bib.attributes.update(sleeve_length="Sleeveless", with_inner_wear="Yes")
    return [top, bib]
