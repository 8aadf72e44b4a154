"""`train pgea --stage 1|2|3`: adapt a UNet of 4-channel latents to an autoencoder of 16 (3.3)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from ragdiffusion.training.scale.captioned import CaptionedImages
    from ragdiffusion.training.scale.loop import ScaleConfig

STEPS = {1: 2_000, 2: 20_000, 3: 200_000}
"""The paper's (3.3); of stage I it says nothing."""
_LEARNING_RATES = {1: 1e-3, 2: 1e-4, 3: 5e-5}
FIT_BATCHES = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--stage",
        type=int,
        choices=tuple(STEPS),
        required=True,
        help="1: distil conv_in; 2: train conv_in and conv_out; 3: train the whole UNet",
    )
    parser.add_argument(
        "--base",
        required=True,
        metavar="FOLDER_OR_HUB_ID",
        help="model whose UNet is adapted, such as SDXL base: unet/, vae/, text encoders, tokenizers, scheduler/",
    )
    parser.add_argument(
        "--vae",
        required=True,
        metavar="FOLDER_OR_HUB_ID",
        help="the autoencoder that it is adapted to, or a model with one in vae/ (FLUX)",
    )
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="folder of images, each with its caption in a .txt beside it or in metadata.jsonl",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="stage N writes stage-N/unet there, and begins with the stage before"
    )
    parser.add_argument("--unet", type=Path, metavar="FOLDER", help="begin with this UNet instead")
    parser.add_argument(
        "--closed-form",
        action="store_true",
        help=f"stage 1: solve for conv_in first; stage 2: for conv_out ({FIT_BATCHES} batches)",
    )
    parser.add_argument("--size", type=int, default=768, help="side of the images, pixels (default %(default)s)")
    parser.add_argument("--limit", type=int, help="take only so many images")
    parser.add_argument("--variant", help="of the published weights, such as fp16")
    add_scale_arguments(parser, steps="2,000, 20,000 and 200,000 by stage", learning_rate="1e-3, 1e-4, 5e-5 by stage")


def add_scale_arguments(parser: argparse.ArgumentParser, *, steps: str, learning_rate: str) -> None:
    """Declare what every training at scale has."""
    parser.add_argument("--steps", type=int, help=f"optimiser steps in all (default: {steps})")
    parser.add_argument(
        "--batch-size", type=int, default=2, help="samples a process takes at a time (default %(default)s)"
    )
    parser.add_argument("--accumulate", type=int, default=1, help="times that it does so before the optimiser steps")
    parser.add_argument("--learning-rate", type=float, help=f"of AdamW (default: {learning_rate})")
    parser.add_argument("--warmup", type=int, default=100, help="steps of linear warm-up (default %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("no", "bf16", "fp16"),
        default="bf16",
        help="what forward and backward compute in (default %(default)s)",
    )
    parser.add_argument(
        "--ema-decay", type=float, default=0.9999, help="of the averaged weights, 0 for none (default %(default)s)"
    )
    parser.add_argument(
        "--ema-every", type=int, default=10, help="steps between updates of the average (default %(default)s)"
    )
    parser.add_argument("--save-every", type=int, default=1000, help="steps between states (default %(default)s)")
    parser.add_argument(
        "--sample-every", type=int, default=1000, help="steps between validations (default %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that make data, for each that trains")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", action="store_true", help="train on the CPU")


def scale_config(args: argparse.Namespace, *, out: Path, steps: int, learning_rate: float) -> ScaleConfig:
    """The numbers of a training at scale; those not given are the defaults."""
    from ragdiffusion.training.scale.loop import ScaleConfig

    return ScaleConfig(
        out=out,
        steps=args.steps or steps,
        learning_rate=args.learning_rate or learning_rate,
        **{
            name: getattr(args, name)
            for name in (
                "batch_size",
                "accumulate",
                "warmup",
                "precision",
                "ema_decay",
                "ema_every",
                "save_every",
                "sample_every",
                "workers",
                "seed",
                "cpu",
            )
        },
    )


def check_same_words(args: argparse.Namespace) -> None:
    """See to it that all processes were given the same command, before any of them writes.

    Raises:
        ValueError: in every process, naming an option on which they differ.
    """
    from ragdiffusion.training.scale.ranks import check_agreement

    check_agreement({name: value for name, value in vars(args).items() if not callable(value)})


