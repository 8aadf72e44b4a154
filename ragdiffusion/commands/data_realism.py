"""`data realism`: can a classifier tell the engine's outlines from real ones?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.evaluation.realism import Realism


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        type=Path,
        metavar="FOLDER",
        help="a split of real garments to compare with, for "
        "example garments/train with train.csv beside it (default: the catalogue's silhouettes that "
        "nothing was fitted to, at 28 px)",
    )
    parser.add_argument(
        "--catalogue",
        type=Path,
        metavar="FOLDER",
        help="Fashion-MNIST's files (default: where Debian's dataset-fashion-mnist puts them)",
    )
    parser.add_argument(
        "--bank",
        type=Path,
        metavar="FILE",
        help="compare a bank's patterns with the catalogue, not what the engine draws",
    )
    parser.add_argument("--limit", type=int, help="silhouettes of a category at most (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of drawing and of the folds (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    import importlib.util

    from ragdiffusion.commands.common import print_json
    from ragdiffusion.evaluation.realism import LEAST, two_sample

    if importlib.util.find_spec("sklearn") is None:
        raise ValueError("data realism needs scikit-learn: install requirements-test.txt or requirements-train.txt")
    if args.limit is not None and args.limit < LEAST:
        raise ValueError(f"--limit is {args.limit}, {LEAST} or more wanted")
    if args.seed < 0:
        raise ValueError(f"--seed is {args.seed}, 0 or more wanted")
    if args.dataset is not None:
        if args.bank is not None:
            raise ValueError("--bank is compared with the catalogue alone: leave --dataset out")
        found = two_sample(args.dataset, seed=args.seed, limit=args.limit)
    else:
        found = _with_catalogue(args)
    if args.json:
        print_json(asdict(found))
        return 0
    each = ", ".join(f"{name} {value:.3f}" for name, value in found.by_classifier.items())
    print(f"AUC {found.auc:.3f} ({each}): 0.5 can't tell drawn outlines from real ones, 1 always can")
    print(f"{'category':<12}{'each':>6}{'AUC':>7}{'spread real':>13}{'drawn':>7}{'nearest real':>14}{'drawn':>7}")
    for name, count in found.count.items():
        (real, drawn), (apart, away) = found.spread[name], found.distinct[name]
        print(
            f"{name:<12}{count:>6}{found.by_category[name]:>7.3f}{real:>13.2f}{drawn:>7.2f}{apart:>14.2f}{away:>7.2f}"
        )
    print(
        "spread: mean distance from the category's mean outline; nearest: from a real outline to the next real one, "
        "and from a drawn one to the next real one; in hundredths of the frame's side"
    )
    return 0


def _with_catalogue(args: argparse.Namespace) -> Realism:
    from contextlib import nullcontext

    from ragdiffusion.bank import Bank
    from ragdiffusion.evaluation.catalogue_realism import catalogue_two_sample
    from ragdiffusion.garments.datasets.catalogue28 import HELD_OUT, INSTALLED, read_silhouettes

    held_out = list(read_silhouettes(args.catalogue or INSTALLED, step=HELD_OUT))
    with nullcontext() if args.bank is None else Bank.open(args.bank, read_only=True) as bank:
        return catalogue_two_sample(held_out, bank=bank, limit=args.limit, seed=args.seed)
