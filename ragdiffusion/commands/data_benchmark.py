"""`data benchmark`: how many training pairs a second one core makes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.garments import GarmentEngine
    from ragdiffusion.garments.garment import RealGarment

_WARM_UP = 400
_WARM_UP_PEOPLE = 5
_GARMENTS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        type=Path,
        metavar="FOLDER",
        help="real garments, with train.csv in it, to make "
        "composites of (default: cut-outs that the engine draws; the work is the same)",
    )
    parser.add_argument("--size", type=int, default=256, help="side of the pictures, pixels (default %(default)s)")
    parser.add_argument("--pairs", type=int, default=300, help="pairs of each kind to time (default %(default)s)")
    parser.add_argument(
        "--people",
        type=int,
        default=0,
        help="shots of people to time too, with labels, flat-lays and flow (default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    import cv2
    import numpy as np

    from ragdiffusion.commands.common import print_json
    from ragdiffusion.garments import GarmentEngine
    from ragdiffusion.garments.garment import load_garments
    from ragdiffusion.garments.real import RealPairs

    if args.pairs < 1:
        raise ValueError(f"--pairs is {args.pairs}, 1 or more wanted")
    engine = GarmentEngine(args.size)
    garments = (
        _drawn(engine) if args.dataset is None else load_garments(args.dataset, "train", args.size, limit=_GARMENTS)
    )
    composites = RealPairs(garments, other_silhouette=0.0, warped_target=0.0, untouched=0.0)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        synthetic = _rate(lambda i: engine.pair(i), args.pairs)
        composite = _rate(lambda i: composites.sample(np.random.default_rng(i)), args.pairs)
        people = _people(args.size, args.dataset, args.people) if args.people > 0 else None
    finally:
        cv2.setNumThreads(threads)
    report = {
        "synthetic_pairs_per_s": synthetic[0],
        "composite_pairs_per_s": composite[0],
        "synthetic_pairs_per_wall_s": synthetic[1],
        "composite_pairs_per_wall_s": composite[1],
        "size": args.size,
        "pairs": args.pairs,
        "garments": "drawn" if args.dataset is None else str(args.dataset),
    }
    if people is not None:
        report |= {"people_per_s": people[0], "people_per_wall_s": people[1]}
    if args.json:
        print_json(report)
        return 0
    for name, cpu_wall in (("synthetic pairs", synthetic), ("composites", composite), ("people", people)):
        if cpu_wall is None:
            continue
        cpu, wall = cpu_wall
        own, clock = (f"{rate:.{0 if rate >= 100 else 1}f}" for rate in (cpu, wall))
        print(f"{name:<16}{own:>7} a second of one core's time, {clock} a second on the clock")
    print(f"{args.pairs} pairs of {args.size} pixels after {_WARM_UP} to warm up; cut-outs: {report['garments']}")
    return 0


def _people(size: int, real: Path | None, count: int) -> tuple[float, float]:
    from ragdiffusion.garments.people.engine import PeopleEngine

    engine = PeopleEngine(size, real)
    return _rate(engine.shot, count, warm_up=_WARM_UP_PEOPLE)


def _rate(make: Callable[[int], object], count: int, *, warm_up: int | None = None) -> tuple[float, float]:
    """Pairs a second after a warm-up, in which fields and grounds that are shared by all pairs are drawn once.

    Returns:
        by the process's own time, which others on the machine do not change much, and by the clock.
    """
    for i in range(_WARM_UP if warm_up is None else warm_up):
        make(1_000_000 + i)
    wall, cpu = time.perf_counter(), time.process_time()
    for i in range(count):
        make(i)
    return count / (time.process_time() - cpu), count / (time.perf_counter() - wall)


def _drawn(engine: GarmentEngine) -> list[RealGarment]:
    """Cut-outs that the engine drew, in place of real ones."""
    import numpy as np

    from ragdiffusion.garments.garment import RealGarment

    found = []
    for i in range(_GARMENTS):
        pair = engine.pair(i)
        rng = np.random.default_rng([i, 2025])
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        found.append(
            RealGarment(
                name=f"drawn-{i}",
                category=structure.kind,
                symmetry=1.0,
                cloth=flat.cloth,
                alpha=flat.silhouette,
                photo=pair.photo,
                photo_mask=pair.photo_mask,
                photo_map=np.float32([[1, 0, 0], [0, 1, 0]]),
            )
        )
    return found
