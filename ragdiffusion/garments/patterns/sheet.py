"""A page of a pattern book: rows of drawn garments with their inner lines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.garments.patterns.pattern import Pattern

_SUBPIXELS = 4  # bits of fixed point for lines
_FINE = 2  # drawn so many times larger
_CLOTH, _INK, _SEAM = (226, 224, 220), (30, 30, 34), (96, 118, 150)


def pattern_page(rows: Sequence[Sequence[Pattern]], *, cell: int = 128) -> Image.Image:
    """Draw patterns in rows, each in the canonical frame.

    Args:
        rows: of patterns; shorter rows are filled with white.
        cell: side of one drawing, pixels.

    Returns:
        An RGB picture.

    Raises:
        ValueError: no pattern, or a cell under 32 pixels.
    """
    if cell < 32 or not any(rows):
        count = sum(map(len, rows))
        raise ValueError(f"a page of {count} patterns in cells of {cell} px: 1 or more in 32 px or more wanted")
    wide = max(len(row) for row in rows)
    page = np.full((len(rows) * cell, wide * cell, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, pattern in enumerate(row):
            page[i * cell : (i + 1) * cell, j * cell : (j + 1) * cell] = _drawing(pattern, cell)
    return Image.fromarray(page)


def _drawing(pattern: Pattern, cell: int) -> np.ndarray:
    side = cell * _FINE
    scale, origin = pattern.frame(side)
    share = pattern.rasterise(side)[..., None].astype(np.float32) / 255
    picture = np.rint(255 * (1 - share) + np.array(_CLOTH, np.float32) * share).astype(np.uint8)
    for path in pattern.lines.values():
        _stroke(picture, path.polygon() * scale + origin, _SEAM, closed=False)
    _stroke(picture, pattern.polygon() * scale + origin, _INK, closed=True)
    return cv2.resize(picture, (cell, cell), interpolation=cv2.INTER_AREA)


def _stroke(picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], *, closed: bool) -> None:
    fixed = np.rint((points - 0.5) * 2**_SUBPIXELS).astype(np.int32)
    cv2.polylines(picture, [fixed], closed, colour, _FINE if closed else 1, cv2.LINE_AA, _SUBPIXELS)
