"""What a pixel of a photo of a person can be: the parser's labels, as numbers with names."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.labels import LABELS

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
