"""`data render people`, `pack-people` and `people-sheet`: rendered photos of people wearing garments."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_render_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `data render` takes."""
    parser.add_argument("engine", choices=("people",), help="what to render")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write; what lies there already is kept")
    parser.add_argument("--first", type=int, default=0, help="index of the first shot (default %(default)s)")
    parser.add_argument("--count", type=int, required=True, help="how many shots")
    parser.add_argument("--height", type=int, default=256, help="of the photos, pixels (default %(default)s)")
    parser.add_argument(
        "--arrays",
        action="store_true",
        help="write an .npz beside each photo: garment instances, flat-lays, flow and visibility",
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="write one garment of each shot with its flat-lay, as a "
        "dataset to train on and to `data pack`, instead of label maps",
    )
    _add_cloth(parser)


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `data pack-people` takes."""
    parser.add_argument("people", metavar="PEOPLE", type=Path, help="folder that `data render people --arrays` wrote")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write, for `train PART --people`")
    parser.add_argument("--size", type=int, default=128, help="side of the pairs, pixels (default %(default)s)")
    parser.add_argument(
        "--parser",
        type=Path,
        metavar="CHECKPOINT",
        help="checkpoint, or the garment_parser/ of one, that is asked about each garment: trainings then see what it "
        "finds, faults and all (default: they draw faults)",
    )


def add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `data people-sheet` takes."""
    parser.add_argument("out", metavar="PNG", type=Path, help="picture to write")
    parser.add_argument("--first", type=int, default=0, help="index of the first shot (default %(default)s)")
    parser.add_argument("--count", type=int, default=64, help="how many shots (default %(default)s)")
    parser.add_argument("--columns", type=int, default=8, help="shots in a row (default %(default)s)")
    parser.add_argument("--height", type=int, default=256, help="of the photos, pixels (default %(default)s)")
    _add_cloth(parser)


def _add_cloth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cloth",
        metavar="FOLDER",
        type=Path,
        help="real garments (train.csv beside train/) to take "
        "cloth, flat-lays and grounds from (default: all is drawn)",
    )
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="shots to measure on: none of theirs is ever one to train on, nor are their real garments",
    )


def run_render(args: argparse.Namespace) -> int:
    """Render shots to disk; run it again to go on after a stop."""
    import cv2
    from tqdm import tqdm

    from ragdiffusion.garments.people.disk import render
    from ragdiffusion.garments.people.engine import PeopleEngine

    _check(args)
    if args.pairs and args.arrays:
        raise ValueError("--pairs and --arrays were both given: choose one")
    cv2.setNumThreads(1)
    engine = PeopleEngine(args.height, args.cloth, held_out=args.held_out)
    done = render(
        engine,
        args.out,
        range(args.first, args.first + args.count),
        arrays=args.arrays,
        pairs=args.pairs,
        track=lambda items: tqdm(items, unit="shot", disable=None),
    )
    print(f"{args.out}: {done} {'pairs' if args.pairs else 'shots'} rendered, {args.count - done} were there")
    return 0


def run_pack(args: argparse.Namespace) -> int:
    """Write the garments of rendered people as packed pairs."""
    import cv2
    from tqdm import tqdm

    from ragdiffusion.parsing.opening import load_bundled
    from ragdiffusion.parsing.parser_finder import ParserFinder
    from ragdiffusion.parsing.recent import RecentParser
    from ragdiffusion.training.packed_pairs import pack_pairs
    from ragdiffusion.training.people_pairs import PeoplePairs

    if args.size < 16:
        raise ValueError(f"--size is {args.size}: 16 or more was wanted")
    cv2.setNumThreads(1)
    finder = None
    if args.parser is not None:
        parser = load_bundled(args.parser)
        if parser is None:
            raise ValueError(f"{args.parser} has no parser")
        finder = ParserFinder(RecentParser(parser))
    people = PeoplePairs(args.people, args.size, finder)
    shots = tqdm(range(len(people)), unit="shot", disable=None)
    count = pack_pairs((pair for index in shots for pair in people.pairs(index)), args.out, args.size)
    print(f"{args.out}: {count} pairs of {args.size} pixels, of {len(people)} shots")
    return 0


def run_sheet(args: argparse.Namespace) -> int:
    """Write a sheet of shots, their labels and flat-lays."""
    from PIL import Image

    from ragdiffusion.commands.common import check_png_target
    from ragdiffusion.files import write_pictures
    from ragdiffusion.garments.people.engine import PeopleEngine
    from ragdiffusion.garments.people.preview import sheet

    _check(args)
    check_png_target(args.out, [])
    engine = PeopleEngine(args.height, args.cloth, held_out=args.held_out)
    picture = Image.fromarray(sheet(engine, range(args.first, args.first + args.count), columns=args.columns))
    write_pictures({args.out: picture})
    print(f"{args.out}: {args.count} shots, {picture.width} x {picture.height} pixels")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.first < 0 or args.count < 1:
        raise ValueError(f"--first is {args.first} and --count {args.count}: 0 or more and 1 or more were wanted")
