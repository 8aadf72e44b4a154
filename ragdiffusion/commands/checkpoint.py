"""`checkpoint assemble|build`: put trained or published parts together to a folder in diffusers layout."""

from __future__ import annotations

import argparse
from pathlib import Path

from ragdiffusion.commands import checkpoint_build


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    assemble = actions.add_parser("assemble", help="trained parts, new ones for the rest, in one folder")
    assemble.add_argument("out", type=Path, help="folder to write")
    assemble.add_argument("--preset", default="studio")
    assemble.add_argument("--parts", type=Path, nargs="*", default=[], help="folders of trainings (`--out` of train): "
                          "every component found in them is taken, later folders win")
    assemble.add_argument("--strength", type=float, help="default sampling strength to store")
    assemble.add_argument("--correction", type=float, default=1.0, help="share of MainNet's correction of the draft to "
                          "keep, 0 to 1: a young one is better held back (default %(default)s)")
    assemble.add_argument("--half", action="store_true", help="store weights in float16")
    assemble.add_argument("--seed", type=int, default=0, help="of the weights of new parts")
    build = actions.add_parser("build", help="published parts in one folder: SDXL, FLUX's autoencoder, CLIP")
    checkpoint_build.add_arguments(build)


def run(args: argparse.Namespace) -> int:
    """Assemble or build."""
    return checkpoint_build.run(args) if args.action == "build" else _assemble(args)


def _assemble(args: argparse.Namespace) -> int:
    from dataclasses import replace

    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.generation.builder.saving import forget_places
    from ragdiffusion.generation.builder.untrained import build_components, build_pipeline

    preset = get_preset(args.preset)
    torch.manual_seed(args.seed)
    components = build_components(preset)
    taken = {}
    for folder in args.parts:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder; --parts are the --out folders of trainings")
        for name, part in components.items():
            if (folder / name / "config.json").is_file() and isinstance(part, torch.nn.Module):
                extra = {} if hasattr(part, "get_input_embeddings") else {"low_cpu_mem_usage": False}
                components[name] = type(part).from_pretrained(folder / name, **extra)
                taken[name] = folder
    if not 0 <= args.correction <= 1:
        raise ValueError(f"--correction is {args.correction}, 0 to 1 wanted")
    if args.correction < 1:
        if preset.flow is None:
            raise ValueError(f"--correction is for presets with a draft; {preset.name} draws without one")
        with torch.no_grad():
            for weight in components["unet"].conv_out.parameters():
                weight.mul_(args.correction)
    defaults = preset.defaults if args.strength is None else replace(preset.defaults, strength=args.strength)
    pipeline = build_pipeline(replace(preset, defaults=defaults), components)
    if args.half:
        pipeline.to(torch.float16)
    pipeline.save_pretrained(args.out, safe_serialization=True)
    forget_places(args.out)
    for name, part in components.items():
        if isinstance(part, torch.nn.Module):
            print(f"{name}: {f'from {taken[name]}' if name in taken else 'new, untrained'}")
    return 0