def run(args: argparse.Namespace) -> int:
    """Train one stage and write its UNet."""
    import logging

    from ragdiffusion.generation.builder.saving import whole_folder
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.training.scale.captioned import open_captioned
    from ragdiffusion.training.scale.loop import open_accelerator, take_average, train_at_scale

    quiet_libraries()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    images = open_captioned(args.images, args.size, seed=args.seed, limit=args.limit)
    out = args.out / f"stage-{args.stage}"
    target = out / "unet"
    if (target / "config.json").is_file():
        raise ValueError(f"{target} is there already: stage {args.stage} is done; remove it to train on")
    config = scale_config(args, out=out, steps=STEPS[args.stage], learning_rate=_LEARNING_RATES[args.stage])
    unet, module = _stage(args, images, start=_start(args))
    with open_accelerator(config) as accelerator:
        check_same_words(args)
        if args.closed_form and not any(out.glob("step-*")):
            _solve(module.to(accelerator.device), images, args)
        average = train_at_scale(config, module, images, accelerator=accelerator)
        if accelerator.is_main_process:
            take_average(module, average)
            with whole_folder(target) as folder:
                accelerator.unwrap_model(unet).eval().save_pretrained(folder)
            print(f"{target}: {unet.config.in_channels} channels in and out, {config.steps} steps")
    return 0


def _start(args: argparse.Namespace) -> Path | None:
    """The UNet that a stage begins with; None: the base's, whose ends are still to be widened."""
    if args.unet is not None or args.stage == 1:
        return args.unet
    before = args.out / f"stage-{args.stage - 1}" / "unet"
    if not (before / "config.json").is_file():
        raise ValueError(
            f"{before}: stage {args.stage} begins with stage {args.stage - 1}, which is not done; train "
            "it first, or give a UNet with --unet"
        )
    return before


def _stage(args: argparse.Namespace, images: CaptionedImages, start: Path | None) -> tuple[Any, nn.Module]:
    """The UNet and the module that a stage trains."""
    import copy

    import torch

    from ragdiffusion.generation.builder.locations import open_location
    from ragdiffusion.generation.builder.paper import check_fit, check_text, vae_folder
    from ragdiffusion.generation.builder.published import load_scheduler, load_text_branch, load_unet, load_vae
    from ragdiffusion.training.scale.pgea import DistilConvIn, TextBase, TextToImage, expand_channels

    base = open_location(args.base, ("unet", "text_encoder", "tokenizer", "scheduler", "vae"))
    frozen = torch.float32 if args.cpu or args.precision == "no" else torch.bfloat16
    vae = load_vae(vae_folder(args.vae), dtype=frozen)
    unet = load_unet(start if start is not None else base / "unet", variant=args.variant if start is None else None)
    torch.manual_seed(args.seed)
    if args.stage == 1:
        old = copy.deepcopy(unet.conv_in)
        expand_channels(unet, vae.config.latent_channels)
        old_vae = load_vae(base / "vae", variant=args.variant, dtype=frozen)
        return unet, DistilConvIn(old, unet.conv_in, old_vae, vae)
    check_fit(vae, unet)
    text = load_text_branch(base, variant=args.variant, dtype=frozen)
    check_text(text, unet)
    if args.stage == 3:
        unet.enable_gradient_checkpointing()
    reading = TextBase(text.encoders, text.tokenizers, images.captions, zero_empty=len(text.encoders) > 1)
    return unet, TextToImage(unet, vae, reading, load_scheduler(base / "scheduler"), ends_only=args.stage == 2)


def _solve(module: nn.Module, images: CaptionedImages, args: argparse.Namespace) -> None:
    """Start from the closed form, over the first batches; every process solves for itself and finds the same."""
    from tqdm import tqdm

    from ragdiffusion.training.scale.pgea import DistilConvIn

    size, device = max(4, args.batch_size), next(module.parameters()).device
    batches = (
        {name: value.to(device) for name, value in images(range(i * size, (i + 1) * size)).items()}
        for i in tqdm(range(FIT_BATCHES), desc="fit", unit="batch")
    )
    module.eval()
    if isinstance(module, DistilConvIn):
        module.solve(batches)
    else:
        module.solve_conv_out(batches)
