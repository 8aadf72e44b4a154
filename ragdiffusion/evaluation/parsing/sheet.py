"""A sheet to look at: photos, their labels, and their garments with edges at the photo's own size."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.garments.people.labels import PALETTE
from ragdiffusion.images import pad_to_square
from ragdiffusion.parsing.labels import LABEL, LABELS
from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.parser import Parser
from ragdiffusion.picture_files import pictures_in

CELL = 224
SHOWN = 24
"""Photos of a data set that are drawn."""
_ACROSS = 3  # photos beside each other
_HEADER = 18


def photos_of(folder: Path) -> list[Path]:
    """The pictures of a folder, by name.

    Raises:
        ValueError: if it holds none.
    """
    found = pictures_in(folder).pictures
    if not found:
        raise ValueError(f"{folder} holds no picture ({', '.join(SUFFIXES)})")
    return list(found)


def parse_sheet(parser: Parser, photos: Iterable[Image.Image]) -> Image.Image:
    """Parse photos and draw them: each photo, its label map, and its garments over it, with their names."""
    blocks = [_block(photo, parser.parse(photo)) for photo in photos]
    rows = -(-len(blocks) // _ACROSS)
    sheet = Image.new("RGB", (min(_ACROSS, len(blocks)) * 3 * CELL, rows * CELL + _HEADER), "white")
    pen = ImageDraw.Draw(sheet)
    for index, name in enumerate(LABELS):
        pen.rectangle((index * 72 + 4, 4, index * 72 + 14, 14), tuple(PALETTE[index].tolist()), "grey")
        pen.text((index * 72 + 18, 3), name, "black")
    for index, block in enumerate(blocks):
        sheet.paste(block, (index % _ACROSS * 3 * CELL, index // _ACROSS * CELL + _HEADER))
    return sheet


def _block(photo: Image.Image, parse: Parse) -> Image.Image:
    over = np.asarray(photo).astype(np.float32) * 0.4
    for garment in parse.instances:
        over += garment.mask[..., None] * (PALETTE[LABEL[garment.name]].astype(np.float32) * 0.6)
    shown = (photo, Image.fromarray(PALETTE[parse.labels]), Image.fromarray(over.clip(0, 255).astype(np.uint8)))
    block = Image.new("RGB", (3 * CELL, CELL))
    for index, picture in enumerate(shown):
        block.paste(pad_to_square(picture).resize((CELL, CELL), Image.Resampling.LANCZOS), (index * CELL, 0))
    named = ", ".join(f"{garment.name} {garment.confidence:.2f}" for garment in parse.instances[:3]) or "nothing"
    ImageDraw.Draw(block).text((2 * CELL + 4, CELL - 14), named, "white")
    return block
