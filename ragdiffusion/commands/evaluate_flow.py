"""`evaluate flow`: does the appearance flow find each point of a landmark in the photo?"""

from __future__ import annotations

import argparse
from pathlib import Path

from ragdiffusion.commands.common import add_model_arguments, load_model, print_json

SYNTHETIC = "synthetic"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        default=SYNTHETIC,
        metavar="FOLDER|synthetic",
        help="val.csv beside val/CATEGORY/ID.jpg and ID.png, or garments that the engine draws (default %(default)s)",
    )
    parser.add_argument("--split", choices=("val", "held-out"), default="val", help="of a folder (default %(default)s)")
    parser.add_argument("--limit", type=int, default=40, help="garments, spread over the list (default %(default)s)")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Lay photos into landmarks and print how far off the map is."""
    from tqdm import tqdm

    from ragdiffusion.evaluation.generation.faithfulness import folder_garments
    from ragdiffusion.evaluation.generation.flow import drawn_pairs, judge_flow, real_pairs, summarise_flow

    if args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    model = load_model(args)
    if model.pipeline.appearance_flow is None:
        raise ValueError(f"the {model.preset} checkpoint has no appearance flow: nothing to judge")
    if args.dataset == SYNTHETIC:
        samples = drawn_pairs(model.image_size, args.limit)
    else:
        samples = real_pairs(folder_garments(Path(args.dataset), model.image_size, args.limit, split=args.split))
    kinds = summarise_flow(judge_flow(model.pipeline, tqdm(samples, desc="photos", unit="photo")))
    if args.json:
        print_json({"kinds": kinds, "dataset": args.dataset, "checkpoint": model.checkpoint})
        return 0
    print("error in pixels of a 256-pixel photo over the points that can be seen; IoU of the two masks")
    print(f"{'photos':<32}{'mean':>7}{'median':>8}{'> 8 px':>8}{'seen':>7}{'garment':>9}{'ms':>6}{'n':>5}")
    for kind, found in kinds.items():
        print(
            f"{kind:<32}{found['mean_px']:>7.2f}{found['median_px']:>8.2f}{found['far']:>8.1%}"
            f"{found['visibility']:>7.3f}{found['garment']:>9.3f}{found['ms']:>6.0f}{found['n']:>5}"
        )
    return 0
