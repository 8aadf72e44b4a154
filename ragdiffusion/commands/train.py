"""`train flow|autoencoder|structure|denoiser`: train one part, or go on where it stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

PARTS = {
    "flow": "the appearance flow",
    "autoencoder": "the studio's autoencoder",
    "structure": "StructureNet and its attribute heads",
    "denoiser": "MainNet, ReferenceNet, EP-Adapter, Landmark Guider and text encoder",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("part", choices=PARTS, help="; ".join(f"{name}: {what}" for name, what in PARTS.items()))
    parser.add_argument("--out", type=Path, required=True, help="folder of state, log and samples; resumed if it has a "
                        "state")
    parser.add_argument("--minutes", type=float, required=True, help="time budget; the last part lowers the learning "
                        "rate")
    parser.add_argument("--garments", type=Path, help="folder of real garments (train.csv beside train/); without it "
                        "all pairs are drawn by the engine")
    parser.add_argument("--synthetic", type=float, default=0.3, help="share of drawn pairs (default %(default)s)")
    parser.add_argument("--preset", default="studio")
    parser.add_argument("--checkpoint", type=Path, help="denoiser only: checkpoint with trained autoencoder, "
                        "StructureNet, flow and bank")
    parser.add_argument("--steps", type=int, help="stop after so many optimiser steps in all")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--cooldown", type=float, default=0.25, help="share of the budget in which the learning rate "
                        "falls to 0")
    parser.add_argument("--workers", type=int, default=1, help="processes that make data")
    parser.add_argument("--threads", type=int, help="torch threads")
    parser.add_argument("--sample-every", type=int, default=500)
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds between saved states")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="take only so many real garments")
    parser.add_argument("--bfloat16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--device", default="cpu")


def run(args: argparse.Namespace) -> int:
    """Train."""
    import logging

    import cv2
    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.generation.build import build_components
    from ragdiffusion.training.loop import LoopConfig

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)  # its threads do not survive the fork of data workers
    preset = get_preset(args.preset)
    config = LoopConfig(
        out=args.out, minutes=args.minutes, steps=args.steps, batch_size=args.batch_size,
        learning_rate=args.learning_rate, cooldown=args.cooldown, workers=args.workers, threads=args.threads,
        seed=args.seed, sample_every=args.sample_every, save_every=args.save_every, bfloat16=args.bfloat16,
        device=args.device)
    torch.manual_seed(args.seed)
    if args.part == "denoiser":
        return _denoiser(args, config)
    components = build_components(preset)
    if args.part == "autoencoder":
        return _autoencoder(args, config, components["vae"], preset.image_size)
    from ragdiffusion.training.sources import HELD_OUT, open_source

    if args.part == "structure":
        from ragdiffusion.training.structure import train_structure

        net = components["structure_net"]
        source = open_source(args.garments, net.image_size, synthetic=args.synthetic, limit=args.limit)
        train_structure(config, source.draw_structures, source.held_out_structures(HELD_OUT), model=net)
        return 0
    from ragdiffusion.training.flow import train_flow

    flow = components["appearance_flow"]
    if flow is None:
        raise ValueError(f"the preset {preset.name!r} draws without an appearance flow: nothing to train")
    source = open_source(args.garments, flow.config.input_size, synthetic=args.synthetic, limit=args.limit)
    train_flow(config, source.draw, source.held_out_pairs(HELD_OUT), model=flow)
    return 0


def _autoencoder(args: argparse.Namespace, config, model, size: int) -> int:
    from ragdiffusion.training.autoencoder import train_autoencoder
    from ragdiffusion.training.sources import autoencoder_images

    images, held_out = autoencoder_images(args.garments, size, limit=args.limit)
    train_autoencoder(config, images, held_out, model=model)
    return 0


def _denoiser(args: argparse.Namespace, config) -> int:
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.training.denoiser import train_denoiser, training_bank
    from ragdiffusion.training.sources import open_source

    if args.checkpoint is None:
        raise ValueError("train denoiser needs --checkpoint: the folder with trained autoencoder, StructureNet, bank")
    model = RAGDiffusion.from_pretrained(args.checkpoint, preset=args.preset, device=args.device)
    source = open_source(args.garments, model.image_size, synthetic=args.synthetic, limit=args.limit)
    train_denoiser(config, source.draw, source.held_out_pairs(8), pipeline=model.pipeline,
                   bank=training_bank(model.bank))
    return 0

