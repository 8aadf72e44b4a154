"""`describe`: what a preset holds and what a picture costs, counted without allocating a weight."""

from __future__ import annotations

import argparse
from typing import Any

from ragdiffusion.commands.common import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="studio", help="studio, sdxl or sdxl-refine (default %(default)s)")
    parser.add_argument("--steps", type=int, help="of the sampler (default: the preset's)")
    parser.add_argument(
        "--seeds", type=int, default=1, help="pictures of one photo drawn together (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Count and print."""
    if args.steps is not None and args.steps < 1 or args.seeds < 1:
        raise ValueError(f"--steps is {args.steps} and --seeds {args.seeds}, 1 or more wanted of each")
    report = describe(args.preset, steps=args.steps, seeds=args.seeds)
    if args.json:
        print_json(report)
    else:
        _print_table(report)
    return 0


def describe(name: str, *, steps: int | None = None, seeds: int = 1) -> dict[str, Any]:
    """Count a preset.

    Args:
        name: of the preset.
        steps: of the sampler; None: the preset's.
        seeds: pictures of one photo drawn together.

    Returns:
        Its sizes, each component's class and parameters, published figures beside them, FLOPs by stage, and bytes of a
        device by mode of offload.
    """
    from ragdiffusion.config import get_preset
    from ragdiffusion.generation.cost import count_flops, count_parameters, meta_pipeline, published_parts
    from ragdiffusion.generation.footprint import footprint

    preset = get_preset(name)
    pipeline = meta_pipeline(preset)
    counts = count_parameters(pipeline)
    cost = count_flops(pipeline, batch=seeds, steps=steps)
    here = {part: sum(p.numel() for p in module.parameters()) for part, module in published_parts(preset).items()}
    return {
        "preset": name,
        "image_size": preset.image_size,
        "latent_channels": preset.latent_channels,
        "seeds": seeds,
        "components": {
            part: {"class": type(getattr(pipeline, part)).__name__, "parameters": count}
            for part, count in counts.items()
        },
        "parameters": sum(counts.values()),
        "published": {part: {"here": count, "published": preset.published[part]} for part, count in here.items()},
        "flops": {
            **cost.stages,
            "plain_step": cost.plain_step,
            "picture": cost.picture,
            "plain_picture": cost.plain_picture,
        },
        "steps": cost.steps,
        "plain_to_fast": cost.saved,
        "bytes": footprint(pipeline),
    }


def _print_table(report: dict[str, Any]) -> None:
    print(
        f"{report['preset']}: {report['image_size']} x {report['image_size']} pixels, latents of "
        f"{report['latent_channels']} channels, {report['steps']} steps, {report['seeds']} at a time"
    )
    for part, about in report["components"].items():
        print(f"  {part:<18} {about['parameters'] / 1e6:>10.3f} M  {about['class']}")
    print(f"  {'together':<18} {report['parameters'] / 1e6:>10.3f} M")
    for part, count in report["published"].items():
        print(f"  {part} as published: {count['here']:,} here, {count['published']:,} there")
    flops = report["flops"]
    for stage, count in flops.items():
        print(f"  {stage:<18} {count / 1e12:>10.4f} TFLOP")
    print(f"  a step with ReferenceNet and all keys and values anew costs {report['plain_to_fast']:.2f} times as much")
    size = {name: count / 1e9 for name, count in report["bytes"].items()}
    print(
        f"  weights on the device in half precision: {size['whole']:.3g} GB, {size['model']:.3g} GB with --offload "
        f"model, {size['sequential']:.3g} GB with --offload sequential; {size['kept']:.3g} GB kept for all steps"
    )
