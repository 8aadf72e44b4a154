"""`data patterns`: fit patterns to a catalogue's silhouettes and gather what garments are drawn from."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("out", metavar="NPZ", type=Path, help="file of measures to write, such as assets/patterns.npz")
    parser.add_argument(
        "--fits",
        type=Path,
        metavar="FOLDER",
        required=True,
        help="folder of the fits; what is in it already is not fitted again",
    )
    parser.add_argument(
        "--catalogue",
        type=Path,
        metavar="FOLDER",
        help="Fashion-MNIST's files (default: where Debian's dataset-fashion-mnist puts them)",
    )
    parser.add_argument(
        "--garments",
        type=Path,
        metavar="FOLDER",
        help="a split of real garments too, for shorts and skirts, for example garments/train with train.csv beside it",
    )
    parser.add_argument("--limit", type=int, help="catalogue silhouettes at most, categories in turn (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Fit, gather and write."""
    from ragdiffusion.commands.common import print_json
    from ragdiffusion.garments.datasets.catalogue28 import BLUR, HELD_OUT, INSTALLED, read_silhouettes
    from ragdiffusion.training.patterns import (
        TRIED_AT_HOME,
        cut_out_silhouettes,
        fit_silhouettes,
        gather,
        in_turn,
        summary,
    )

    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    if not args.out.parent.is_dir():
        raise ValueError(f"{args.out}: there is no folder {args.out.parent}, make it first")
    silhouettes = in_turn(list(read_silhouettes(args.catalogue or INSTALLED)))[: args.limit]
    fits = fit_silhouettes(silhouettes, args.fits / "catalogue", blur=BLUR)
    held_out = [one for one in fits if one.number % HELD_OUT == 0]
    if args.garments is not None:
        fits += fit_silhouettes(cut_out_silhouettes(args.garments), args.fits / args.garments.name, tried=TRIED_AT_HOME)
    population = gather(fits)
    population.save(args.out)
    report = {
        "fitted": summary(fits),
        "held_out": summary(held_out),
        "kept": {kind: len(vectors) for kind, vectors in population.fits.items()},
    }
    if args.json:
        print_json(report)
        return 0
    for what in ("fitted", "held_out"):
        for category, (count, overlap) in report[what].items():
            print(f"{what:<10}{category:<12}{count:>7} silhouettes, mean overlap {overlap:.3f}")
    print(f"{args.out}: {sum(report['kept'].values())} garments of {len(report['kept'])} kinds")
    return 0
