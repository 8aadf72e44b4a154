"""`train flow|autoencoder|structure|silhouette|parser|placement|relighting|denoiser`: train one part, or go on.

`train pgea` and `train paper` train at the paper's scale and have options of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands import train_paper, train_parser, train_pgea

if TYPE_CHECKING:
    import torch

PARTS = {
    "flow": "the appearance flow",
    "autoencoder": "the studio's autoencoder",
    "structure": "StructureNet and its attribute heads",
    "silhouette": "SilhouetteNet, which ranks what the embedding finds",
    "parser": "the parser of photos, which tells garments, skin and ground apart",
    "placement": "PlacementNet, which lays a landmark over somebody who wears the garment",
    "relighting": "RelightNet, which takes folds and shadows of wearing off a draft",
    "denoiser": "MainNet, ReferenceNet, EP-Adapter, Landmark Guider and text encoder",
}

_COMPONENTS = {
    "flow": "appearance_flow",
    "autoencoder": "vae",
    "structure": "structure_net",
    "silhouette": "silhouette_net",
}


AT_SCALE = {
    "pgea": (train_pgea, "a UNet's adaptation from 4-channel latents to 16 (3.3)"),
    "paper": (train_paper, "denoiser or StructureNet as the paper does it, over several processes (4.1)"),
}
"""Trainings with options of their own: the module that has them, and what is trained."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of each part."""
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    for name, what in PARTS.items():
        _add_part_arguments(parts.add_parser(name, help=what, description=f"Train {what}.", allow_abbrev=False))
    for name, (module, what) in AT_SCALE.items():
        part = parts.add_parser(name, help=what, description=f"Train {what}.", allow_abbrev=False)
        module.add_arguments(part)


