"""Where each panel of a worn garment lies flat."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.fitting import Fitting
from ragdiffusion.garments.people.raster import LEFT_LEG, LEFT_SLEEVE, RIGHT_LEG, RIGHT_SLEEVE, TRUNK
from ragdiffusion.garments.people.wardrobe import Garment

ROWS, COLUMNS = 25, 17


def panel_grids(garment: Garment, body: Fitting) -> np.ndarray:
    """Flat places (5, ROWS, COLUMNS, 2) in cm of each panel at equal steps of v in [0, 1] and u in [-1, 1]."""
    u, v = np.linspace(-1, 1, COLUMNS)[None], np.linspace(0, 1, ROWS)[:, None]
    m = garment.measures
    chest, hem = m.get("chest", body.hip), m.get("hem", body.hip)
    length = m["body_length"]
    half = chest / 2 + (hem - chest) / 2 * v
    grids = np.zeros((5, ROWS, COLUMNS, 2), np.float32)
    grids[TRUNK] = np.stack(np.broadcast_arrays(u * half, v * length), -1)
    tip = np.array([m.get("shoulder_width", 40) / 2, m.get("shoulder_drop", 4)])
    way = np.array([np.sin(0.35), np.cos(0.35)])
    across = np.array([way[1], -way[0]])
    reach = max(garment.sleeve, 0.05) * body.arm
    wide = (10 - 4 * v) * u
    for panel, sign in ((LEFT_SLEEVE, 1), (RIGHT_SLEEVE, -1)):
        place = tip + way * (v * reach)[..., None] + across * wide[..., None] - across * 9
        grids[panel] = place * np.array([sign, 1])
    if garment.leg > -5:
        for panel, sign in ((LEFT_LEG, 1), (RIGHT_LEG, -1)):
            inner = 1 + 6 * v
            x = inner + (u + 1) / 2 * (body.hip / 2 - 8 * v)
            grids[panel] = np.stack(np.broadcast_arrays(x * sign, v * (body.leg + 25)), -1)
    return grids
