"""A sheet of the ablation: a line for each garment, a column for each row of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from PIL import Image

from ragdiffusion.evaluation.ablation.measure import AblationRow, Case
from ragdiffusion.images import tensor_to_images


def draw_rows(
    rows: Sequence[AblationRow], cases: Sequence[Case], make: Callable[[AblationRow, Sequence[Case]], torch.Tensor]
) -> Image.Image:
    """Photo, one picture for each row, truth.

    Args:
        rows: columns of the sheet.
        cases: its lines.
        make: generates a row's pictures, (n, 3, N, N) in [-1, 1].
    """
    columns = [
        torch.cat([case.photo for case in cases]),
        *(make(row, cases) for row in rows),
        torch.cat([case.truth for case in cases]),
    ]
    size = columns[0].shape[-1]
    sheet = Image.new("RGB", (size * len(columns), size * len(cases)), "white")
    for x, column in enumerate(columns):
        for y, picture in enumerate(tensor_to_images(column.clamp(-1, 1))):
            sheet.paste(picture, (x * size, y * size))
    return sheet
