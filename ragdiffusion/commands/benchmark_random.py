"""`benchmark --random-weights`: how fast a preset would be here, without a checkpoint."""

from __future__ import annotations

import argparse
from typing import Any

from ragdiffusion.commands.common import print_json


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.evaluation.paper_speed import measure_speed, measure_training
    from ragdiffusion.logs import quiet_libraries

    if args.steps < 1:
        raise ValueError(f"--steps is {args.steps}, 1 or more wanted")
    quiet_libraries()
    preset = get_preset(args.preset)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, args.dtype)
    try:
        report: dict[str, Any] = measure_speed(preset, device, dtype, steps=args.steps, compiled=args.compile)
        if args.training_steps:
            report["training"] = measure_training(preset, device, dtype, steps=args.training_steps)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise RuntimeError(
            f"{preset.name} in {args.dtype} does not fit on {device}: take bfloat16, or a larger one"
        ) from error
    if args.json:
        print_json(report)
    else:
        _print_table(report)
    return 0


def _print_table(report: dict[str, Any]) -> None:
    print(
        f"{report['preset']}, random weights, {report['device']}, {report['dtype']}, torch {report['torch']}, matrix "
        f"product {report['peak_tflops']:.2f} TFLOP/s"
    )
    for name, about in report["stages"].items():
        print(
            f"  {name:<12} {about['ms']:>10.1f} ms {about['tflop']:>9.4f} TFLOP {about['share_of_peak']:>6.0%} of "
            "the matrix product"
        )
    print(
        f"  {report['steps']} steps: {report['picture_s']:.2f} s; with everything anew in each step "
        f"{report['plain_picture_s']:.2f} s, {report['plain_to_fast']:.2f} times as long; largest difference of the "
        f"latents {report['difference']:.1e}"
    )
    print(
        f"  photo to picture {report['photo_to_picture_s']:.2f} s, {report['tflop']:.2f} TFLOP; peak memory "
        f"{report['peak_mb']:.0f} MB"
    )
    if "training" in report:
        training = report["training"]
        losses = ", ".join(f"{loss:.4f}" for loss in training["losses"])
        print(
            f"  training {training['trained_millions']:.0f} M parameters: loss {losses}; "
            f"{training['seconds'][-1]:.2f} s a step; peak memory {training['peak_mb']:.0f} MB"
        )
