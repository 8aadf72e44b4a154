"""Where the sleeves and legs of a worn garment lie flat."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.raster import LEFT_LEG, LEFT_SLEEVE, RIGHT_LEG, RIGHT_SLEEVE

ROWS, COLUMNS = 25, 17
_PANELS = {LEFT_SLEEVE: "sleeve_left", RIGHT_SLEEVE: "sleeve_right", LEFT_LEG: "leg_left", RIGHT_LEG: "leg_right"}


def panel_grids(pattern: Pattern) -> np.ndarray:
    """Flat places (5, ROWS, COLUMNS, 2) in cm of each limb's panel at equal steps of v in [0, 1] and u in [-1, 1]."""
    grids = np.zeros((5, ROWS, COLUMNS, 2), np.float32)
    for panel, name in _PANELS.items():
        if name in pattern.parts:
            grids[panel] = pattern.parts[name].grid(COLUMNS, ROWS)
    return grids