def _add_part_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of state, log and samples; resumed if it has a state"
    )
    parser.add_argument(
        "--start",
        type=Path,
        help="not denoiser: a checkpoint's folder of this part; begin with its "
        "weights (what it lacks begins untrained) instead of from nothing",
    )
    parser.add_argument(
        "--minutes", type=float, required=True, help="time budget; the last part lowers the learning rate"
    )
    parser.add_argument(
        "--garments", type=Path, help="data set or pack of real garments; without it all pairs are drawn by the engine"
    )
    parser.add_argument("--synthetic", type=float, default=0.3, help="share of drawn pairs (default %(default)s)")
    parser.add_argument(
        "--worn",
        type=float,
        metavar="SHARE",
        help="share of the drawn pairs that are worn (default: as the engine mixes displays)",
    )
    parser.add_argument(
        "--freeze-finder",
        action="store_true",
        help="flow only: leave the network that finds the garment as it is, which makes steps cheaper",
    )
    parser.add_argument("--preset", default="studio")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="denoiser only: checkpoint with trained autoencoder, StructureNet, flow and bank",
    )
    parser.add_argument(
        "--pool",
        type=int,
        help="denoiser only: encode so many samples and draw batches from them; "
        "worth it where encoding costs as much as a step (some 170 KB of disk a sample)",
    )
    parser.add_argument(
        "--encoders",
        type=int,
        default=0,
        help="denoiser only: processes that fill the pool and renew "
        "it while the training goes on (default 0: it is filled once, before)",
    )
    parser.add_argument(
        "--uses",
        type=float,
        default=4.0,
        help="denoiser only: times that encoders let a sample be "
        "seen on average, if they can keep up (default %(default)s)",
    )
    parser.add_argument(
        "--perceptual",
        type=float,
        default=0.0,
        metavar="WEIGHT",
        help="autoencoder only: weight of "
        "the distance between ImageNet features in its loss, such as 0.2 (default: 0, off)",
    )
    parser.add_argument(
        "--latent-channels",
        type=int,
        metavar="N",
        help="autoencoder only: channels of the latent (4: the twin that the paper starts from; default: the preset's)",
    )
    parser.add_argument(
        "--crop",
        type=int,
        metavar="PIXELS",
        default=128,
        help="autoencoder only: side of the crops (default %(default)s)",
    )
    parser.add_argument("--steps", type=int, help="stop after so many optimiser steps in all")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument(
        "--cooldown", type=float, default=0.25, help="share of the budget in which the learning rate falls to 0"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that make data")
    parser.add_argument("--threads", type=int, help="torch threads")
    parser.add_argument("--sample-every", type=int, default=500)
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds between saved states")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="take only so many real garments")
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="CATEGORY",
        help="structure only: categories never shown, to see what a bank update alone can do for them",
    )
    parser.add_argument("--bfloat16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--people",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folders of rendered people, drawn from equally often; they may still be growing (all but the "
        "parser want them with arrays, or packed by `data pack-people`)",
    )
    parser.add_argument(
        "--held-out", type=Path, metavar="FOLDER", help="such a folder that is never trained on, for the curves"
    )
    parser.add_argument(
        "--people-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of all pairs that are such people, where there are any (not parser; default %(default)s)",
    )
    train_parser.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train."""
    if args.part in AT_SCALE:
        return AT_SCALE[args.part][0].run(args)
    import logging

    import cv2
    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.generation.builder.untrained import build_components
    from ragdiffusion.training.loop import LoopConfig

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)  # its threads do not survive the fork of data workers
    if args.part == "parser":
        return train_parser.run(args)
    preset = get_preset(args.preset)
    if args.part != "autoencoder" and (args.perceptual or args.latent_channels is not None):
        raise ValueError(f"--perceptual and --latent-channels belong to the autoencoder, not to {args.part}")
    if args.latent_channels is not None:
        preset = preset.with_latent_channels(args.latent_channels)
    config = LoopConfig(
        out=args.out,
        minutes=args.minutes,
        steps=args.steps,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        cooldown=args.cooldown,
        workers=args.workers,
        threads=args.threads,
        seed=args.seed,
        sample_every=args.sample_every,
        save_every=args.save_every,
        bfloat16=args.bfloat16,
        device=args.device,
    )
    torch.manual_seed(args.seed)
    if args.part == "denoiser":
        return _denoiser(args, config)
    if args.part == "placement":
        return _placement(args, config)
    if args.part == "relighting":
        return _relighting(args, config)
    components = build_components(preset)
    if components[_COMPONENTS[args.part]] is None:
        raise ValueError(f"the preset {preset.name!r} has no {_COMPONENTS[args.part]}: nothing to train")
    if args.start is not None:
        begin_with(components[_COMPONENTS[args.part]], args.start)
    if args.part == "autoencoder":
        return _autoencoder(args, config, components["vae"], preset.image_size)
    from ragdiffusion.training.sources import HELD_OUT, open_source

    if args.part == "silhouette":
        from ragdiffusion.training.silhouette import train_silhouette

        silhouettes = components["silhouette_net"]
        source = open_source(args.garments, silhouettes.config.input_size, **_mixture(args))
        train_silhouette(config, source.draw_silhouettes, source.held_out_silhouettes(24), model=silhouettes)
        return 0
    if args.part == "structure":
        from ragdiffusion.training.structure import train_structure

        net = components["structure_net"]
        source = open_source(args.garments, net.image_size, without=args.without, **_mixture(args))
        train_structure(config, source.draw_structures, source.held_out_structures(HELD_OUT), model=net)
        return 0
    from ragdiffusion.training.flow import train_flow

    flow = components["appearance_flow"]
    flow.finder.requires_grad_(not args.freeze_finder)
    source = open_source(args.garments, flow.config.input_size, **_mixture(args))
    held_out = {"laid": source.held_out_pairs(HELD_OUT), "people": source.held_out_worn(HELD_OUT)}
    train_flow(config, source.draw, held_out, model=flow)
    return 0


def _placement(args: argparse.Namespace, config) -> int:
    from ragdiffusion.draft.placement import PlacementNet
    from ragdiffusion.training.placement import train_placement
    from ragdiffusion.training.sources import HELD_OUT

    net, source = _beside(PlacementNet(), args)
    held_out = {"laid": source.held_out_pairs(HELD_OUT), "people": source.held_out_worn(HELD_OUT)}
    train_placement(config, source.draw, held_out, model=net)
    return 0


def _relighting(args: argparse.Namespace, config) -> int:
    from ragdiffusion.draft.relighting import RelightNet
    from ragdiffusion.training.relighting import train_relighting
    from ragdiffusion.training.sources import HELD_OUT

    net, source = _beside(RelightNet(), args)
    train_relighting(config, source.draw, {"people": source.held_out_worn(HELD_OUT)}, model=net)
    return 0


def _beside(net: torch.nn.Module, args: argparse.Namespace):
    """Give a part that lies beside the pipeline as it is to begin with, and what its pairs are drawn from."""
    from ragdiffusion.training.sources import open_source

    if args.start is not None:
        begin_with(net, args.start)
    return net, open_source(args.garments, net.config.input_size, **_mixture(args))


def _mixture(args: argparse.Namespace) -> dict[str, Any]:
    """What pairs are drawn from, as `open_source` takes it."""
    return {
        "synthetic": args.synthetic,
        "limit": args.limit,
        "worn": args.worn,
        "people": args.people,
        "held_out_people": args.held_out,
        "people_share": args.people_share,
    }


def begin_with(module: torch.nn.Module, folder: Path) -> None:
    """Load a part's saved weights into a module of the same or a larger architecture.

    Raises:
        ValueError: if the folder holds no weights, or none that fit.
    """
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if len(files) != 1:
        raise ValueError(f"{folder}: holds {len(files)} safetensors files, one is wanted; name a part's own folder")
    try:
        lacking = module.load_state_dict(
            {name: value.float() for name, value in load_file(files[0]).items()}, strict=False
        )
    except RuntimeError as error:
        raise ValueError(f"{folder}: its weights do not fit {type(module).__name__} ({error})") from error
    if lacking.unexpected_keys:
        raise ValueError(
            f"{folder}: holds weights that {type(module).__name__} has not, one is "
            f"{lacking.unexpected_keys[0]}; name the folder of this part"
        )


def _autoencoder(args: argparse.Namespace, config, model, size: int) -> int:
    from ragdiffusion.training.autoencoder import imagenet_loss, train_autoencoder
    from ragdiffusion.training.sources import autoencoder_images

    perceptual = imagenet_loss(args.perceptual, config.device)
    images, held_out = autoencoder_images(args.garments, size, limit=args.limit)
    train_autoencoder(config, images, held_out, model=model, crop=args.crop, perceptual=perceptual)
    return 0


def _denoiser(args: argparse.Namespace, config) -> int:
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.training.denoiser import train_denoiser
    from ragdiffusion.training.encoders import DenoiserSamples
    from ragdiffusion.training.rolling_pool import Encoders
    from ragdiffusion.training.sources import open_source
    from ragdiffusion.training.training_bank import training_bank

    if args.encoders and args.pool is None:
        raise ValueError(f"--encoders {args.encoders} fill a pool: give its size with --pool, such as 20000")
    if args.checkpoint is None:
        raise ValueError("train denoiser needs --checkpoint: the folder with trained autoencoder, StructureNet, bank")
    model = RAGDiffusion.from_pretrained(args.checkpoint, preset=args.preset, device=args.device)
    source = open_source(args.garments, model.image_size, **_mixture(args))
    encoders = None
    if args.encoders:
        recipe = DenoiserSamples(
            checkpoint=args.checkpoint,
            preset=args.preset,
            garments=args.garments,
            synthetic=args.synthetic,
            worn=args.worn,
            limit=args.limit,
            device=args.device,
        )
        encoders = Encoders(recipe=recipe, processes=args.encoders, uses=args.uses)
    train_denoiser(
        config,
        source.draw,
        source.held_out_pairs(8),
        pipeline=model.pipeline,
        bank=training_bank(model.bank),
        pool=args.pool,
        encoders=encoders,
    )
    return 0
