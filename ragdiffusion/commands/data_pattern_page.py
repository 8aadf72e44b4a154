"""`data pattern-page`: a page of drawn patterns, to look at what a population holds."""

from __future__ import annotations

import argparse
from pathlib import Path

_SHOWN = (
    "t_shirt",
    "shirt",
    "sweater",
    "hoodie",
    "jacket",
    "leather_long_coat",
    "dress",
    "strap_dress",
    "skirt",
    "trousers",
    "shorts",
    "dungarees",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("out", metavar="PNG", type=Path, help="picture to write")
    parser.add_argument(
        "--kinds",
        nargs="+",
        metavar="KIND",
        default=_SHOWN,
        help=f"a row each, or the word all (default: {' '.join(_SHOWN)})",
    )
    parser.add_argument("--each", type=int, default=10, help="patterns in a row (default %(default)s)")
    parser.add_argument("--cell", type=int, default=128, help="side of a drawing, pixels (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of drawing (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Draw and write."""
    import numpy as np

    from ragdiffusion.commands.common import check_png_target
    from ragdiffusion.files import write_pictures
    from ragdiffusion.garments.patterns import kinds
    from ragdiffusion.garments.patterns.population import bundled_population
    from ragdiffusion.garments.patterns.sheet import pattern_page

    if args.each < 1:
        raise ValueError(f"--each is {args.each}, 1 or more wanted")
    check_png_target(args.out, [])
    population, rng = bundled_population(), np.random.default_rng(args.seed)
    shown = kinds() if list(args.kinds) == ["all"] else args.kinds
    rows = [[population.pattern(kind, rng) for _ in range(args.each)] for kind in shown]
    write_pictures({args.out: pattern_page(rows, cell=args.cell)})
    print(f"{args.out}: {args.each} patterns of each of {len(shown)} kinds")
    return 0
