"""A photo that may lie on its side: looked at as somebody says, as it looks, or as it is and told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ragdiffusion.images import load_photo, turned_plane
from ragdiffusion.parsing.choosing import NoGarmentError

if TYPE_CHECKING:
    from ragdiffusion.api import PhotoSource, RAGDiffusion, Sight
    from ragdiffusion.parsing.found import GarmentChoice

AUTO = "auto"
"""Turns a photo that looks turned."""
_DEGREES = {"0": 0, "90": 90, "180": 180, "270": 270}


@dataclass(frozen=True)
class Look:
    """What was seen of a photo.

    Attributes:
        turned: by how many degrees clockwise the photo was turned before.
        looks_turned: by how many degrees clockwise it should be turned yet, as it seems; 0 where it looks upright, or
            somebody said how it is to be turned.
        sight: None where no garment was found.
        why: none was.
    """

    turned: int
    sight: Sight | None
    why: NoGarmentError | None = None
    looks_turned: int = 0

    def require(self) -> Sight:
        """Return what was seen.

        Raises:
            NoGarmentError: if no garment was found.
        """
        if self.sight is None:
            raise self.why or NoGarmentError("no garment was found in the photo")
        return self.sight


def parse_turn(words: str) -> int | str:
    """Read by how many degrees clockwise a photo is to be turned; `auto` where it looks turned.

    Raises:
        ValueError: if it is neither.
    """
    said = words.strip().lower()
    if said != AUTO and said not in _DEGREES:
        raise ValueError(f"a photo is turned by 0, 90, 180 or 270 degrees, or {AUTO}, got {words[:40]!r}")
    return _DEGREES.get(said, said)


def look_at(
    model: RAGDiffusion,
    photo: PhotoSource,
    garment: GarmentChoice | None = None,
    turn: int | str | None = None,
    *,
    name: str | None = None,
) -> Look:
    """Look at a photo as it is to be turned.

    Args:
        model: that looks.
        photo: path, bytes or PIL image.
        garment: which is meant: a name, a point in pixels of the photo's file, or a mask over it.
        turn: degrees clockwise; "auto": those that set it upright where it looks turned; None: none, but it is told
            where it looks turned.
        name: what to call the photo in messages.

    Raises:
        ValueError: if the photo can't be read or turned so, or there is no such garment to be meant.
    """
    return looked_at(
        lambda degrees: _look(model, photo, garment, degrees, name),
        lambda look: model.looks_turned(photo if look.sight is None else look.sight),
        turn,
    )


def looked_at(see: Callable[[int], Look], quarters: Callable[[Look], int], turn: int | str | None) -> Look:
    """Decide how a photo is turned, whoever looks at it.

    Args:
        see: looks at it, turned by so many degrees.
        quarters: by how many, clockwise, what was seen looks turned.
        turn: as `look_at` takes it.
    """
    if isinstance(turn, int):
        return see(turn)
    first = see(0)
    degrees = 90 * quarters(first)
    if turn is None:
        return replace(first, looks_turned=degrees)
    again = see(degrees) if degrees else first
    return first if again.sight is None else again


def turned_choice(garment: GarmentChoice | None, degrees: int, size: tuple[int, int]) -> GarmentChoice | None:
    """What somebody says of a photo's file, said of the photo as it is turned.

    Args:
        garment: a name, a point in pixels of the file, or a mask over it.
        degrees: by which the photo is turned clockwise: 0, 90, 180 or 270.
        size: (width, height) of the file.
    """
    if isinstance(garment, np.ndarray):
        return turned_plane(garment, degrees)
    if not isinstance(garment, tuple):
        return garment
    (x, y), (width, height) = garment, size
    return {90: (height - 1 - y, x), 180: (width - 1 - x, height - 1 - y), 270: (y, width - 1 - x)}.get(degrees, (x, y))


def choice_on(
    photo: PhotoSource, garment: GarmentChoice | None, degrees: int, *, name: str | None = None
) -> GarmentChoice | None:
    """Turn what somebody says of a photo's file with the photo, which is read for its size where that matters.

    Args:
        photo: path, bytes or PIL image.
        garment: as `turned_choice` takes it; None stays None.
        degrees: by which the photo is turned clockwise: 0, 90, 180 or 270.
        name: what to call the photo in messages.

    Raises:
        ValueError: if the photo has to be read and can't be.
    """
    if not degrees or garment is None:
        return garment
    return turned_choice(garment, degrees, load_photo(photo, name=name).size)


def _look(
    model: RAGDiffusion, photo: PhotoSource, garment: GarmentChoice | None, degrees: int, name: str | None
) -> Look:
    meant = choice_on(photo, garment, degrees, name=name)
    try:
        return Look(degrees, model.see(photo, meant, name=name, turn=degrees))
    except NoGarmentError as error:
        return Look(degrees, None, error)
