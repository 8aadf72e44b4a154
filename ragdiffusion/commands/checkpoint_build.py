"""`checkpoint build sdxl|sdxl-refine`: put published parts together to a checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import DTYPES

if TYPE_CHECKING:
    import torch

    from ragdiffusion.config import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    place = "FOLDER_OR_HUB_ID"
    parser.add_argument(
        "preset",
        choices=tuple(BUILT),
        help="sdxl: what the paper's training starts from; "
        "sdxl-refine: published weights draw over the studio's draft, without any training",
    )
    parser.add_argument("--out", type=Path, help="folder to write (default: where --preset looks for it)")
    parser.add_argument("--sdxl", required=True, metavar=place, help="SDXL base in diffusers layout")
    parser.add_argument("--vae", metavar=place, help="sdxl: the 16-channel autoencoder, or FLUX with one in vae/")
    parser.add_argument("--unet", metavar=place, help="sdxl: the UNet that `train pgea` adapted to that autoencoder")
    parser.add_argument("--clip", metavar=place, help="sdxl: CLIP ViT-L/14, which StructureNet starts from")
    parser.add_argument(
        "--ip-adapter",
        type=Path,
        metavar="FILE",
        help="sdxl: IP-Adapter-plus for SDXL as a start of the EP-Adapter (default: it starts new)",
    )
    parser.add_argument(
        "--studio",
        type=Path,
        metavar="FOLDER",
        help="sdxl-refine: checkpoint whose draft, retrieval and bank are taken (default: the bundled one)",
    )
    parser.add_argument("--size", type=int, help="side of the pictures, pixels (default: the preset's)")
    parser.add_argument(
        "--variant", help="of the published weights, such as fp16 (default: full precision where it is there)"
    )
    parser.add_argument("--dtype", choices=DTYPES, default="float16", help="stored weights (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights of new parts")


def run(args: argparse.Namespace) -> int:
    """Build."""
    from dataclasses import replace

    import torch

    from ragdiffusion.config import assets_folder, get_preset
    from ragdiffusion.generation.builder.refine import copy_eyes
    from ragdiffusion.generation.builder.saving import forget_places, whole_folder
    from ragdiffusion.generation.builder.untrained import build_pipeline
    from ragdiffusion.logs import quiet_libraries

    quiet_libraries()
    preset = get_preset(args.preset)
    if args.size is not None:
        if args.size < 256 or args.size % 64:
            raise ValueError(f"--size is {args.size}, a multiple of 64 from 256 up wanted")
        preset = replace(preset, image_size=args.size)
    out = args.out or assets_folder() / "checkpoints" / preset.name
    studio = args.studio or assets_folder() / "checkpoints" / "studio"
    torch.manual_seed(args.seed)
    with whole_folder(out) as folder:
        components = BUILT[args.preset](args, preset, studio, getattr(torch, args.dtype))
        build_pipeline(preset, components).save_pretrained(folder, safe_serialization=True)
        if components["appearance_flow"] is not None:
            copy_eyes(studio, folder)
        forget_places(folder)
    millions = {
        name: sum(p.numel() for p in part.parameters()) / 1e6
        for name, part in components.items()
        if isinstance(part, torch.nn.Module)
    }
    print(f"{out}: " + ", ".join(f"{name} {count:.1f} M" for name, count in millions.items()))
    return 0


def _paper(args: argparse.Namespace, preset: Preset, studio: Path, dtype: torch.dtype) -> dict[str, Any]:
    from ragdiffusion.generation.builder.paper import PaperParts, paper_components

    if args.vae is None or args.clip is None:
        raise ValueError("checkpoint build sdxl needs --vae (FLUX's, 16 channels) and --clip (ViT-L/14) beside --sdxl")
    return paper_components(
        preset,
        PaperParts(
            sdxl=args.sdxl,
            vae=args.vae,
            clip=args.clip,
            unet=args.unet,
            ip_adapter=args.ip_adapter,
            variant=args.variant,
        ),
        dtype,
    )


def _refine(args: argparse.Namespace, preset: Preset, studio: Path, dtype: torch.dtype) -> dict[str, Any]:
    from ragdiffusion.generation.builder.refine import refine_components

    if not (studio / "bank.sqlite3").is_file():
        raise ValueError(f"{studio}: no studio checkpoint with a bank here; give one with --studio")
    return refine_components(args.sdxl, studio, variant=args.variant, dtype=dtype)


BUILT = {"sdxl": _paper, "sdxl-refine": _refine}
"""Preset: what makes its components of the arguments."""
