"""`evaluate people`: does the garment of somebody who wears it become its standard?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import add_model_arguments, check_png_target, load_model, print_json
from ragdiffusion.files import write_pictures

if TYPE_CHECKING:
    from ragdiffusion.evaluation.people.queries import WornQuery

RENDERED = "rendered"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        default=RENDERED,
        metavar="rendered|FOLDER",
        help="people that the engine renders and no training sees; a folder of such, rendered with --held-out "
        "--arrays; or a folder of real pairs, worn/ID.jpg and flat/ID.jpg (default %(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, default=150, metavar="N", help="photos to take, 1 or more (default %(default)s)"
    )
    parser.add_argument(
        "--pictures",
        type=int,
        default=64,
        metavar="N",
        help="of the first so many garments pictures are made and judged too (default %(default)s)",
    )
    parser.add_argument(
        "--cloth",
        type=Path,
        metavar="FOLDER",
        help="rendered people only: real garments (train.csv beside train/) to dress them in (default: all is drawn)",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="draw those of which pictures are made")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Take the photos through the product, hold everything against the truth, print."""
    from tqdm import tqdm

    from ragdiffusion.evaluation.people.measure import measure_people, summarise_people
    from ragdiffusion.evaluation.people.sheet import people_sheet
    from ragdiffusion.evaluation.retrieval.measure import open_gallery
    from ragdiffusion.metrics.perceptual import load_perceptual_features

    for name, least in (("limit", 1), ("pictures", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}, {least} or more wanted")
    if args.sheet is not None:
        check_png_target(args.sheet, [])
    model = load_model(args)
    features = load_perceptual_features()
    queries = tqdm(_queries(args, model.image_size), desc="garments", unit="garment")
    gallery = open_gallery(model.bank, [])
    findings = list(measure_people(model, queries, gallery, features, pictures=args.pictures))
    if args.sheet is not None:
        write_pictures({args.sheet: people_sheet(findings[: args.pictures])})
    report = {
        **summarise_people(findings),
        "dataset": args.dataset,
        "checkpoint": model.checkpoint,
        "bank_version": model.bank.version,
    }
    if args.json:
        print_json(report)
    else:
        _print_table(report)
    return 0


def _queries(args: argparse.Namespace, size: int) -> Iterator[WornQuery]:
    from ragdiffusion.evaluation.people.queries import held_out_queries, real_queries, rendered_queries

    if args.dataset == RENDERED:
        return held_out_queries(args.limit, cloth=args.cloth)
    folder = Path(args.dataset)
    if (folder / "worn").is_dir():
        return real_queries(folder, size, limit=args.limit)
    return rendered_queries(folder, limit=args.limit)


def _print_table(report: dict[str, Any]) -> None:
    number = lambda value, form=".3f": "–" if value is None else format(value, form)  # noqa: E731
    print(
        f"silhouette IoU {number(report['iou'])} (first candidate {number(report['first_iou'])}, drafted "
        f"{number(report['drafted_iou'])}, best entry {number(report['oracle_iou'])})   top-1 "
        f"{number(report['top1'], '.1%')}, top-5 {number(report['top5'], '.1%')}   {report['n']} garments, "
        f"{report['missed']} not found"
    )
    print("read right: " + ", ".join(f"{key} {number(share, '.1%')}" for key, share in report["read"].items()))
    print(
        f"flow {number(report['flow_px'], '.1f')} px   gap closed {number(report['gap_closed'])}   over one colour "
        f"{number(report['over_one_colour'])}   carried in {number(report['carried_in'], '.2%')}   "
        f"{report['pictures']} pictures"
    )
    for sort, parts in report["by"].items():
        print(
            f"IoU by {sort}: "
            + ", ".join(f"{value} {number(part['iou'])} ({part['n']})" for value, part in parts.items())
        )
