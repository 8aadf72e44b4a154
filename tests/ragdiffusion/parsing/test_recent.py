"""The same photo is parsed once."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.recent import RecentParser


class _Counting:
    """A parser that sees nothing, and counts how often it looks."""

    def __init__(self) -> None:
        self.asked: list[tuple[Image.Image, object]] = []

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        self.asked.append((photo, point))
        return Parse(np.full((9, 8, 8), 1 / 9, np.float32), (), photo.size)


def test_the_newest_parse_is_kept() -> None:
    counting = _Counting()
    recent = RecentParser(counting)
    red, blue = (Image.new("RGB", (20, 10), colour) for colour in ("red", "blue"))
    assert recent.parse(red) is recent.parse(red.copy()), "known by its pixels"
    assert recent.parse(red, point=(1, 2)).photo_size == (20, 10)
    recent.parse(Image.new("RGB", (10, 20), "red"))
    recent.parse(blue)
    recent.parse(red)
    assert [(photo.size, point) for photo, point in counting.asked] == [
        ((20, 10), None),
        ((20, 10), (1, 2)),
        ((10, 20), None),
        ((20, 10), None),
        ((20, 10), None),
    ]
    assert [photo.getpixel((0, 0)) for photo, _ in counting.asked[-2:]] == [(0, 0, 255), (255, 0, 0)]
