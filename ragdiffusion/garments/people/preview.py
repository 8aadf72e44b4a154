"""Contact sheets of rendered people: photo and label map side by side."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ragdiffusion.garments.people.engine import PeopleEngine
from ragdiffusion.garments.people.labels import PALETTE


def sheet(engine: PeopleEngine, indices: Iterable[int], *, columns: int = 8) -> np.ndarray:
    """A sheet, uint8 (H, W, 3) RGB, of shots in reading order."""
    cells = []
    for index in indices:
        shot = engine.shot(index)
        cells.append(np.hstack([shot.photo, PALETTE[shot.labels]]))
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i: i + columns]) for i in range(0, len(cells), columns)])
