"""Contact sheets: the same photo under several α, K and candidates, as runs of one group and one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from ragdiffusion.retrieval.guide import StructureGuide

MAX_CELLS = 48
DRAFTED = "drafted"
"""Stands for the drafted shape where candidates have their index."""
_CELL, _GAP, _EDGE, _HEAD = 192, 8, 96, 28
_OWN = {"edited": "own outline", "drafted": "own measures"}
_INK, _PALE = "#27272a", "#a1a1aa"


@dataclass(frozen=True)
class SheetCell:
    """One picture of a sheet: where it stands and the guide it is made under."""

    row: int
    column: int
    guide: StructureGuide


@dataclass(frozen=True)
class ContactSheet:
    """What a sheet shows.

    Args:
        rows: label of each row.
        columns: label of each column.
        cells: row by row; a candidate beyond a row's K leaves its place empty.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[SheetCell, ...]


def plan_sheet(
    guide: StructureGuide, *, alphas: Sequence[float], ks: Sequence[int], candidates: Sequence[int | str | None]
) -> ContactSheet:
    """Lay out α × K as rows and candidates as columns.

    Args:
        guide: of the photo; an outline of the person's own, drawn or of measures, stays in the consensus' column.
        alphas: shares of the reconstruction, in [0, 1].
        ks: numbers of candidates.
        candidates: indices from 0; None is the consensus, `DRAFTED` the drafted shape as it is predicted.

    Raises:
        ValueError: if an axis is empty, a value is out of range, nothing was drafted, or the sheet has no cell or too
            many.
    """
    axes = [list(dict.fromkeys(axis)) for axis in (alphas, ks, candidates)]
    if not all(axes):
        raise ValueError("a contact sheet needs at least one α, one K and one candidate")
    rows = [(alpha, k) for alpha in axes[0] for k in axes[1]]
    cells = []
    for row, (alpha, k) in enumerate(rows):
        tuned = guide.retune(k=k, alpha=alpha)
        for column, candidate in enumerate(axes[2]):
            if candidate is None:
                cells.append(SheetCell(row, column, tuned if tuned.landmark_source in _OWN else tuned.reset()))
            elif isinstance(candidate, str):
                cells.append(SheetCell(row, column, tuned.draft()))
            elif candidate < 0:
                raise ValueError(f"candidates count from 0, got {candidate}")
            elif candidate < k:
                cells.append(SheetCell(row, column, tuned.pick(candidate)))
    if not 1 <= len(cells) <= MAX_CELLS:
        raise ValueError(f"a contact sheet has 1 to {MAX_CELLS} pictures, this one {len(cells)}: choose fewer values")
    first = _OWN.get(guide.landmark_source, "consensus")
    return ContactSheet(
        rows=tuple(f"α {alpha:g}\nK {k}" for alpha, k in rows),
        columns=tuple(_title(candidate, first) for candidate in axes[2]),
        cells=tuple(cells),
    )


def _title(candidate: int | str | None, first: str) -> str:
    if candidate is None:
        return first
    return candidate if isinstance(candidate, str) else f"candidate {candidate + 1}"


def layout_of(sheet: ContactSheet) -> dict:
    """Return a sheet's layout as the log keeps it."""
    return {
        "rows": list(sheet.rows),
        "columns": list(sheet.columns),
        "cells": [[cell.row, cell.column] for cell in sheet.cells],
    }


def compose(layout: dict, pictures: Sequence[Image.Image | str]) -> Image.Image:
    """Compose the picture of a sheet.

    Args:
        layout: as `layout_of` makes it.
        pictures: of each cell in order; a text stands where there is no picture.
    """
    rows, columns = layout["rows"], layout["columns"]
    size = (_EDGE + len(columns) * (_CELL + _GAP), _HEAD + len(rows) * (_CELL + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, label in enumerate(columns):
        middle = _EDGE + column * (_CELL + _GAP) + _CELL / 2
        draw.text((middle, _HEAD / 2), label, fill=_INK, font=font, anchor="mm")
    for row, label in enumerate(rows):
        middle = _HEAD + row * (_CELL + _GAP) + _CELL / 2
        draw.multiline_text((_GAP, middle), _printable(label), fill=_INK, font=font, anchor="lm", spacing=4)
    for (row, column), picture in zip(layout["cells"], pictures, strict=True):
        left, top = _EDGE + column * (_CELL + _GAP), _HEAD + row * (_CELL + _GAP)
        if isinstance(picture, str):
            draw.text((left + _CELL / 2, top + _CELL / 2), picture, fill=_PALE, font=font, anchor="mm")
        else:
            sheet.paste(picture.convert("RGB").resize((_CELL, _CELL), Image.Resampling.LANCZOS), (left, top))
        draw.rectangle((left, top, left + _CELL - 1, top + _CELL - 1), outline="#e4e4e7")
    return sheet


def _printable(label: str) -> str:
    """Return the label in what Pillow's own font can draw."""
    return label.replace("α", "alpha")
