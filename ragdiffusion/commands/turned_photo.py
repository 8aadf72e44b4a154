"""`--turn`: the photo of a command is turned before it is looked at, and one that looks turned is told of."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.parsing.found import GarmentChoice
    from ragdiffusion.turned_photo import Look


def see_photo(model: RAGDiffusion, args: argparse.Namespace, garment: GarmentChoice | None) -> Look:
    """Look at the photo of a command as it is to be turned, and tell where it looks turned, or was turned for that.

    Raises:
        ValueError: if the garment can't be found.
    """
    from ragdiffusion.turned_photo import AUTO, look_at

    look = look_at(model, args.photo, garment, args.turn)
    if look.looks_turned:
        note(f"the photo looks turned; --turn {look.looks_turned} turns it, --turn 0 says that it is upright")
    elif args.turn == AUTO and look.turned:
        note(f"the photo was turned by {look.turned} degrees; --turn 0 says that it is upright")
    for line in look.require().notes:
        note(line)
    return look


def note(text: str) -> None:
    """Tell the person something beside what a command prints."""
    print(f"note: {text}", file=sys.stderr)
