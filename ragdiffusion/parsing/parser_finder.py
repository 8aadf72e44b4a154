"""A garment finder that looks through a parse: it tells garments apart, by name or by point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from ragdiffusion.parsing.choosing import choose
from ragdiffusion.parsing.found import FoundGarment, GarmentChoice, GarmentFinder, crop_around, given_garment, on_photo
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
            garment: its name, a point on it in pixels of the photo, or its mask; None takes the one garment there
                is, or with several the largest top or dress, and says so.

        Raises:
            ValueError: if there is no such garment (`NoGarmentError`), or the choice does not fit the photo.
        """
        if isinstance(garment, np.ndarray):
            return given_garment(photo, garment, self._size)
        point = garment if isinstance(garment, tuple) else None
        parse = self.parser.parse(photo, point=point)
        choice = choose(parse, garment)
        alone = garment is None and len(parse.instances) == 1 and not parse.has_person
        if alone and self._alone is not None and crop_around(choice.garment.mask) is None:  # it sees large ones better
            return replace(self._alone.find(photo), name=choice.garment.name)
        return on_photo(choice.garment.mask, self._size, "parser", name=choice.garment.name, why=choice.why)
