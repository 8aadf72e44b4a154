"""`train paper denoiser|structure`: as the paper trains them, over several processes (4.1).

Start it by `accelerate launch --config_file FILE -m ragdiffusion train paper …`; without a launcher it is one process.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ragdiffusion.commands.train_pgea import add_scale_arguments, check_same_words, scale_config

_LEARNING_RATE = 5e-5
_STEPS = {"denoiser": 100_000, "structure": 50_000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "what",
        choices=tuple(_STEPS),
        help="denoiser: MainNet, ReferenceNet, EP-Adapter and Landmark "
        "Guider; structure: StructureNet, its batch contrasted over all processes",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        help="what to start from, of `checkpoint build sdxl`; for the denoiser with a trained StructureNet and a bank",
    )
    parser.add_argument("--preset", default="sdxl", help="of the checkpoint (default %(default)s)")
    parser.add_argument(
        "--garments", type=Path, help="data set or pack of real garments; without it all pairs are drawn by the engine"
    )
    parser.add_argument("--synthetic", type=float, default=0.0, help="share of drawn pairs (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of states, log and samples; resumed if it has a state"
    )
    parser.add_argument(
        "--pool",
        type=int,
        default=65_536,
        help="denoiser: encode so many samples, latents and text, "
        "before it starts (at 768 pixels 1.2 MB each; default %(default)s)",
    )
    parser.add_argument(
        "--held-out",
        type=int,
        default=8,
        metavar="N",
        help="denoiser: pairs that are drawn and measured while it trains (default %(default)s)",
    )
    parser.add_argument("--limit", type=int, help="take only so many real garments")
    add_scale_arguments(parser, steps="100,000 for the denoiser, 50,000 for StructureNet", learning_rate="5e-5")


def run(args: argparse.Namespace) -> int:
    """Train."""
    import logging

    import cv2

    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.training.scale.loop import open_accelerator

    quiet_libraries()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)
    config = scale_config(args, out=args.out, steps=_STEPS[args.what], learning_rate=_LEARNING_RATE)
    with open_accelerator(config) as accelerator:
        check_same_words(args)
        return (_denoiser if args.what == "denoiser" else _structure)(args, config, accelerator)


def _denoiser(args: argparse.Namespace, config, accelerator) -> int:  # noqa: ANN001
    import numpy as np
    import torch

    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.training.denoiser import denoiser_batch, sample_sheet
    from ragdiffusion.training.latents import LatentPool, shards_of
    from ragdiffusion.training.scale.loop import take_average, train_at_scale
    from ragdiffusion.training.scale.paper import PaperDenoiser, PaperSamples, encode_pool
    from ragdiffusion.training.sources import open_source
    from ragdiffusion.training.training_bank import training_bank

    model = RAGDiffusion.from_pretrained(args.checkpoint, preset=args.preset, device=str(accelerator.device))
    pipeline, bank = model.pipeline, training_bank(model.bank)
    source = open_source(args.garments, model.image_size, synthetic=args.synthetic, limit=args.limit)
    folder = args.out / "pool"
    encode_pool(
        folder,
        pipeline,
        source.draw,
        size=args.pool,
        seed=args.seed,
        batch_size=config.batch_size,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    accelerator.wait_for_everyone()
    samples = PaperSamples(LatentPool(folder, shards=shards_of(args.pool)), args.seed)
    held_out = source.held_out_pairs(args.held_out)
    fixed = iter(held_out)
    test = {
        name: torch.from_numpy(rows).to(accelerator.device)
        for name, rows in denoiser_batch(
            lambda rng: next(fixed), pipeline.structure_net.image_size, np.random.default_rng(0), len(held_out)
        ).items()
    }
    module = PaperDenoiser(pipeline, bank)
    average = train_at_scale(
        config,
        module,
        samples,
        accelerator=accelerator,
        on_sample=lambda _, step: sample_sheet(pipeline, bank, test, config.out / f"sheet-{step:07d}.jpg"),
    )
    if accelerator.is_main_process:
        take_average(module, average)
        module.save(args.out)
        print(f"{args.out}: MainNet, ReferenceNet, EP-Adapter and Landmark Guider after {config.steps} steps")
    return 0


def _structure(args: argparse.Namespace, config, accelerator) -> int:  # noqa: ANN001
    from ragdiffusion.structure.structure_net import StructureNet
    from ragdiffusion.training.scale.loop import take_average, train_at_scale
    from ragdiffusion.training.scale.paper import PaperStructure, StructureSamples
    from ragdiffusion.training.sources import open_source

    net = StructureNet.from_pretrained(args.checkpoint / "structure_net", low_cpu_mem_usage=False).float()
    source = open_source(args.garments, net.image_size, synthetic=args.synthetic, limit=args.limit)
    module = PaperStructure(net)
    samples = StructureSamples(source.draw_structures, args.seed, accelerator.num_processes)
    average = train_at_scale(config, module, samples, accelerator=accelerator)
    if accelerator.is_main_process:
        take_average(module, average)
        net.eval().save_pretrained(args.out / "structure_net")
        print(f"{args.out / 'structure_net'}: StructureNet after {config.steps} steps")
    return 0
