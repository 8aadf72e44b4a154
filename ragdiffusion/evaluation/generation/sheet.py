"""The sheet that goes with the figures: photo, landmark, draft, output and truth of pictures nobody picked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ragdiffusion.evaluation.generation.measure import Trial
from ragdiffusion.images import pad_to_square, tensor_to_mask_image

SHOWN = 24
CELL = 144
_COLUMNS = ("photo", "landmark", "draft", "output", "truth")
_ACROSS = 2  # pictures beside each other
_HEADER, _GAP = 18, 12


def draw_sheet(trials: Sequence[Trial]) -> Image.Image:
    """Draw pictures spread evenly over all that were made, in their order.

    Args:
        trials: at least one; `SHOWN` of them are drawn where there are more.

    Raises:
        ValueError: if there is none.
    """
    if not trials:
        raise ValueError("no picture to draw a sheet of")
    shown = [trials[i] for i in np.linspace(0, len(trials) - 1, min(SHOWN, len(trials))).astype(int)]
    across = min(_ACROSS, len(shown))
    rows = -(-len(shown) // across)
    block = len(_COLUMNS) * CELL
    sheet = Image.new("RGB", (across * block + (across - 1) * _GAP, _HEADER + rows * CELL), "white")
    pen = ImageDraw.Draw(sheet)
    for place in range(across):
        for index, name in enumerate(_COLUMNS):
            pen.text((place * (block + _GAP) + index * CELL + 4, 3), name, fill="black")
    for number, trial in enumerate(shown):
        left, top = (number // rows) * (block + _GAP), _HEADER + (number % rows) * CELL
        for index, picture in enumerate(_pictures(trial)):
            if picture is not None:
                sheet.paste(
                    pad_to_square(picture).resize((CELL, CELL), Image.Resampling.LANCZOS), (left + index * CELL, top)
                )
    return sheet


def _pictures(trial: Trial) -> tuple[Image.Image | None, ...]:
    """In the order of the columns."""
    return (
        Image.fromarray(trial.sample.photo_pixels),
        tensor_to_mask_image(1 - trial.landmark).convert("RGB"),
        trial.draft,
        trial.output,
        Image.fromarray(trial.sample.standard),
    )
