"""Measures in groups, as a form shows them: what is moved most stands first."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "Length and width": ("body_length", "skirt_length", "chest", "waist", "hip", "hem"),
    "Sleeves": (
        "sleeve_length",
        "cuff",
        "biceps",
        "sleeve_angle",
        "sleeve_puff",
        "sleeve_bow",
        "cuff_slant",
        "cuff_band",
    ),
    "Legs": (
        "inseam",
        "rise",
        "thigh",
        "knee",
        "leg_hem",
        "leg_gap",
        "crotch_curve",
        "leg_slant",
        "leg_cut",
        "crotch",
    ),
    "Neckline": ("neck_width", "neck_drop_front", "neck_drop_back", "neck_shape", "neck_band"),
    "Collar and hood": (
        "collar_height",
        "collar_spread",
        "collar_taper",
        "collar_dip",
        "collar_leaf",
        "hood_height",
        "hood_width",
    ),
    "Shoulders and armholes": (
        "shoulder_width",
        "shoulder_slope",
        "armhole_depth",
        "armhole_hollow",
        "armhole_shape",
        "drape",
    ),
    "Straps": ("strap_width", "strap_length", "strap_spread"),
    "Waist": ("waist_at", "waist_length", "waist_corner", "hip_at", "waist_dip", "waistband"),
    "Hem and slit": ("hem_curve", "hem_slant", "rib", "rib_gather", "slit", "slit_opening", "slit_at"),
    "Front and ties": ("overlap", "placket", "tie_length", "tie_width"),
}
"""Keys of `MEASURES` by group; each stands in one."""

GROUP_OF: dict[str, str] = {key: group for group, keys in GROUPS.items() for key in keys}
"""The group of each measure."""
