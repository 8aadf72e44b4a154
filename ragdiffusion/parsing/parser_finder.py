"""A garment finder that looks through a parse: it tells garments apart, by name or by point."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.parsing.body import is_from_behind
from ragdiffusion.parsing.choosing import choose
from ragdiffusion.parsing.found import FoundGarment, GarmentChoice, GarmentFinder, crop_around, given_garment, on_photo
from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.parser import Parser


class ParserFinder:
    """Finds the garment that is meant by parsing the photo.

    Args:
        parser: of photos.
        alone: finds the garment of a photo without a person more exactly, where no particular one is meant; None: the
            parser does that too.
        size: side of the masks, pixels.
    """

    def __init__(self, parser: Parser, *, alone: GarmentFinder | None = None, size: int = 256) -> None:
        self.parser, self._alone, self._size = parser, alone, size

    def find(self, photo: Image.Image, garment: GarmentChoice | None = None) -> FoundGarment:
        """Find the garment.

        Args:
            photo: RGB.
            garment: its name, by which a photo that seems to show none is read again; a point on it in pixels of the
                photo, or its mask; None takes the one garment there is, or with several the largest top or dress, and
                says so.

        Raises:
            ValueError: if there is no such garment (`NoGarmentError`), or the choice does not fit the photo.
        """
        if isinstance(garment, np.ndarray):
            return _beside(given_garment(photo, garment, self._size), self.parser.parse(photo))
        point = garment if isinstance(garment, tuple) else None
        parse = self.parser.parse(photo, point=point)
        parse = parse.knowing(garment) if isinstance(garment, str) else parse
        choice = choose(parse, garment)
        alone = garment is None and len(parse.instances) == 1 and not parse.has_person
        if alone and self._alone is not None and crop_around(choice.garment.mask) is None:  # it sees large ones better
            found = replace(self._alone.find(photo), name=choice.garment.name)
        else:
            found = on_photo(choice.garment.mask, self._size, "parser", name=choice.garment.name, why=choice.why)
        return _beside(found, parse)


def _beside(found: FoundGarment, parse: Parse) -> FoundGarment:
    """A garment with what the parse says of its surroundings."""
    worn = parse.has_person
    behind = worn and is_from_behind(parse.labels)
    return replace(found, labels=labels_on(parse, found.crop), worn=worn, from_behind=behind)


def labels_on(parse: Parse, crop: tuple[int, int, int, int] | None) -> np.ndarray:
    """A parse's probabilities on its photo cut to `crop` and padded to a square: float32 (9, S, S)."""
    if crop is None:
        return parse.probabilities
    side = parse.probabilities.shape[1]
    width, height = parse.photo_size
    left, top, right, bottom = crop
    whole, part = max(width, height), max(right - left, bottom - top)
    scale = whole / part  # of what the cut shows
    middle = np.array([left + right - width, top + bottom - height]) / 2 * (side / whole) + side / 2
    shift = side / 2 - scale * (middle - 0.5) - 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    planes = [
        cv2.warpAffine(plane, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=float(number == 0))
        for number, plane in enumerate(parse.probabilities)
    ]
    return np.stack(planes)
