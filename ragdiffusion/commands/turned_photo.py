"""`--turn`: a photo is turned before it is looked at, and one that looks turned is told of."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight
    from ragdiffusion.parsing.found import GarmentChoice


def see_photo(model: RAGDiffusion, args: argparse.Namespace, garment: GarmentChoice | None) -> Sight:
    """Look at the photo of a command as it is to be turned; where nobody said how, tell of one that looks turned.

    Raises:
        ValueError: if the garment can't be found.
    """
    from ragdiffusion.parsing.choosing import NoGarmentError

    if args.turn is not None:
        return model.see(args.photo, garment, turn=args.turn)
    try:
        sight = model.see(args.photo, garment)
    except NoGarmentError:
        _tell(model.looks_turned(args.photo))
        raise
    _tell(model.looks_turned(sight))
    return sight


def _tell(quarters: int) -> None:
    if quarters:
        print(
            f"note: the photo looks turned; --turn {90 * quarters} turns it, --turn 0 says that it is upright",
            file=sys.stderr,
        )


def turned_choice(garment: GarmentChoice | None, degrees: int | None, size: tuple[int, int]) -> GarmentChoice | None:
    """What somebody says of a photo's file, said of the photo as it is turned.

    Args:
        garment: a name, a point in pixels of the file, or a mask over it.
        degrees: by which the photo is turned clockwise; None: not at all.
        size: (width, height) of the file.
    """
    if isinstance(garment, np.ndarray):
        return turned_plane(garment, degrees)
    if not isinstance(garment, tuple):
        return garment
    (x, y), (width, height) = garment, size
    return {90: (height - 1 - y, x), 180: (width - 1 - x, height - 1 - y), 270: (y, width - 1 - x)}.get(
        degrees or 0, (x, y)
    )


def turned_plane(plane: np.ndarray, degrees: int | None) -> np.ndarray:
    """A mask (H, W) over a photo's file, turned with it."""
    return np.ascontiguousarray(np.rot90(plane, -(degrees or 0) // 90))
