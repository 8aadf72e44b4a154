"""`checkpoint assemble|build|update`: put trained or published parts together to a folder in diffusers layout."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragdiffusion.commands import checkpoint_build, checkpoint_update
from ragdiffusion.commands.parts_beside import class_of, made_small, parts_beside_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    assemble = actions.add_parser("assemble", help="trained parts, new ones for the rest, in one folder")
    assemble.add_argument("out", type=Path, help="folder to write")
    assemble.add_argument("--preset", default="studio")
    assemble.add_argument(
        "--parts",
        type=Path,
        nargs="+",
        required=True,
        help="folders of trainings (`--out` of train): every component found in them is taken, later folders win",
    )
    assemble.add_argument("--strength", type=float, help="default sampling strength to store")
    assemble.add_argument(
        "--correction",
        type=float,
        default=1.0,
        help="share of MainNet's correction of the draft to "
        "keep, 0 to 1: a young one is better held back (default %(default)s)",
    )
    assemble.add_argument("--half", action="store_true", help="store weights in float16, or less where a part bears it")
    assemble.add_argument("--seed", type=int, default=0, help="of the weights of new parts")
    build = actions.add_parser("build", help="published parts in one folder: SDXL, FLUX's autoencoder, CLIP")
    checkpoint_build.add_arguments(build)
    update = actions.add_parser("update", help="a checkpoint with some parts replaced by trained ones, file by file")
    checkpoint_update.add_arguments(update)


def _parts_in(folder: Path, components: Mapping[str, Any]) -> list[str]:
    """The components that a training left in a folder.

    Raises:
        ValueError: if there are none: what would be put together from nothing is untrained.
    """
    import torch

    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; --parts are the --out folders of trainings")
    found = [
        name
        for name, part in components.items()
        if isinstance(part, torch.nn.Module) and (folder / name / "config.json").is_file()
    ]
    if not found and not parts_beside_in(folder):
        names = ", ".join(name for name, part in components.items() if isinstance(part, torch.nn.Module))
        raise ValueError(
            f"{folder}: no trained part here; --parts are the --out folders of trainings that have ended, "
            f"with folders such as {names}"
        )
    return found


def _load(kind: type, folder: Path) -> Any:
    """A trained part.

    Raises:
        ValueError: if it is damaged, or of another preset.
    """
    try:
        own = {} if hasattr(kind, "get_input_embeddings") else {"low_cpu_mem_usage": False}
        return kind.from_pretrained(folder, use_safetensors=True, **own)
    except MemoryError:
        raise
    except Exception as error:  # the libraries raise a dozen kinds for broken folders
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        raise ValueError(f"{folder}: the part is damaged, or of another preset ({reason})") from error


def run(args: argparse.Namespace) -> int:
    """Assemble, build or update."""
    return {"assemble": _assemble, "build": checkpoint_build.run, "update": checkpoint_update.run}[args.action](args)


def _assemble(args: argparse.Namespace) -> int:
    from dataclasses import replace

    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.files import sync_tree
    from ragdiffusion.generation.builder.saving import forget_places
    from ragdiffusion.generation.builder.untrained import build_components, build_pipeline

    preset = get_preset(args.preset)
    torch.manual_seed(args.seed)
    components = build_components(preset)
    taken, beside = {}, {}
    for folder in args.parts:
        found = _parts_in(folder, components)
        for name in found:
            components[name] = _load(type(components[name]), folder / name)
            taken[name] = folder
        for name in parts_beside_in(folder):
            beside[name] = _load(class_of(name), folder / name)
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
        for name, part in pipeline.components.items():
            if isinstance(part, torch.nn.Module):
                made_small(name, part)
    pipeline.save_pretrained(args.out, safe_serialization=True)
    for name, part in beside.items():
        (made_small(name, part) if args.half else part).save_pretrained(args.out / name)
    forget_places(args.out)
    sync_tree(args.out)
    for name, part in (components | beside).items():
        if isinstance(part, torch.nn.Module):
            print(f"{name}: {f'from {taken[name]}' if name in taken else 'new, untrained'}")
    return 0
