"""Looking at a dataset: its counts, and a sheet of its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ragdiffusion.garments.datasets.base import Sample
from ragdiffusion.garments.datasets.records import Record

_GAP, _LINE = 6, 15  # pixels
_GROUND, _INK, _OUTSIDE = 250, 40, 70  # levels of 255


def counts(records: Sequence[Record]) -> dict[str, Any]:
    """Count pairs by split, category and attribute.

    Returns:
        `pairs`, `splits`, `categories`, `attributes` (value counts by key), `silhouettes` (how many pairs bring one,
        are cut out of their photo, or have it found), `photo_masks`, `straight` (share of the measured silhouettes
        that are at least 0.9 their own mirror image; None without any).
    """
    attributes: dict[str, Counter[str]] = {}
    for record in records:
        for key, value in record.known.items():
            attributes.setdefault(key, Counter())[value] += 1
    measured = [record.symmetry for record in records if record.symmetry is not None]
    how = Counter("cut out" if r.standard is None else "found" if r.silhouette is None else "given" for r in records)
    return {
        "pairs": len(records),
        "splits": _sorted(r.split for r in records),
        "categories": _sorted(r.category for r in records),
        "attributes": {key: dict(values.most_common()) for key, values in attributes.items()},
        "silhouettes": dict(how),
        "photo_masks": sum(r.photo_mask is not None for r in records),
        "straight": round(sum(s >= 0.9 for s in measured) / len(measured), 3) if measured else None,
    }


def contact_sheet(samples: Iterable[Sample], *, cell: int, columns: int) -> Image.Image:
    """Lay samples out: photo, flat-lay and silhouette side by side, name and category below.

    Args:
        samples: any number, at least one.
        cell: side of each picture, pixels.
        columns: samples in a row.

    Raises:
        ValueError: no samples, or a number below 1.
    """
    tiles = [_tile(sample, cell) for sample in samples]
    if not tiles or cell < 1 or columns < 1:
        raise ValueError(
            f"a sheet of {len(tiles)} samples, {columns} in a row, {cell} pixels each was asked for: 1 of each at least"
        )
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = tiles[0].size
    sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), (_GROUND,) * 3)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet.paste(tile, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    return sheet


def _tile(sample: Sample, cell: int) -> Image.Image:
    tile = Image.new("RGB", (3 * cell, cell + _LINE), (_GROUND,) * 3)
    silhouette = np.repeat(np.maximum(sample.silhouette, _OUTSIDE)[..., None], 3, axis=-1)
    for number, picture in enumerate((sample.photo, sample.standard, silhouette)):
        tile.paste(Image.fromarray(picture).resize((cell, cell), Image.Resampling.LANCZOS), (number * cell, 0))
    pen, font = ImageDraw.Draw(tile), ImageFont.load_default(11)
    text = f"{sample.name}  {sample.category}"
    while pen.textlength(text, font) > tile.width and len(text) > 1:
        text = text[:-2] + "…"
    pen.text((1, cell + 1), text, fill=(_INK,) * 3, font=font)
    return tile


def _sorted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
