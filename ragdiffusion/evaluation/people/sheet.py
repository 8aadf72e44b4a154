"""A sheet to look at: what the product makes of people's garments, step by step, of nobody's choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from ragdiffusion.evaluation.people.measure import PersonFinding
from ragdiffusion.images import pad_to_square, tensor_to_mask_image

CELL = 112
_CANDIDATES = 4
_COLUMNS = ("photo", "garment", "drafted", *["candidate"] * _CANDIDATES, "landmark", "draft", "picture", "flat-lay")
_HEADER = 18


def people_sheet(findings: Sequence[PersonFinding]) -> Image.Image:
    """Draw findings, one a row; what was not made or not found stays white.

    Raises:
        ValueError: if there is none.
    """
    if not findings:
        raise ValueError("nothing to draw a sheet of")
    sheet = Image.new("RGB", (len(_COLUMNS) * CELL, _HEADER + len(findings) * CELL), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(_COLUMNS):
        pen.text((column * CELL + 4, 3), name, fill="black")
    for row, finding in enumerate(findings):
        for column, picture in enumerate(_pictures(finding)):
            if picture is not None:
                cell = pad_to_square(picture.convert("RGB")).resize((CELL, CELL), Image.Resampling.LANCZOS)
                sheet.paste(cell, (column * CELL, _HEADER + row * CELL))
    return sheet


def _pictures(finding: PersonFinding) -> list[Image.Image | None]:
    """In the order of the columns."""
    sight, guide = finding.sight, finding.guide
    truth = None if finding.query.standard is None else Image.fromarray(finding.query.standard)
    if sight is None or guide is None or sight.garment is None:
        return [finding.query.photo, *[None] * (len(_COLUMNS) - 2), truth]
    drafted = None if guide.drafted is None else Image.fromarray(255 - guide.drafted.pattern.rasterise(CELL))
    candidates = [tensor_to_mask_image(1 - one.silhouette) for one in guide.candidates[:_CANDIDATES]]
    return [
        sight.image,
        Image.fromarray(np.rint(255 * sight.garment.mask).astype(np.uint8)),
        drafted,
        *candidates,
        *[None] * (_CANDIDATES - len(candidates)),
        tensor_to_mask_image(torch.ones_like(guide.landmark) - guide.landmark),
        finding.draft,
        finding.picture,
        truth,
    ]
