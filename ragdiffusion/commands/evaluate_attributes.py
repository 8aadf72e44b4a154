"""`evaluate attributes`: how often the attributes of Table 6 are read right."""

from __future__ import annotations

import argparse
from pathlib import Path

from ragdiffusion.commands.common import add_model_arguments, load_model, print_json

SYNTHETIC = "synthetic"
_DRAWN = 300  # photos drawn unless --limit says otherwise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        default=SYNTHETIC,
        metavar="synthetic|FOLDER",
        help="photos of garments that the "
        "engine draws, all attributes known, or a folder of CATEGORY/ID.jpg, its list FOLDER.csv "
        "beside the folder (default %(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"take only so many (default: all of a folder, {_DRAWN} drawn ones)"
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Read the photos and print how often that was right."""
    from tqdm import tqdm

    from ragdiffusion.evaluation.attributes import (
        accuracy_table,
        attribute_accuracy,
        drawn_photos,
        real_photos,
    )

    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    model = load_model(args)
    if args.dataset == SYNTHETIC:
        photos = drawn_photos(args.limit or _DRAWN, size=model.image_size)
    else:
        photos = real_photos(Path(args.dataset), limit=args.limit)
    report = attribute_accuracy(model.reader, tqdm(photos, desc="photos", unit="photo"))
    report = {**report, "dataset": args.dataset, "checkpoint": model.checkpoint}
    if args.json:
        print_json(report)
    else:
        print(accuracy_table(report))
    return 0
