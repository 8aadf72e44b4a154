"""`evaluate pgea`: what adapting a UNet to a 16-channel autoencoder brings and saves, at a size that a CPU trains."""

from __future__ import annotations

import argparse
from pathlib import Path

from ragdiffusion.commands.common import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of trainings, curves and pictures; a second call goes on where the first stopped",
    )
    parser.add_argument(
        "--studio", type=Path, help="checkpoint whose text encoder reads captions (default: the bundled one)"
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="share of the steps and pictures, such as 0.1 to try it (default: some 15 minutes of one core)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Train, measure and print."""
    import logging
    from dataclasses import replace

    from ragdiffusion.config import assets_folder
    from ragdiffusion.evaluation.pgea import TrialConfig, run_trial
    from ragdiffusion.logs import quiet_libraries

    if not 0 < args.scale <= 100:
        raise ValueError(f"--scale is {args.scale}, above 0 to 100 wanted")
    quiet_libraries()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    whole = TrialConfig(out=args.out)
    counts = (
        "pictures",
        "autoencoder_steps",
        "base_steps",
        "distil_steps",
        "ends_steps",
        "whole_steps",
        "scratch_steps",
    )
    config = replace(whole, **{name: max(2, round(getattr(whole, name) * args.scale)) for name in counts})
    report = run_trial(config, args.studio or assets_folder() / "checkpoints" / "studio")
    if args.json:
        print_json(report)
        return 0
    for name, figures in report["reconstruction"].items():
        print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in figures.items()))
    gradient = report["stage_1"]["by_gradient"][-1]
    print(
        f"stage I: {gradient['held_out']:.3f} of the variance left after {gradient['step']} steps "
        f"({gradient['seconds']:.0f} s), {report['stage_1']['closed_form']:.4f} by the closed form "
        f"({report['stage_1']['closed_form_seconds']:.1f} s)"
    )
    print("held-out loss: " + ", ".join(f"{name} {value:.4f}" for name, value in report["held_out"].items()))
    for line in report["reached"]:
        ways = (f"{name} {_effort(line[name])}" for name in ("adapted", "scratch"))
        print(f"  {line['held_out']:.4f} reached: " + ", ".join(ways))
    return 0


def _effort(point: dict[str, float] | None) -> str:
    return "never" if point is None else f"after {point['step']:.0f} steps, {point['seconds']:.0f} s"
