"""A parser that does not parse the same photo twice in a row."""

from __future__ import annotations

import hashlib

from PIL import Image

from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.parser import Parser


class RecentParser:
    """Keeps the newest parse: who lists a photo's garments looks at one of them next. Any threads may share it.

    Args:
        parser: that it asks.
    """

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self._newest: tuple[object, Parse] | None = None

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        """As `Parser.parse`; a photo is known by its pixels."""
        key = hashlib.sha256(photo.tobytes()).digest(), photo.size, photo.mode, point
        newest = self._newest
        if newest is None or newest[0] != key:
            newest = self._newest = key, self.parser.parse(photo, point=point)
        return newest[1]
