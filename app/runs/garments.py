"""The garments of a photo as a person is shown them, and what each is meant by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from app.landmark_editor.rle import decode
from app.runs.photos import BenchPhoto, laid_over
from app.session_log.framing import Box
from ragdiffusion.images import lies_over
from ragdiffusion.parsing.boxes import garment_in_box
from ragdiffusion.parsing.choosing import choose
from ragdiffusion.parsing.found import GarmentChoice
from ragdiffusion.parsing.labels import LABELS
from ragdiffusion.parsing.parse import NAMES, Parse

MAP_SIDE = 512
"""Longer side of an index map at most, pixels."""
LEAST_MARKED = 0.0005
"""Share of a photo that a painted garment covers at least."""


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
    size = map_size(parse.photo_size)
    indices = np.zeros(size[::-1], np.uint8)
    for i, garment in enumerate(parse.instances):  # largest first
        indices[cv2.resize(garment.mask, size, interpolation=cv2.INTER_AREA) > 0.5] = i + 1
    centres = tuple(_centre(indices == i + 1) for i in range(len(parse.instances)))
    return GarmentMap(indices, _titles([garment.name for garment in parse.instances]), centres)


def map_size(photo_size: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of what the browser is told pixel by pixel of a photo, and tells of it."""
    scale = min(1.0, MAP_SIDE / max(photo_size))
    width, height = (max(1, round(side * scale)) for side in photo_size)
    return width, height


def drawn_mask(text: object, photo_size: tuple[int, int]) -> np.ndarray:
    """Read the mask that a person painted over a photo in the browser.

    Args:
        text: run lengths of 0 and 255, of `map_size`.
        photo_size: (width, height).

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        ValueError: if it did not arrive whole, or is of another photo.
    """
    small = decode(str(text), *map_size(photo_size))
    return cv2.resize(small.astype(np.float32) / 255, photo_size, interpolation=cv2.INTER_LINEAR)


def usable_mask(mask: np.ndarray) -> np.ndarray:
    """Return a painted mask as the log will keep it.

    Raises:
        ValueError: if it marks hardly anything.
    """
    share = float((mask > 0.5).mean())
    if share < LEAST_MARKED:
        raise ValueError(f"the brush marks {share:.2%} of the photo: paint the whole garment, or crop the photo to it")
    return as_logged_mask(mask)


def as_logged_mask(mask: np.ndarray) -> np.ndarray:
    """Return a mask as the log will keep it, so that a run is made again as it was."""
    return np.rint(mask * 255).astype(np.float32) / 255


def in_box(photo: Image.Image, parse: Parse | None, box: Box) -> np.ndarray:
    """Return the mask of what a box around a garment holds, float32 (H, W) in [0, 1].

    Raises:
        ValueError: if the box leaves the photo, or nothing in it stands out (`NoGarmentError`).
    """
    if parse is None:  # the name that a parse gives it is not asked for
        parse = Parse(np.full((len(LABELS), 8, 8), 1 / len(LABELS), np.float32), (), photo.size)
    return as_logged_mask(garment_in_box(photo, parse, box).mask)


def over_photo(mask: np.ndarray, photo: BenchPhoto) -> np.ndarray:
    """Mirror and turn a mask that lies over the photo's file as the photo is; any other stays as it is."""
    framing = photo.framing
    moved = bool(framing.turns) or framing.mirrored
    return laid_over(mask, framing) if moved and lies_over(mask, photo.stored_size) else mask


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
