"""The kinds of garment that can be drawn: how each is built, and the measures it has with their ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ragdiffusion.garments.patterns.measures import MEASURES, Measure

Range = tuple[float, float, float]
"""Lowest, typical and highest value of a measure."""


@dataclass(frozen=True)
class Kind:
    """How a kind of garment is built.

    Attributes:
        key: its name, snake_case.
        category: its category in Table 6; None for what the table lacks.
        upper: what its body hangs by: "set_in" sleeves, "cap" sleeves, "armhole" (none), "strap", "strapless",
            "off_shoulder", "one_shoulder", "cape", or "waist" for what begins there.
        lower: what it ends in: "hem", "legs" or "brief".
        collar: "none", "shirt", "stand", "lapel" or "hood".
        front: "none", "buttons", "zip", "polo" or "wrap".
        pockets: of "chest", "flap", "slant", "kangaroo", "side".
        measures: by key, in the order of `MEASURES`.
        skirt: whether it has a seam at the waist, below which it is a skirt.
    """

    key: str
    category: str | None
    upper: str
    lower: str
    collar: str
    front: str
    pockets: tuple[str, ...]
    measures: Mapping[str, Measure]
    skirt: bool = False

    @property
    def mirrored(self) -> bool:
        """Whether nothing but a measure can make it differ from its mirror image."""
        return self.upper != "one_shoulder"


_NECK = ("neck_width", "neck_drop_front", "neck_drop_back", "neck_shape")
_SHOULDER = (*_NECK, "shoulder_width", "shoulder_slope")
_UPPER: dict[str, tuple[str, ...]] = {
    "set_in": (
        *_SHOULDER,
        "chest", "armhole_depth", "sleeve_length", "sleeve_angle", "sleeve_puff", "sleeve_bow", "biceps", "cuff",
        "cuff_slant", "cuff_band",
    ),
    "cap": (*_SHOULDER, "chest", "armhole_depth", "sleeve_length", "sleeve_angle", "sleeve_puff"),
    "armhole": (*_SHOULDER, "chest", "armhole_depth", "armhole_hollow", "armhole_shape"),
    "strap": (*_NECK, "chest", "armhole_depth", "armhole_shape", "strap_width", "strap_length", "strap_spread"),
    "strapless": ("neck_drop_front", "neck_drop_back", "neck_shape", "chest"),
    "off_shoulder": (
        "neck_drop_front", "neck_drop_back", "neck_shape", "shoulder_width", "chest", "armhole_depth",
        "sleeve_length", "sleeve_angle", "sleeve_puff", "sleeve_bow", "biceps", "cuff", "cuff_slant", "cuff_band",
    ),
    "one_shoulder": (
        "neck_width", "neck_drop_front", "shoulder_width", "shoulder_slope", "chest", "armhole_depth",
        "armhole_hollow", "armhole_shape",
    ),
    "cape": (*_NECK, "shoulder_width", "shoulder_slope", "drape"),
    "waist": ("waist", "waist_dip", "waistband"),
}
_HEM = (
    "body_length", "waist", "waist_at", "waist_corner", "hem", "hem_curve", "hem_slant", "slit", "slit_opening",
    "slit_at",
)
_LEGS = ("rise", "hip", "hip_at", "inseam", "thigh", "knee", "leg_hem", "leg_gap", "crotch_curve", "leg_slant")
_COLLARS: dict[str, tuple[str, ...]] = {
    "none": (),
    "stand": ("collar_height", "collar_spread", "collar_taper", "collar_dip"),
    "shirt": ("collar_height", "collar_spread", "collar_taper", "collar_dip", "collar_leaf"),
    "lapel": ("collar_height", "collar_spread", "collar_taper", "collar_dip", "collar_leaf"),
    "hood": ("hood_height", "hood_width", "collar_spread"),
}
_EXTRAS = {"rib", "rib_gather", "hip", "hip_at", "tie_length", "tie_width"}
"""Measures that a kind has only if its table names them."""

_FRONTS = {"none": (), "buttons": ("overlap",), "zip": (), "polo": ("overlap", "placket"), "wrap": ("overlap",)}


def _keys(upper: str, lower: str, collar: str, front: str) -> set[str]:
    if lower == "hem":
        low: tuple[str, ...] = _HEM
        if upper == "waist":
            low = ("skirt_length", "hip", "hip_at", "hem", "hem_curve", "hem_slant", "slit", "slit_opening", "slit_at")
        if upper == "cape":
            low = ("body_length", "hem", "hem_curve", "hem_slant")
    elif lower == "legs":
        low = _LEGS if upper == "waist" else (*_LEGS, "waist_length", "waist")
    else:
        low = ("body_length", "waist", "waist_at", "hip", "leg_cut", "crotch")
    return {*_UPPER[upper], *low, *_COLLARS[collar], *_FRONTS[front]}


def _kind(
    key: str, category: str | None, build: str, ranges: Mapping[str, Range], *, pockets: str = "", skirt: bool = False
) -> Kind:
    """One kind; `build` is "upper lower collar front"; `ranges` narrow its measures and add those of `_EXTRAS`."""
    upper, lower, collar, front = build.split()
    keys = _keys(upper, lower, collar, front) | (_EXTRAS & set(ranges))
    measures = {k: MEASURES[k].within(*ranges[k]) if k in ranges else MEASURES[k] for k in MEASURES if k in keys}
    return Kind(key, category, upper, lower, collar, front, tuple(pockets.split()), measures, skirt)


_TEE: dict[str, Range] = {
    "body_length": (48, 68, 90), "chest": (38, 51, 72), "waist": (34, 49, 75), "hem": (34, 51, 84),
    "waist_at": (0.2, 0.45, 0.7), "waist_corner": (0, 0, 0.6), "hem_curve": (-4, 1, 10), "hem_slant": (-12, 0, 12),
    "slit": (0, 0, 20), "slit_opening": (0, 0, 6), "shoulder_width": (32, 43, 64), "shoulder_slope": (6, 19, 34),
    "neck_width": (13, 18.5, 32), "neck_drop_front": (4, 9, 22), "neck_drop_back": (0, 2, 16),
    "armhole_depth": (12, 22, 34), "sleeve_length": (11, 22, 40), "sleeve_angle": (15, 45, 88), "cuff": (9, 17, 34),
    "sleeve_puff": (-2, 0.5, 8), "sleeve_bow": (-3, 0, 3), "biceps": (10, 17.5, 36), "cuff_band": (1, 2, 4),
}
_LONG: dict[str, Range] = {
    **_TEE, "chest": (34, 51, 76), "waist": (32, 49, 76), "hem": (32, 51, 88), "shoulder_width": (32, 43, 66),
    "sleeve_length": (40, 61, 80), "sleeve_angle": (0, 25, 80), "cuff": (6, 10, 24), "biceps": (8, 16, 36),
    "sleeve_bow": (-5, 0, 6), "armhole_depth": (14, 23, 40), "cuff_band": (2, 6, 10),
}
_SHIRT: dict[str, Range] = {
    **_LONG, "body_length": (52, 74, 92), "hem_curve": (-3, 5, 14), "sleeve_length": (16, 62, 78),
    "collar_height": (2, 4.5, 8), "collar_spread": (0, 2.5, 7), "collar_taper": (-2, 1.5, 5), "overlap": (1.5, 3, 5),
    "neck_width": (12, 16, 24), "neck_drop_front": (5, 8, 14), "neck_drop_back": (0, 1, 3), "cuff": (7, 12, 28),
    "neck_shape": (0.1, 0.35, 0.6),
}
_KNIT: dict[str, Range] = {**_LONG, "rib": (2, 6, 12), "rib_gather": (0, 1, 6), "hem_curve": (-3, 0.5, 4)}
_JACKET: dict[str, Range] = {
    **_LONG, "body_length": (44, 66, 95), "chest": (34, 54, 80), "waist": (32, 51, 82), "hem": (32, 53, 92),
    "hem_curve": (-4, 1, 6), "neck_width": (12, 18, 26), "neck_drop_front": (5, 9, 16), "neck_drop_back": (0, 1.5, 4),
    "collar_height": (2, 5, 12), "cuff": (7, 12, 24), "biceps": (9, 18, 40), "overlap": (0, 3, 14),
    "sleeve_angle": (0, 28, 80), "shoulder_width": (36, 46, 66),
}
_COAT: dict[str, Range] = {
    **_JACKET, "body_length": (72, 95, 135), "hem": (42, 58, 100), "waist_at": (0.15, 0.35, 0.6), "slit": (0, 0, 40),
    "overlap": (2, 6, 18), "neck_drop_front": (8, 24, 40), "neck_shape": (0, 0.1, 0.4),
}
_LAPEL: dict[str, Range] = {"neck_drop_front": (10, 28, 44), "neck_shape": (0, 0.1, 0.35), "collar_height": (1, 3.5, 8)}
_TANK: dict[str, Range] = {
    **_TEE, "shoulder_width": (20, 34, 54), "neck_width": (12, 20, 36), "neck_drop_front": (5, 14, 30),
    "neck_drop_back": (0, 4, 24), "armhole_depth": (14, 23, 38), "chest": (34, 46, 70), "waist": (30, 45, 75),
}
_STRAP: dict[str, Range] = {
    **_TEE, "neck_width": (10, 18, 28), "neck_drop_front": (0, 4, 16), "neck_drop_back": (0, 3, 16),
    "armhole_depth": (8, 18, 30), "chest": (32, 42, 60), "waist": (28, 41, 70), "strap_width": (0.6, 2, 8),
}
_DRESS: dict[str, Range] = {
    "body_length": (74, 95, 158), "chest": (34, 44, 64), "waist": (28, 38, 66), "waist_at": (0.12, 0.26, 0.45),
    "waist_corner": (0, 0.2, 1), "hip": (34, 48, 100), "hip_at": (0.15, 0.35, 0.7), "hem": (32, 62, 170),
    "hem_curve": (-5, 2, 14), "hem_slant": (-20, 0, 20), "slit": (0, 0, 60), "slit_opening": (0, 0, 12),
    "shoulder_width": (28, 38, 56), "shoulder_slope": (6, 19, 34), "neck_width": (12, 19, 34),
    "neck_drop_front": (4, 10, 30), "neck_drop_back": (0, 3, 24), "armhole_depth": (11, 20, 32),
    "sleeve_puff": (-2, 1, 10), "sleeve_length": (11, 30, 72), "sleeve_angle": (0, 30, 85), "biceps": (8, 14, 40),
    "cuff": (6, 13, 50), "cuff_band": (1, 2, 6),
}
_SLEEVELESS_DRESS: dict[str, Range] = {
    **_DRESS, "shoulder_width": (16, 33, 46), "neck_width": (10, 20, 34), "neck_drop_front": (4, 12, 34),
}
_STRAP_DRESS: dict[str, Range] = {
    **_DRESS, "neck_width": (10, 18, 28), "neck_drop_front": (0, 4, 18), "neck_drop_back": (0, 3, 18),
    "armhole_depth": (8, 18, 30), "strap_width": (0.6, 2, 9), "chest": (30, 40, 56),
}
_CROPPED: dict[str, Range] = {"body_length": (30, 42, 52), "waist_at": (0.3, 0.6, 0.75), "slit": (0, 0, 4)}
_TROUSERS: dict[str, Range] = {
    "waist": (26, 40, 62), "hip": (32, 50, 78), "rise": (18, 28, 44), "hip_at": (0.3, 0.6, 0.85),
    "inseam": (45, 78, 94), "thigh": (16, 29, 46), "knee": (11, 22, 46), "leg_hem": (8, 19, 56),
    "leg_gap": (0.4, 8, 40),
}
_SHORTS: dict[str, Range] = {
    **_TROUSERS, "inseam": (3, 18, 40), "thigh": (20, 29, 46), "knee": (18, 29, 48), "leg_hem": (16, 29, 52),
    "leg_gap": (0.4, 3, 30), "waistband": (0, 4, 8), "hip": (36, 53, 78),
}
_ONE_PIECE: dict[str, Range] = {
    "waist_length": (32, 42, 52), "hip": (36, 50, 70), "rise": (20, 28, 40), "inseam": (8, 70, 85),
    "waist": (28, 38, 60), "chest": (34, 45, 64), "leg_hem": (12, 22, 56), "thigh": (20, 28, 44),
    "knee": (14, 24, 48),
}
_BRIEF: dict[str, Range] = {
    "body_length": (58, 70, 84), "chest": (32, 42, 54), "waist": (26, 36, 50), "waist_at": (0.25, 0.4, 0.55),
    "hip": (30, 40, 54),
}

KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        # The 27 categories of Table 6, some in several forms.
        _kind("t_shirt", "T-shirt", "set_in hem none none", _TEE),
        _kind("longsleeve", "T-shirt", "set_in hem none none", _LONG),
        _kind(
            "cap_sleeve_top",
            "T-shirt",
            "cap hem none none",
            {**_TEE, "sleeve_length": (3, 8, 20), "sleeve_angle": (20, 55, 88), "armhole_depth": (12, 20, 32)},
        ),
        _kind("hoodie", "Hoodie", "set_in hem hood none", {**_KNIT, "chest": (34, 56, 80)}, pockets="kangaroo"),
        _kind("zip_hoodie", "Hoodie", "set_in hem hood zip", {**_KNIT, "chest": (34, 56, 80)}, pockets="slant"),
        _kind("shirt", "Shirt", "set_in hem shirt buttons", _SHIRT, pockets="chest"),
        _kind(
            "blouse",
            "Shirt",
            "set_in hem none none",
            {
                **_LONG, "sleeve_length": (16, 56, 76), "cuff": (7, 12, 56), "sleeve_puff": (-1, 2, 12),
                "biceps": (9, 18, 44),
            },
        ),
        _kind(
            "polo",
            "Polo",
            "set_in hem shirt polo",
            {
                **_TEE, "collar_height": (2, 4, 7), "collar_spread": (0, 2, 6), "placket": (8, 14, 24),
                "overlap": (2, 3, 4), "neck_width": (12, 17, 24), "neck_drop_back": (0, 1, 3),
                "sleeve_length": (11, 22, 70),
            },
        ),
        _kind("tank", "Tank", "armhole hem none none", _TANK),
        _kind("camisole", "Tank", "strap hem none none", _STRAP),
        _kind(
            "vest",
            "Vest",
            "armhole hem none none",
            {
                **_TANK, "rib": (1, 5, 10), "rib_gather": (0, 0.5, 4), "shoulder_width": (30, 40, 60),
                "chest": (38, 50, 72), "neck_drop_front": (5, 18, 32),
            },
        ),
        _kind(
            "swimsuit",
            "Swimsuit",
            "strap brief none none",
            {**_STRAP, **_BRIEF, "neck_drop_front": (0, 5, 18), "strap_width": (0.6, 3, 7)},
        ),
        _kind("bodysuit", "Innerwear", "set_in brief none none", {**_LONG, **_BRIEF, "sleeve_length": (12, 50, 72)}),
        _kind("sweater", "Sweater", "set_in hem none none", _KNIT),
        _kind(
            "turtleneck",
            "Sweater",
            "set_in hem stand none",
            {
                **_KNIT, "collar_height": (3, 9, 20), "neck_width": (13, 17, 26), "neck_drop_back": (0, 1, 4),
                "collar_spread": (0, 0.5, 6),
            },
        ),
        _kind("innerwear", "Innerwear", "strap hem none none", {**_STRAP, "body_length": (40, 62, 85)}),
        _kind(
            "windbreaker",
            "Windbreaker",
            "set_in hem stand zip",
            {**_JACKET, "rib": (0, 4, 8), "rib_gather": (0, 1, 5)},
            pockets="slant",
        ),
        _kind("hooded_windbreaker", "Windbreaker", "set_in hem hood zip", _JACKET, pockets="slant"),
        _kind(
            "down_jacket",
            "Down Jacket",
            "set_in hem stand zip",
            {**_JACKET, "biceps": (12, 20, 42), "rib": (0, 3, 8), "rib_gather": (0, 1, 5), "collar_height": (4, 8, 14)},
            pockets="slant",
        ),
        _kind(
            "hooded_down_jacket",
            "Down Jacket",
            "set_in hem hood zip",
            {**_JACKET, "body_length": (52, 76, 120), "biceps": (12, 20, 42)},
            pockets="slant",
        ),
        _kind(
            "down_vest",
            "Down Jacket",
            "armhole hem stand zip",
            {
                **_TANK, "shoulder_width": (32, 42, 56), "chest": (42, 52, 72), "collar_height": (3, 7, 12),
                "neck_width": (13, 18, 26), "neck_drop_front": (5, 8, 14), "neck_drop_back": (0, 1, 3),
            },
            pockets="slant",
        ),
        _kind(
            "jacket",
            "Jacket",
            "set_in hem stand zip",
            {**_JACKET, "rib": (0, 5, 10), "rib_gather": (0, 1, 6)},
            pockets="slant",
        ),
        _kind(
            "suit",
            "Suit",
            "set_in hem lapel buttons",
            {**_JACKET, **_LAPEL, "body_length": (60, 73, 92)},
            pockets="flap chest",
        ),
        _kind(
            "waistcoat",
            "Waistcoat",
            "armhole hem none buttons",
            {
                **_TANK, "neck_drop_front": (14, 26, 40), "neck_shape": (0, 0.1, 0.3), "neck_drop_back": (0, 1.5, 5),
                "hem_curve": (0, 6, 14), "body_length": (48, 60, 78), "overlap": (1.5, 2.5, 5),
                "shoulder_width": (28, 37, 50),
            },
            pockets="flap",
        ),
        _kind(
            "shawl",
            "Shawl",
            "cape hem none none",
            {
                "body_length": (40, 62, 90), "hem": (70, 105, 160), "hem_curve": (-6, 4, 16),
                "shoulder_width": (32, 44, 70), "neck_width": (14, 22, 34), "neck_drop_front": (3, 14, 32),
                "neck_drop_back": (0, 2, 6), "shoulder_slope": (10, 22, 40),
            },
        ),
        _kind("dress", "Dress", "set_in hem none none", _DRESS, skirt=True),
        _kind(
            "cap_sleeve_dress",
            "Dress",
            "cap hem none none",
            {**_DRESS, "sleeve_length": (3, 8, 18), "sleeve_angle": (20, 55, 88)},
            skirt=True,
        ),
        _kind("sleeveless_dress", "Dress", "armhole hem none none", _SLEEVELESS_DRESS, skirt=True),
        _kind("strap_dress", "Dress", "strap hem none none", _STRAP_DRESS, skirt=True),
        _kind(
            "bandeau_dress",
            "Dress",
            "strapless hem none none",
            {
                **_DRESS, "body_length": (55, 76, 135), "chest": (30, 39, 54), "neck_drop_front": (0, 2, 10),
                "neck_drop_back": (0, 1, 10),
            },
            skirt=True,
        ),
        _kind(
            "off_shoulder_dress",
            "Dress",
            "off_shoulder hem none none",
            {
                **_DRESS, "body_length": (64, 86, 148), "shoulder_width": (38, 50, 64), "armhole_depth": (8, 14, 22),
                "neck_drop_front": (0, 3, 8), "neck_drop_back": (0, 2, 6),
            },
            skirt=True,
        ),
        _kind(
            "shirt_dress",
            "Dress",
            "set_in hem shirt buttons",
            {
                **_DRESS, "collar_height": (2, 4, 8), "overlap": (2, 3, 5), "neck_width": (12, 16, 24),
                "neck_drop_front": (5, 8, 14), "neck_drop_back": (0, 1, 3), "collar_spread": (0, 2, 6),
            },
            skirt=True,
        ),
        _kind(
            "wrap_dress",
            "Dress",
            "set_in hem none wrap",
            {
                **_DRESS, "neck_drop_front": (14, 24, 34), "neck_shape": (0, 0.1, 0.3), "overlap": (4, 16, 28),
                "tie_length": (0, 0, 45), "tie_width": (1.5, 3, 7),
            },
            skirt=True,
        ),
        _kind(
            "skirt",
            "Skirt",
            "waist hem none none",
            {
                "waist": (26, 36, 66), "hip": (32, 47, 110), "hip_at": (0.12, 0.35, 0.7), "hem": (30, 58, 175),
                "waistband": (0, 4, 8),
            },
        ),
        _kind("knitted_coat", "Knitted Coat", "set_in hem lapel buttons", {**_COAT, **_LAPEL}, pockets="flap"),
        _kind(
            "leather_short_coat",
            "Leather Short Coat",
            "set_in hem lapel buttons",
            {**_COAT, **_LAPEL, "body_length": (64, 78, 92)},
            pockets="flap",
        ),
        _kind(
            "leather_long_coat",
            "Leather Long Coat",
            "set_in hem lapel buttons",
            {**_COAT, **_LAPEL, "body_length": (92, 112, 138)},
            pockets="flap",
        ),
        _kind(
            "denim_jacket",
            "Denim Jacket",
            "set_in hem shirt buttons",
            {
                **_JACKET, "body_length": (42, 60, 76), "rib": (2, 4, 6), "rib_gather": (0, 1, 4),
                "collar_height": (3, 5, 9), "collar_leaf": (5, 8, 11), "overlap": (2, 4, 6),
            },
            pockets="chest slant",
        ),
        _kind(
            "robe",
            "Robe",
            "set_in hem lapel wrap",
            {
                **_COAT, "chest": (48, 62, 80), "overlap": (8, 18, 30), "collar_height": (1, 3, 6),
                "cuff": (14, 20, 34), "biceps": (16, 21, 42), "shoulder_width": (42, 54, 70),
                "neck_drop_front": (20, 34, 45),
            },
            pockets="flap",
        ),
        _kind(
            "loungewear_top",
            "Loungewear Top",
            "set_in hem shirt buttons",
            {
                **_SHIRT, "body_length": (52, 70, 84), "chest": (44, 56, 72), "hem_curve": (-2, 1, 8),
                "collar_leaf": (5, 8, 12),
            },
            pockets="chest",
        ),
        _kind(
            "loungewear_dress",
            "Loungewear Dress",
            "set_in hem none none",
            {**_DRESS, "chest": (38, 52, 68), "waist": (36, 52, 72), "waist_corner": (0, 0, 0.3)},
            skirt=True,
        ),
        _kind(
            "slip", "Loungewear Dress", "strap hem none none", {**_STRAP_DRESS, "waist_corner": (0, 0, 0.3)}, skirt=True
        ),
        _kind(
            "sports_jacket",
            "Sports Jacket",
            "set_in hem stand zip",
            {**_JACKET, "rib": (2, 5, 8), "rib_gather": (0, 1, 5), "collar_height": (3, 5, 9)},
            pockets="slant",
        ),
        _kind(
            "knitted_cardigan",
            "Knitted Cardigan",
            "set_in hem none buttons",
            {
                **_KNIT, "neck_drop_front": (5, 22, 36), "neck_shape": (0, 0.2, 0.55), "neck_drop_back": (0, 1.5, 4),
                "overlap": (1.5, 3, 6), "body_length": (42, 64, 105),
            },
        ),
        _kind(
            "leather_jacket",
            "Leather Jacket",
            "set_in hem lapel zip",
            {
                **_JACKET, **_LAPEL, "body_length": (44, 60, 74), "neck_drop_front": (8, 16, 28), "rib": (0, 3, 6),
                "rib_gather": (0, 0.5, 3),
            },
            pockets="slant",
        ),
        # What the table has no category for, and more forms of tops.
        _kind("trousers", None, "waist legs none none", _TROUSERS, pockets="side"),
        _kind("shorts", None, "waist legs none none", _SHORTS, pockets="side"),
        _kind(
            "jumpsuit",
            None,
            "set_in legs none zip",
            {**_LONG, **_ONE_PIECE, "sleeve_length": (14, 50, 72)},
            pockets="slant",
        ),
        _kind(
            "sleeveless_jumpsuit",
            None,
            "armhole legs none none",
            {**_TANK, **_ONE_PIECE, "neck_drop_front": (4, 12, 28)},
        ),
        _kind("strap_jumpsuit", None, "strap legs none none", {**_STRAP, **_ONE_PIECE}),
        _kind(
            "dungarees",
            None,
            "strap legs none none",
            {
                **_ONE_PIECE, "waist_length": (44, 52, 60), "chest": (34, 44, 56), "waist": (34, 44, 60),
                "strap_width": (2, 3.5, 6), "strap_length": (10, 20, 30), "strap_spread": (-4, 2, 8),
                "neck_width": (12, 17, 24), "neck_drop_front": (0, 0, 2), "neck_drop_back": (0, 0, 2),
                "armhole_depth": (26, 44, 50), "armhole_shape": (0.3, 0.6, 0.9),
            },
            pockets="chest side",
        ),
        _kind("cropped_top", "T-shirt", "set_in hem none none", {**_TEE, **_CROPPED}),
        _kind("cropped_tank", "Tank", "armhole hem none none", {**_TANK, **_CROPPED}),
        _kind("cropped_camisole", "Tank", "strap hem none none", {**_STRAP, **_CROPPED}),
        _kind(
            "wrap_top",
            "Shirt",
            "set_in hem none wrap",
            {
                **_LONG, "sleeve_length": (14, 48, 74), "neck_drop_front": (14, 24, 34), "neck_shape": (0, 0.1, 0.3),
                "overlap": (4, 14, 24), "body_length": (40, 58, 74), "tie_length": (0, 12, 45),
                "tie_width": (1.5, 3, 7), "biceps": (9, 18, 40), "cuff": (7, 12, 48),
            },
        ),
        _kind(
            "off_shoulder_top",
            "T-shirt",
            "off_shoulder hem none none",
            {
                **_LONG, "body_length": (36, 52, 70), "sleeve_length": (14, 40, 62), "shoulder_width": (40, 52, 66),
                "armhole_depth": (8, 15, 24), "neck_drop_front": (0, 3, 8), "neck_drop_back": (0, 2, 6),
                "cuff": (7, 16, 48), "biceps": (10, 19, 40),
            },
        ),
        _kind(
            "one_shoulder_top",
            "Tank",
            "one_shoulder hem none none",
            {**_TANK, "shoulder_width": (26, 34, 44), "neck_width": (12, 20, 28), "neck_drop_front": (0, 3, 8)},
        ),
        _kind(
            "bandeau",
            "Tank",
            "strapless hem none none",
            {
                **_TEE, "body_length": (14, 30, 55), "chest": (30, 40, 56), "waist": (28, 38, 56),
                "hem": (30, 39, 64), "neck_drop_front": (0, 1.5, 8), "neck_drop_back": (0, 1, 8),
                "hem_curve": (-2, 0.5, 4), "slit": (0, 0, 4),
            },
        ),
    )
}
"""Every kind, by key."""
