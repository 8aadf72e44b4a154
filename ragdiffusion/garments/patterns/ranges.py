"""Ranges of measures that several kinds share: lowest, typical and highest, in the measures' own units."""

from __future__ import annotations

Range = tuple[float, float, float]
"""Lowest, typical and highest value of a measure."""

TEE: dict[str, Range] = {
    "body_length": (48, 68, 90),
    "chest": (30, 51, 72),
    "waist": (28, 49, 75),
    "hem": (28, 51, 84),
    "waist_at": (0.2, 0.45, 0.7),
    "waist_corner": (0, 0, 0.6),
    "hem_curve": (-4, 1, 10),
    "hem_slant": (-12, 0, 12),
    "slit": (0, 0, 20),
    "slit_opening": (0, 0, 6),
    "shoulder_width": (32, 43, 64),
    "shoulder_slope": (6, 19, 34),
    "neck_width": (11, 18.5, 32),
    "neck_drop_front": (4, 9, 22),
    "neck_drop_back": (0, 2, 16),
    "armhole_depth": (12, 22, 34),
    "sleeve_length": (9, 22, 40),
    "sleeve_angle": (15, 45, 88),
    "cuff": (7.5, 17, 34),
    "sleeve_puff": (-2, 0.5, 8),
    "sleeve_bow": (-3, 0, 3),
    "biceps": (8.5, 17.5, 36),
    "cuff_band": (1, 2, 4),
}
LONG: dict[str, Range] = {
    **TEE,
    "chest": (34, 51, 76),
    "waist": (32, 49, 76),
    "hem": (32, 51, 88),
    "shoulder_width": (32, 43, 66),
    "sleeve_length": (40, 61, 80),
    "sleeve_angle": (0, 25, 80),
    "cuff": (6, 10, 24),
    "biceps": (8, 16, 36),
    "sleeve_bow": (-5, 0, 6),
    "armhole_depth": (14, 23, 40),
    "cuff_band": (2, 6, 10),
}
SHIRT: dict[str, Range] = {
    **LONG,
    "body_length": (52, 74, 92),
    "hem_curve": (-3, 5, 14),
    "sleeve_length": (16, 62, 78),
    "collar_height": (2, 4.5, 8),
    "collar_spread": (0, 2.5, 7),
    "collar_taper": (-2, 1.5, 5),
    "overlap": (1.5, 3, 5),
    "neck_width": (12, 16, 24),
    "neck_drop_front": (5, 8, 14),
    "neck_drop_back": (0, 1, 3),
    "cuff": (7, 12, 28),
    "neck_shape": (0.1, 0.35, 0.6),
}
KNIT: dict[str, Range] = {**LONG, "rib": (2, 6, 12), "rib_gather": (0, 1, 6), "hem_curve": (-3, 0.5, 4)}
JACKET: dict[str, Range] = {
    **LONG,
    "body_length": (44, 66, 95),
    "chest": (34, 54, 80),
    "waist": (32, 51, 82),
    "hem": (32, 53, 92),
    "hem_curve": (-4, 1, 6),
    "neck_width": (12, 18, 26),
    "neck_drop_front": (5, 9, 16),
    "neck_drop_back": (0, 1.5, 4),
    "collar_height": (2, 5, 12),
    "cuff": (7, 12, 24),
    "biceps": (9, 18, 40),
    "overlap": (0, 3, 14),
    "sleeve_angle": (0, 28, 80),
    "shoulder_width": (36, 46, 66),
}
COAT: dict[str, Range] = {
    **JACKET,
    "body_length": (72, 95, 135),
    "hem": (42, 58, 100),
    "waist_at": (0.15, 0.35, 0.6),
    "slit": (0, 0, 40),
    "overlap": (2, 6, 18),
    "neck_drop_front": (8, 24, 40),
    "neck_shape": (0, 0.1, 0.4),
}
LAPEL: dict[str, Range] = {"neck_drop_front": (10, 28, 44), "neck_shape": (0, 0.1, 0.35), "collar_height": (1, 3.5, 8)}
TANK: dict[str, Range] = {
    **TEE,
    "shoulder_width": (20, 34, 54),
    "neck_width": (12, 20, 36),
    "neck_drop_front": (5, 14, 30),
    "neck_drop_back": (0, 4, 24),
    "armhole_depth": (12, 23, 38),
    "chest": (30, 46, 70),
    "waist": (26, 45, 75),
}
STRAP: dict[str, Range] = {
    **TEE,
    "neck_width": (10, 18, 28),
    "neck_drop_front": (0, 4, 16),
    "neck_drop_back": (0, 3, 16),
    "armhole_depth": (8, 18, 30),
    "chest": (32, 42, 60),
    "waist": (28, 41, 70),
    "strap_width": (0.6, 2, 8),
}
DRESS: dict[str, Range] = {
    "body_length": (74, 95, 158),
    "chest": (30, 44, 64),
    "waist": (24, 38, 66),
    "waist_at": (0.12, 0.26, 0.45),
    "waist_corner": (0, 0.2, 1),
    "hip": (30, 48, 100),
    "hip_at": (0.15, 0.35, 0.7),
    "hem": (28, 62, 170),
    "hem_curve": (-5, 2, 14),
    "hem_slant": (-20, 0, 20),
    "slit": (0, 0, 60),
    "slit_opening": (0, 0, 12),
    "shoulder_width": (28, 38, 56),
    "shoulder_slope": (6, 19, 34),
    "neck_width": (10, 19, 34),
    "neck_drop_front": (4, 10, 30),
    "neck_drop_back": (0, 3, 24),
    "armhole_depth": (9, 20, 32),
    "sleeve_puff": (-2, 1, 10),
    "sleeve_length": (11, 30, 72),
    "sleeve_angle": (0, 30, 85),
    "biceps": (6, 14, 40),
    "cuff": (5, 13, 50),
    "cuff_band": (1, 2, 6),
}
SLEEVELESS_DRESS: dict[str, Range] = {
    **DRESS,
    "shoulder_width": (16, 33, 46),
    "neck_width": (10, 20, 34),
    "neck_drop_front": (4, 12, 34),
}
STRAP_DRESS: dict[str, Range] = {
    **DRESS,
    "neck_width": (10, 18, 28),
    "neck_drop_front": (0, 4, 18),
    "neck_drop_back": (0, 3, 18),
    "armhole_depth": (8, 18, 30),
    "strap_width": (0.6, 2, 9),
    "chest": (30, 40, 56),
}
CROPPED: dict[str, Range] = {"body_length": (30, 42, 52), "waist_at": (0.3, 0.6, 0.75), "slit": (0, 0, 4)}
TROUSERS: dict[str, Range] = {
    "waist": (26, 40, 62),
    "hip": (32, 50, 78),
    "rise": (18, 28, 44),
    "hip_at": (0.3, 0.6, 0.85),
    "inseam": (45, 78, 94),
    "thigh": (16, 29, 46),
    "knee": (11, 22, 46),
    "leg_hem": (8, 19, 56),
    "leg_gap": (0.4, 8, 40),
}
SHORTS: dict[str, Range] = {
    **TROUSERS,
    "inseam": (3, 18, 40),
    "thigh": (20, 29, 46),
    "knee": (18, 29, 48),
    "leg_hem": (16, 29, 52),
    "leg_gap": (0.4, 3, 30),
    "waistband": (0, 4, 8),
    "hip": (36, 53, 78),
}
ONE_PIECE: dict[str, Range] = {
    "waist_length": (32, 42, 52),
    "hip": (36, 50, 70),
    "rise": (20, 28, 40),
    "inseam": (8, 70, 85),
    "waist": (28, 38, 60),
    "chest": (34, 45, 64),
    "leg_hem": (12, 22, 56),
    "thigh": (20, 28, 44),
    "knee": (14, 24, 48),
}
BRIEF: dict[str, Range] = {
    "body_length": (58, 70, 84),
    "chest": (32, 42, 54),
    "waist": (26, 36, 50),
    "waist_at": (0.25, 0.4, 0.55),
    "hip": (30, 40, 54),
}
