"""Contact sheets of rendered people: photo, label map, and the flat-lay of each garment with where it is seen."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from ragdiffusion.garments.people.engine import PeopleEngine
from ragdiffusion.garments.people.labels import PALETTE
from ragdiffusion.garments.people.shot import Shot

_GARMENTS = 3


def sheet(engine: PeopleEngine, indices: Iterable[int], *, columns: int = 8) -> np.ndarray:
    """A sheet, uint8 (H, W, 3) RGB, of shots in reading order."""
    cells = [cell(engine.shot(index)) for index in indices]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])


def cell(shot: Shot) -> np.ndarray:
    """Photo, labels and up to three flat-lays, outermost first; what is hidden in the photo is paled."""
    height = shot.photo.shape[0]
    side = height // _GARMENTS
    strip = np.full((height, side, 3), 255, np.uint8)
    for slot, garment in enumerate(list(shot.garments)[::-1][:_GARMENTS]):
        weight = (0.35 + 0.65 * garment.visible)[..., None]
        picture = garment.standard * weight + 255 * (1 - weight)
        strip[slot * side : (slot + 1) * side] = cv2.resize(
            picture.astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA
        )
    return np.hstack([shot.photo, PALETTE[shot.labels], strip])
