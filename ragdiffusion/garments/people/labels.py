"""What a pixel of a photo of a person can be."""

from __future__ import annotations

import numpy as np

LABELS: tuple[str, ...] = ("ground", "upper", "outer", "inner", "lower", "dress", "skin", "hair", "other")
"""Names of the label map's values, in order. "outer" is a jacket, coat or open layer, "inner" the top below an open
outer, "upper" the visible top otherwise, "other" shoes, bags, ties, phones and the like."""

GROUND, UPPER, OUTER, INNER, LOWER, DRESS, SKIN, HAIR, OTHER = range(len(LABELS))
GARMENT_LABELS = (UPPER, OUTER, INNER, LOWER, DRESS)

PALETTE = np.uint8(
    [
        (255, 255, 255),
        (220, 60, 60),
        (120, 20, 40),
        (240, 200, 60),
        (40, 120, 220),
        (200, 60, 200),
        (230, 190, 150),
        (40, 40, 40),
        (90, 200, 90),
    ]
)
"""RGB of each label in a sheet."""
