"""`train measures`: teach MeasureNet, from rendered people and from patterns laid before real grounds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.structure.measure_net import MeasureNet
    from ragdiffusion.training.loop import LoopConfig

_TESTED = 96  # held-out garments of each kind of photo


def run(args: argparse.Namespace, config: LoopConfig) -> int:
    """Train.

    Raises:
        ValueError: if a folder holds nobody, or the weights to start with don't fit.
    """
    import numpy as np

    from ragdiffusion.training.measured_garments import DressedPeople, LaidPatterns
    from ragdiffusion.training.measures import Sources, train_measures

    grounds, cloths = _pictures(args.garments)
    laid = LaidPatterns(grounds, cloths)
    rng = np.random.default_rng(args.seed + 1)
    held_out = {"laid": [LaidPatterns().one(rng) for _ in range(_TESTED)]}
    if args.held_out is not None:
        people = DressedPeople(args.held_out)
        held_out["worn"] = [people.one(rng) for _ in range(_TESTED)]
    groups = [DressedPeople(folder) for folder in args.people or ()]
    worn = (lambda rng: groups[rng.integers(len(groups))].one(rng)) if groups else None
    train_measures(config, Sources(worn, laid.one), held_out, model=_starting_network(args.start))
    return 0


def _pictures(garments: Path | None) -> tuple[list, list]:
    """Grounds and cloths out of the photos of real garments, if there are any."""
    if garments is None:
        return [], []
    from ragdiffusion.training.parser_photos import LaidGarments

    real = LaidGarments(garments)
    cloths = [cloth for cloth in (_cloth(real[index]) for index in range(0, len(real), 4)) if cloth is not None]
    return real.grounds(200), cloths


def _cloth(item):
    """The middle of a garment, uint8 (h, w, 3); None if it is too small."""
    import cv2
    import numpy as np

    distance = cv2.distanceTransform((item.alpha > 200).astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(distance.argmax(), distance.shape)
    reach = int(distance[y, x] * 0.7)
    return item.photo[y - reach : y + reach, x - reach : x + reach].copy() if reach >= 24 else None


def _starting_network(start: Path | None) -> MeasureNet:
    from ragdiffusion.structure.measure_net import MeasureNet
    from ragdiffusion.training.measures import new_measure_net

    if start is None:
        return new_measure_net()
    try:
        return MeasureNet.from_pretrained(start).float()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{start} holds no MeasureNet ({' '.join(str(error).split())[:150]}): give the folder "
            "measure_net/ of a training or a checkpoint"
        ) from error
