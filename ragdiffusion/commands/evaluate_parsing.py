"""`evaluate parsing`: is each pixel of a photo labelled right, and is the garment found?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import check_png_target, print_json
from ragdiffusion.files import write_pictures
from ragdiffusion.parsing.choice import PARSER_HELP

if TYPE_CHECKING:
    from ragdiffusion.evaluation.parsing.photos import TruePhoto

PEOPLE = "people"
_RENDERED = 300  # people rendered unless --limit says otherwise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        default=PEOPLE,
        metavar="people|FOLDER",
        help="people that the engine renders and "
        "no training sees; a folder of CATEGORY/ID.jpg with masks ID.png, its list FOLDER.csv beside "
        "it; a folder of rendered people; or, for a sheet alone, any folder of photos (default "
        "%(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"take only so many (default: all of a folder, {_RENDERED} people)"
    )
    parser.add_argument(
        "--cloth",
        type=Path,
        metavar="FOLDER",
        help="people only: real garments (train.csv beside "
        "train/), a tenth of which dresses the people that are measured on (default: all is drawn)",
    )
    parser.add_argument(
        "--height",
        type=int,
        default=512,
        metavar="PIXELS",
        help="people only: of the photos, from 64 on; photos as people take them have %(default)s or more (default "
        "%(default)s)",
    )
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write photos, label maps and garments to look at")
    parser.add_argument("--preset", default="studio", help="whose bundled checkpoint (default %(default)s)")
    parser.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        help="checkpoint, or the garment_parser/ of one or of a training (default: the preset's bundled checkpoint)",
    )
    parser.add_argument("--parser", default="bundled", metavar="PARSER", help=PARSER_HELP)
    parser.add_argument("--device", default="cpu", help="torch device (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Parse the photos, and print how right that was."""
    from ragdiffusion.evaluation.parsing.photos import judge
    from ragdiffusion.evaluation.parsing.sheet import parse_sheet
    from ragdiffusion.generation.loading import locate_checkpoint
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.parsing.choice import parse_parser
    from ragdiffusion.parsing.opening import load_bundled, open_parser

    parse_parser(args.parser)
    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    if args.sheet is not None:
        check_png_target(args.sheet, [])
    quiet_libraries()
    needs_own = not args.parser.startswith("segformer:")
    bundled = load_bundled(locate_checkpoint(args.checkpoint, args.preset), args.device) if needs_own else None
    parser = open_parser(args.parser, bundled=bundled, device=args.device)
    photos = None if _is_unlabelled(args.dataset) else _photos(args)
    if args.sheet is not None:
        write_pictures({args.sheet: parse_sheet(parser, _shown(args))})
    if photos is None:
        if args.sheet is None:
            raise ValueError(f"{args.dataset} holds photos that nothing is known of: look at them with --sheet PNG")
        return 0
    _print(_report(judge(parser, photos), args), args)
    return 0


def _is_unlabelled(dataset: str) -> bool:
    """Whether a folder holds neither rendered people nor a list of garments."""
    folder = Path(dataset)
    return (
        dataset != PEOPLE
        and not folder.with_name(f"{folder.name}.csv").is_file()
        and not any(path.with_suffix(".jpg").is_file() for path in folder.glob("*.png"))
    )


def _photos(args: argparse.Namespace) -> Iterator[TruePhoto]:
    from tqdm import tqdm

    from ragdiffusion.evaluation.parsing.photos import held_out_people, real_garments, rendered_people

    folder = Path(args.dataset)
    if args.dataset == PEOPLE:
        photos = held_out_people(args.limit or _RENDERED, cloth=args.cloth, height=args.height)
    elif folder.with_name(f"{folder.name}.csv").is_file():
        photos = real_garments(folder, limit=args.limit)
    else:
        photos = rendered_people(folder, limit=args.limit)
    return iter(tqdm(photos, desc="photos", unit="photo"))


def _shown(args: argparse.Namespace) -> Iterator[Any]:
    """The pictures of the sheet: the first of those that are judged, or of the folder."""
    from itertools import islice

    from ragdiffusion.evaluation.parsing.sheet import SHOWN, photos_of
    from ragdiffusion.images import load_photo

    if _is_unlabelled(args.dataset):
        return map(load_photo, photos_of(Path(args.dataset))[: args.limit])
    return (photo.image for photo in islice(_photos(args), SHOWN))


def _report(judged: Iterator[Any], args: argparse.Namespace) -> dict[str, Any]:
    from ragdiffusion.evaluation.parsing.figures import report

    return {**report(judged), "dataset": args.dataset, "parser": args.parser}


def _print(found: dict[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        print_json(found)
        return
    number = lambda value: "   –" if value is None else f"{value:.3f}"  # noqa: E731
    print(
        f"mIoU {number(found['miou'])}   garment IoU {number(found['garment_iou'])}, least "
        f"{number(found['garment_iou_min'])}, below 0.8: {found['garments_below_08']} of {found['garments']}   "
        f"upper, lower or dress told right {number(found['kind_accuracy'])}   {found['n']} photos"
    )
    print("IoU of " + ", ".join(f"{name} {number(iou)}" for name, iou in found["per_class"].items()))
    for sort, parts in found["by"].items():
        print(
            f"mIoU by {sort}: "
            + ", ".join(f"{value} {number(part['miou'])} ({part['n']})" for value, part in parts.items())
        )
