"""What several commands share: the choice of model, how pictures are sampled, JSON out, targets checked."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.parsing.choice import GARMENT_HELP, PARSER_HELP
from ragdiffusion.structure.readers.choice import READER_HELP

PHOTO_SIZE, MODEL_SIZE = "photo", "model"
DRAFTED_HELP = (
    "obey the shape that is drafted for the photo, perhaps with other measures than predicted, such as "
    "sleeve_length=62; `retrieve --json` tells them"
)

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion


DTYPES: tuple[str, ...] = ("float32", "bfloat16", "float16")
"""What a model may compute in or be stored in: names of torch's."""


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which model to load, and `--json`."""
    parser.add_argument("--preset", default="studio", help="studio, sdxl or sdxl-refine (default %(default)s)")
    parser.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        help="folder in diffusers layout, or a hub id like name/model (default: the preset's bundled one)",
    )
    parser.add_argument(
        "--bank",
        metavar="BANK",
        help="name of a bank of the workspace, bank file or database URL (default: bank.sqlite3 beside the checkpoint)",
    )
    parser.add_argument("--device", help="torch device such as cpu or cuda (default: a GPU where there is one)")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="what the drawing half computes in (default %(default)s)"
    )
    parser.add_argument(
        "--offload",
        choices=("whole", "model", "sequential"),
        default="whole",
        help="how large parts make room for each other on a small GPU (default: they need not)",
    )
    parser.add_argument("--compile", action="store_true", help="compile MainNet: minutes once, faster steps after")
    parser.add_argument("--reader", default="heads", metavar="READER", help=READER_HELP)
    parser.add_argument("--parser", default="bundled", metavar="PARSER", help=PARSER_HELP)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def add_guide_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a structure guide is made from."""
    parser.add_argument("photo", metavar="PHOTO", help="photo of a garment, worn, hung or laid")
    parser.add_argument("--garment", metavar="WHICH", help=GARMENT_HELP)
    parser.add_argument(
        "--turn",
        type=turn_of,
        metavar="DEGREES",
        help="turn the photo by 90, 180 or 270 degrees clockwise before it is looked at, and what --garment and a "
        "--landmark mark in it; auto: where it looks turned (default: as it is, and a line where it looks turned; 0 "
        "says that it is upright)",
    )
    parser.add_argument("--k", type=int, help="candidates, from 1 to the bank's size (default: the checkpoint's, 4)")
    parser.add_argument(
        "--alpha", type=float, help="share of the reconstruction in Eq. 3, from 0 to 1 (default: the checkpoint's, 0.5)"
    )
    parser.add_argument(
        "--attributes",
        nargs="+",
        metavar="k=v",
        help="attributes such as collar=Polo, or one JSON "
        "file; they override what is read from the photo (give them after PHOTO)",
    )


def load_model(args: argparse.Namespace) -> RAGDiffusion:
    """Load the model that the arguments name, without the libraries' own bars and notices."""
    import torch

    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.bank.library import location_of
    from ragdiffusion.logs import quiet_libraries

    quiet_libraries()
    return RAGDiffusion.from_pretrained(
        args.checkpoint,
        preset=args.preset,
        bank=None if args.bank is None else location_of(args.bank),
        device=args.device,
        dtype=getattr(torch, args.dtype),
        offload=args.offload,
        compiled=args.compile,
        reader=args.reader,
        parser=args.parser,
    )


def parse_measures(words: Sequence[str]) -> dict[str, float]:
    """Measures by key, of words such as sleeve_length=62.

    Raises:
        ValueError: if a word is none of these.
    """
    found = {}
    for word in words:
        key, _, number = word.partition("=")
        try:
            found[key] = float(number)
        except ValueError as error:
            raise ValueError(f"{word!r} is no measure: sleeve_length=62, say, was wanted") from error
    return found


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how pictures are sampled, and their size."""
    parser.add_argument("--steps", type=int, help="DDIM steps (default: the checkpoint's, 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise, from 0 to 2^63 - 1 (default %(default)s)")
    parser.add_argument(
        "--guidance", type=float, help="classifier-free guidance scale, 1 is off (default: the checkpoint's)"
    )
    parser.add_argument(
        "--strength",
        type=float,
        help="share of the noise schedule that is run, above 0 to 1; below 1 "
        "starts from the noised draft (default: the checkpoint's)",
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=PHOTO_SIZE,
        metavar="N|photo|model",
        help="side of the picture: "
        "pixels, cut to what the photo has; `photo` for the photo's own, up to 1536 (default); or "
        "`model` for the checkpoint's, 256",
    )


def _size(text: str) -> int | str:
    if text in (PHOTO_SIZE, MODEL_SIZE):
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor `{PHOTO_SIZE}` or `{MODEL_SIZE}`")
    return int(text)


def turn_of(text: str) -> int | str:
    """A word of `--turn`; as `argparse` wants it."""
    from ragdiffusion.turned_photo import parse_turn

    try:
        return parse_turn(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def print_json(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(summary, allow_nan=False))


def check_png_target(path: Path, sources: list[str | None]) -> None:
    """See to it that a picture can be written, before long work starts.

    Args:
        path: where to.
        sources: files that are read and must not be overwritten; None is skipped.

    Raises:
        ValueError: if it is not named .png, its folder is missing or sealed, it is a folder, or it is a source.
    """
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are written as PNG, name it {path.with_suffix('.png').name}")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}, make it first")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{path}: the folder {path.parent} can't be written to, choose another")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a picture in it")
    if any(source is not None and path.resolve() == Path(source).resolve() for source in sources):
        raise ValueError(f"{path} is read by this run and would be overwritten: choose another --out")
