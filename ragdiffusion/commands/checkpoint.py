"""`checkpoint assemble`: put trained parts together to a folder in diffusers layout."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


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


def run(args: argparse.Namespace) -> int:
    """Assemble."""
    from dataclasses import asdict, replace

    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.generation.build import build_components
    from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

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
    pipeline = RAGDiffusionPipeline(**components, preset_name=preset.name, latent_packing=preset.latent_packing,
                                    image_size=preset.image_size, sampling=asdict(defaults))
    if args.half:
        pipeline.to(torch.float16)
    pipeline.save_pretrained(args.out, safe_serialization=True)
    for file in args.out.glob("*/config.json"):  # where a part lay on this machine is nobody else's business
        kept = {key: value for key, value in json.loads(file.read_text()).items() if key != "_name_or_path"}
        file.write_text(json.dumps(kept, indent=2) + "\n")
    for name, part in components.items():
        if isinstance(part, torch.nn.Module):
            print(f"{name}: {f'from {taken[name]}' if name in taken else 'new, untrained'}")
    return 0
