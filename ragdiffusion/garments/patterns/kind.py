"""How a kind of garment is built, and which measures it has therefore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ragdiffusion.garments.patterns import ranges
from ragdiffusion.garments.patterns.measures import MEASURES, Measure


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
_BANDED = ("set_in", "cap", "armhole")
"""Kinds of upper half whose neckline may have a band of its own, where they have no collar."""

_SHOULDER = (*_NECK, "shoulder_width", "shoulder_slope")
_UPPER: dict[str, tuple[str, ...]] = {
    "set_in": (
        *_SHOULDER,
        "chest",
        "armhole_depth",
        "sleeve_length",
        "sleeve_angle",
        "sleeve_puff",
        "sleeve_bow",
        "biceps",
        "cuff",
        "cuff_slant",
        "cuff_band",
    ),
    "cap": (*_SHOULDER, "chest", "armhole_depth", "sleeve_length", "sleeve_angle", "sleeve_puff"),
    "armhole": (*_SHOULDER, "chest", "armhole_depth", "armhole_hollow", "armhole_shape"),
    "strap": (*_NECK, "chest", "armhole_depth", "armhole_shape", "strap_width", "strap_length", "strap_spread"),
    "strapless": ("neck_drop_front", "neck_drop_back", "neck_shape", "chest"),
    "off_shoulder": (
        "neck_drop_front",
        "neck_drop_back",
        "neck_shape",
        "shoulder_width",
        "chest",
        "armhole_depth",
        "sleeve_length",
        "sleeve_angle",
        "sleeve_puff",
        "sleeve_bow",
        "biceps",
        "cuff",
        "cuff_slant",
        "cuff_band",
    ),
    "one_shoulder": (
        "neck_width",
        "neck_drop_front",
        "shoulder_width",
        "shoulder_slope",
        "chest",
        "armhole_depth",
        "armhole_hollow",
        "armhole_shape",
    ),
    "cape": (*_NECK, "shoulder_width", "shoulder_slope", "drape"),
    "waist": ("waist", "waist_dip", "waistband"),
}
_HEM = (
    "body_length",
    "waist",
    "waist_at",
    "waist_corner",
    "hem",
    "hem_curve",
    "hem_slant",
    "slit",
    "slit_opening",
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
            low = (
                "skirt_length",
                "hip",
                "hip_at",
                "hem",
                "hem_curve",
                "hem_slant",
                "slit",
                "slit_opening",
                "slit_at",
            )
        if upper == "cape":
            low = ("body_length", "hem", "hem_curve", "hem_slant")
    elif lower == "legs":
        low = _LEGS if upper == "waist" else (*_LEGS, "waist_length", "waist")
    else:
        low = ("body_length", "waist", "waist_at", "hip", "leg_cut", "crotch")
    band = ("neck_band",) if collar == "none" and upper in _BANDED else ()
    return {*_UPPER[upper], *band, *low, *_COLLARS[collar], *_FRONTS[front]}


def build_kind(
    key: str,
    category: str | None,
    build: str,
    own: Mapping[str, ranges.Range],
    *,
    pockets: str = "",
    skirt: bool = False,
) -> Kind:
    """One kind; `build` is "upper lower collar front"; `own` ranges narrow its measures and add those of `_EXTRAS`."""
    upper, lower, collar, front = build.split()
    keys = _keys(upper, lower, collar, front) | (_EXTRAS & set(own))
    measures = {k: MEASURES[k].within(*own[k]) if k in own else MEASURES[k] for k in MEASURES if k in keys}
    return Kind(key, category, upper, lower, collar, front, tuple(pockets.split()), measures, skirt)
