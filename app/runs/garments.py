"""The garments of a photo as a person is shown them, and what each is meant by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.parsing.choosing import choose
from ragdiffusion.parsing.found import GarmentChoice
from ragdiffusion.parsing.parse import NAMES, Parse

MAP_SIDE = 512
"""Longer side of an index map at most, pixels."""


@dataclass(frozen=True, eq=False)
class GarmentMap:
    """Where the garments of a photo lie.

    Args:
        indices: uint8 (h, w) over the photo; 0 is no garment, i + 1 the garment i of the parse.
        titles: what each is called; those of one name are numbered.
        centres: of each, (x, y) as shares of the photo: the point that lies deepest in it.
    """

    indices: np.ndarray
    titles: tuple[str, ...]
    centres: tuple[tuple[float, float], ...]


def garment_map(parse: Parse) -> GarmentMap:
    """Lay the garments of a photo over one another as a click finds them: the smallest lies on top."""
    width, height = parse.photo_size
    scale = min(1.0, MAP_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    indices = np.zeros(size[::-1], np.uint8)
    for i, garment in enumerate(parse.instances):  # largest first
        indices[cv2.resize(garment.mask, size, interpolation=cv2.INTER_AREA) > 0.5] = i + 1
    centres = tuple(_centre(indices == i + 1) for i in range(len(parse.instances)))
    return GarmentMap(indices, _titles([garment.name for garment in parse.instances]), centres)


def meaning(parse: Parse, index: int) -> GarmentChoice:
    """Say which garment a person chose so that it is found again: by its name, or by a point where several have it.

    Args:
        parse: of the photo.
        index: of the garment in it.

    Raises:
        ValueError: if the photo shows no such garment.
    """
    if not 0 <= index < len(parse.instances):
        raise ValueError(f"there is no garment {index + 1} in the photo, it shows {len(parse.instances)}")
    names = [garment.name for garment in parse.instances]
    if names.count(names[index]) == 1:
        return names[index]
    across, down = garment_map(parse).centres[index]
    return across * parse.photo_size[0], down * parse.photo_size[1]


def chosen(parse: Parse, garment: GarmentChoice | None) -> int | None:
    """Return which garment of a parse is meant; None for a mask, which may be none of them, and where there is none."""
    if isinstance(garment, np.ndarray) or not parse.instances:
        return None
    found = choose(parse, garment).garment
    return next(i for i, each in enumerate(parse.instances) if each is found)


def remembered(parse: Parse, name: str) -> str | None:
    """Return the name that was chosen last if it tells the garments of another photo apart; None else."""
    names = [garment.name for garment in parse.instances]
    return name if name in names and len(names) > 1 else None


def _centre(region: np.ndarray) -> tuple[float, float]:
    framed = np.pad(region.astype(np.uint8), 1)  # the photo's edge counts as the garment's
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return (float(x) + 0.5) / region.shape[1], (float(y) + 0.5) / region.shape[0]


def _titles(names: list[str]) -> tuple[str, ...]:
    return tuple(
        NAMES[name] if names.count(name) == 1 else f"{NAMES[name]} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )
