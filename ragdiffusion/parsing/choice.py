"""Which garment of a photo a person means, and which parser is to tell garments apart, in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line's help needs no torch
    from ragdiffusion.parsing.found import GarmentChoice
    from ragdiffusion.parsing.parse import Parse

EACH = "each"
"""Every garment of the photo, one picture each."""
GARMENT_HELP = (
    "which garment of the photo: its name (upper, outer, inner, lower, dress), a point X,Y on it in pixels "
    "of the photo, or a mask file of the photo's size (default: the one that the photo is most likely "
    "about)"
)
PARSER_HELP = (
    "who tells garments apart: bundled (default), segformer:FOLDER_OR_ID (a SegFormer for human parsing in "
    "transformers layout) or sam:FOLDER_OR_ID (SAM, which cuts out what is pointed at)"
)
_FORMS = "write bundled, segformer:FOLDER_OR_ID or sam:FOLDER_OR_ID"
_POINT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*")


def parse_choice(words: str) -> GarmentChoice:
    """Read a choice.

    Args:
        words: a name, "X,Y" in pixels of the photo, a mask file, or "each".

    Raises:
        ValueError: if it is empty, or a mask that can't be read.
    """
    from ragdiffusion.decoding import SUFFIXES
    from ragdiffusion.images import load_mask

    if words.lower().endswith(SUFFIXES) or Path(words).is_file():
        return load_mask(words)
    return name_or_point(words)


def name_or_point(words: str) -> str | tuple[float, float]:
    """Read a choice that names no file.

    Args:
        words: a name, "X,Y" in pixels of the photo, or "each".

    Raises:
        ValueError: if it is empty.
    """
    if (point := _POINT.fullmatch(words)) is not None:
        return float(point[1]), float(point[2])
    if not words.strip():
        raise ValueError("the garment is empty: give its name, a point X,Y or a mask file, or leave it out")
    return words.strip().lower()


def one_garment(choice: GarmentChoice | None) -> GarmentChoice | None:
    """A choice where one picture is made.

    Raises:
        ValueError: if it is "each".
    """
    if isinstance(choice, str) and choice == EACH:
        raise ValueError("`each` garment of a photo makes several pictures: name one garment, or use `batch`")
    return choice


def separate(parse: Parse) -> list[tuple[str, GarmentChoice]]:
    """The garments of a photo, the largest first: what to call each in the names of its files, and how it is meant.

    Those of one kind are numbered: upper, upper-2.

    Raises:
        ValueError: if there is none.
    """
    if not parse.instances:
        raise ValueError("no garment was found in the photo: leave --garment out, or give a mask")
    found: list[tuple[str, GarmentChoice]] = []
    kinds = [instance.name for instance in parse.instances]
    for i, (kind, instance) in enumerate(zip(kinds, parse.instances, strict=True)):
        number = kinds[: i + 1].count(kind)
        alone = kinds.count(kind) == 1
        found.append((kind if number == 1 else f"{kind}-{number}", kind if alone else instance.mask))
    return found


def parse_parser(text: str) -> tuple[str, str]:
    """Split a parser's name into kind and place; nothing is opened.

    Returns:
        "bundled", "segformer" or "sam", and the folder or hub id ("" for the bundled one).

    Raises:
        ValueError: for any other form.
    """
    kind, _, place = text.partition(":")
    if text == "bundled" or (kind in ("segformer", "sam") and place):
        return kind, place
    raise ValueError(f"there is no parser {text!r}: {_FORMS}")
