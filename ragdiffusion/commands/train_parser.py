"""`train parser`: teach the parser of photos, from ImageNet's encoder or from a parser that there is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.parsing.network import GarmentParser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that only the parser has."""
    own = parser.add_argument_group("parser only")
    own.add_argument(
        "--side",
        type=int,
        default=256,
        metavar="PIXELS",
        help="longer side of the training photos (default %(default)s)",
    )
    own.add_argument(
        "--first-side",
        type=int,
        metavar="PIXELS",
        help="the same in the first two fifths of the budget, for cheaper steps (default: as --side)",
    )
    own.add_argument(
        "--frozen-blocks",
        type=int,
        default=3,
        metavar="N",
        help="first blocks of the encoder that keep their weights (default %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Train.

    Raises:
        ValueError: if no people or no garments are named, or a number is out of range.
    """
    from ragdiffusion.training.parser import ParserTraining, train_parser

    if not args.people or args.garments is None:
        raise ValueError(
            "train parser needs --people FOLDER (rendered people with labels) and --garments FOLDER (real "
            "garments, train.csv beside train/)"
        )
    config = ParserTraining(
        out=args.out,
        people=tuple(args.people),
        laid=args.garments,
        held_out=args.held_out,
        minutes=args.minutes,
        cooldown=args.cooldown,
        side=args.side,
        first_side=args.first_side,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        frozen=args.frozen_blocks,
        processes=max(1, args.workers),
        bfloat16=args.bfloat16,
        steps=args.steps,
        seed=args.seed,
    )
    train_parser(config, starting_network(args.start))
    return 0


def starting_network(start: Path | None) -> GarmentParser:
    """A parser's own weights from a folder, or a new one on the encoder that ImageNet taught.

    Raises:
        ValueError: if the folder holds no parser, or the package with ImageNet's weights is not installed.
    """
    from ragdiffusion.parsing.network import GarmentParser
    from ragdiffusion.training.parser import with_imagenet_encoder

    if start is None:
        return with_imagenet_encoder(GarmentParser())
    try:
        return GarmentParser.from_pretrained(start).float()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{start} holds no parser ({' '.join(str(error).split())[:150]}): give the folder "
            "garment_parser/ of a training or a checkpoint"
        ) from error
