"""`ablation`: train the paper's variants alike, measure them on held-out garments, print its tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import load_model, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragdiffusion.training.loop import LoopConfig

ENOUGH = 1e6  # minutes: these trainings are counted in steps
WARMUP = 50  # steps; the same however many follow, so that variants which go on stay alike


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of the trainings, the encoded samples and the results; what is there already is not made again",
    )
    parser.add_argument(
        "--garments",
        type=Path,
        help="data set of real garments with train.csv and val.csv; without it all are drawn by the engine",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=1000,
        help="optimiser steps of each variant and of the mask network (default %(default)s)",
    )
    parser.add_argument(
        "--autoencoder-steps", type=int, default=2000, help="of each of the two autoencoders (default %(default)s)"
    )
    parser.add_argument(
        "--perceptual",
        type=float,
        default=0.2,
        metavar="WEIGHT",
        help="of the ImageNet distance in the autoencoders' loss (default %(default)s)",
    )
    parser.add_argument(
        "--pool", type=int, default=4000, help="samples that the variants learn from (default %(default)s)"
    )
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--synthetic", type=float, default=0.2, help="share of drawn samples (default %(default)s)")
    parser.add_argument("--garments-limit", type=int, metavar="N", help="learn from only so many garments")
    parser.add_argument("--limit", type=int, default=40, help="held-out garments to measure on (default %(default)s)")
    parser.add_argument("--sampling-steps", type=int, default=30, help="of DDIM (default %(default)s)")
    parser.add_argument(
        "--train-preset",
        default="ablation",
        metavar="PRESET",
        help="of the variants: studio trains them at full size (default %(default)s)",
    )
    parser.add_argument(
        "--preset", default="studio", help="of the checkpoint that retrieves and lays drafts (default %(default)s)"
    )
    parser.add_argument("--checkpoint", metavar="FOLDER", help="that checkpoint (default: the bundled one)")
    parser.add_argument("--bank", metavar="FILE", help="its bank (default: beside it)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="torch threads")
    parser.add_argument("--bfloat16", action="store_true", help="train the variants in bfloat16 autocast")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="draw 8 garments, a column for each row of Table 2"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Train what is not trained, measure what is not measured, print."""
    import logging

    import cv2
    import torch

    from ragdiffusion.config import get_preset

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.limit < 2:
        raise ValueError(f"--limit is {args.limit}, 2 or more wanted: FID and KID compare sets")
    if args.steps < 1 or args.autoencoder_steps < 1:
        raise ValueError(f"--steps {args.steps}, --autoencoder-steps {args.autoencoder_steps}: 1 or more wanted")
    args.reader, args.parser, args.dtype, args.offload, args.compile = "heads", "bundled", "float32", "whole", False
    report = ablate(args, get_preset(args.train_preset))
    if args.json:
        print_json(report)
    else:
        print(report["markdown"])
    return 0


def ablate(args: argparse.Namespace, preset: Any) -> dict[str, Any]:
    """The whole ablation on a preset.

    Args:
        args: the options.
        preset: of the variants.

    Returns:
        `settings`, the tables by name (`table_2`, `table_7`, `alpha`, `steps`) with `rows`, `paper` and `orders`, and
        all of them in Markdown.
    """
    if preset.flow is None:
        raise ValueError(f"the preset {preset.name!r} draws without a draft, which one row of the ablation needs")
    _check_same(args, preset)
    model = load_model(args)
    autoencoders = _autoencoders(args, preset)
    trained, mask_network = _variants(args, preset, model, autoencoders)
    figures = _measure(args, preset, model, trained, mask_network)
    return _report(args, preset, figures)


def _check_same(args: argparse.Namespace, preset: Any) -> None:
    """Refuse to go on in a folder whose autoencoders or samples were made otherwise."""
    from ragdiffusion.files import read_object, write_json

    names = ("autoencoder_steps", "perceptual", "pool", "batch_size", "learning_rate", "synthetic")
    own = {"preset": preset.name, "garments": str(args.garments), **{name: getattr(args, name) for name in names}}
    path = args.out / "settings.json"
    before = read_object(path, "choose another --out") if path.is_file() else own
    if changed := [name for name, value in own.items() if before.get(name) != value]:
        raise ValueError(
            f"{args.out} holds an ablation with {changed[0]} {before.get(changed[0])!r}, now it is "
            f"{own[changed[0]]!r}: variants compare only when they are trained alike; choose another "
            "--out"
        )
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(path, own)


def _config(args: argparse.Namespace, name: str, steps: int, **changes: Any) -> LoopConfig:
    from ragdiffusion.training.loop import LoopConfig

    return LoopConfig(
        **{
            **dict(
                out=args.out / name,
                minutes=ENOUGH,
                steps=steps,
                batch_size=args.batch_size,
                learning_rate=args.learning_rate,
                warmup=WARMUP,
                workers=0,
                threads=args.threads,
                bfloat16=args.bfloat16,
                device=args.device,
            ),
            **changes,
        }
    )


def _autoencoders(args: argparse.Namespace, preset: Any) -> dict[int, Any]:
    """Both autoencoders, trained alike; by channels."""
    from ragdiffusion.generation.autoencoder import GarmentAutoencoder
    from ragdiffusion.generation.builder.untrained import build_autoencoder
    from ragdiffusion.training.ablation import CHANNELS
    from ragdiffusion.training.autoencoder import imagenet_loss, train_autoencoder
    from ragdiffusion.training.sources import autoencoder_images
    from ragdiffusion.training.state import read_step

    folders = {channels: args.out / f"autoencoder-{channels}" for channels in CHANNELS}
    missing = [
        c
        for c, folder in folders.items()
        if read_step(folder) < args.autoencoder_steps or not (folder / "vae" / "config.json").is_file()
    ]
    if missing:
        images, held_out = autoencoder_images(args.garments, preset.image_size, limit=args.garments_limit)
        perceptual = imagenet_loss(args.perceptual, args.device)
    for channels in missing:
        import torch

        torch.manual_seed(0)
        train_autoencoder(
            _config(args, folders[channels].name, args.autoencoder_steps, bfloat16=False),
            images,
            held_out,
            model=build_autoencoder(preset.with_latent_channels(channels)),
            crop=preset.image_size // 2,
            perceptual=perceptual,
        )
    return {
        channels: GarmentAutoencoder.from_pretrained(folder / "vae", low_cpu_mem_usage=False).to(args.device)
        for channels, folder in folders.items()
    }


def _variants(
    args: argparse.Namespace, preset: Any, model: Any, autoencoders: Mapping[int, Any]
) -> tuple[dict[str, Any], Any]:
    """Every variant's pipeline, by name, and the mask network, all trained."""
    from ragdiffusion.training.ablation import (
        VARIANTS,
        mask_network,
        own_pairs,
        shared_pool,
        train_mask_network,
        train_variant,
        untouched_copy,
        variant_pipeline,
    )
    from ragdiffusion.training.sources import open_source
    from ragdiffusion.training.training_bank import training_bank

    starts = {
        channels: variant_pipeline(model.pipeline, preset, vae, seed=0).to(args.device)
        for channels, vae in autoencoders.items()
    }
    source = open_source(args.garments, preset.image_size, synthetic=args.synthetic, limit=args.garments_limit)
    pool = shared_pool(args.out / "pool", starts.values(), own_pairs(source), size=args.pool)
    del source
    bank = training_bank(model.bank)
    masks = train_mask_network(_config(args, "mask-network", args.steps), mask_network(), pool)
    return {
        variant.name: train_variant(
            _config(args, variant.name, args.steps),
            variant,
            untouched_copy(starts[variant.latent_channels]),
            bank,
            pool,
        )
        for variant in VARIANTS
    }, masks


def _measure(
    args: argparse.Namespace, preset: Any, model: Any, trained: Mapping[str, Any], mask_network: Any
) -> dict[tuple, dict[str, float]]:
    """The figures of every row, by its settings; those of `results.json` of the same trainings are kept."""

    from tqdm import tqdm

    from ragdiffusion.evaluation.ablation.measure import (
        ALPHAS,
        STEPS,
        TABLE_2,
        TABLE_7,
        make_row,
        measure_row,
        prepare_cases,
    )
    from ragdiffusion.evaluation.ablation.sheet import draw_rows
    from ragdiffusion.evaluation.generation.faithfulness import drawn_samples, folder_samples
    from ragdiffusion.files import read_object, write_json, write_pictures
    from ragdiffusion.metrics.perceptual import load_perceptual_features
    from ragdiffusion.training.ablation import VARIANTS

    asked = {
        "steps": args.steps,
        "autoencoder_steps": args.autoencoder_steps,
        "limit": args.limit,
        "garments": str(args.garments),
        "checkpoint": model.checkpoint,
        "bank": model.bank.version,
    }
    path = args.out / "results.json"
    kept = read_object(path, "remove it") if path.is_file() else {}
    rows = kept["rows"] if kept.get("asked") == asked else []
    done = {tuple(row["settings"]): row["figures"] for row in rows}
    wanted = {row.settings(args.sampling_steps): row for row in (*TABLE_2, *TABLE_7, *ALPHAS, *STEPS)}
    missing = {settings: row for settings, row in wanted.items() if settings not in done}
    if not missing and args.sheet is None:
        return done
    features = load_perceptual_features()
    samples = (
        drawn_samples(preset.image_size, args.limit)
        if args.garments is None
        else folder_samples(args.garments, preset.image_size, args.limit)
    )
    cases = prepare_cases(model, samples, features, preset.image_size)
    without = {variant.name: variant.without for variant in VARIANTS}

    def make(row: Any, some: Any) -> tuple[Any, Any]:
        return make_row(
            row,
            trained[row.variant],
            some,
            without=without[row.variant],
            steps=args.sampling_steps,
            mask_network=mask_network,
        )

    for settings, row in tqdm(missing.items(), desc="rows", unit="row"):
        done[settings] = measure_row(*make(row, cases), cases, features)
        write_json(
            path, {"asked": asked, "rows": [{"settings": list(key), "figures": value} for key, value in done.items()]}
        )
    if args.sheet is not None:
        write_pictures({args.sheet: draw_rows(TABLE_2, cases[:8], lambda row, some: make(row, some)[0])})
    return done


def _report(args: argparse.Namespace, preset: Any, figures: Mapping[tuple, dict[str, float]]) -> dict[str, Any]:
    from ragdiffusion.evaluation.ablation.measure import ALPHAS, STEPS, TABLE_2, TABLE_7
    from ragdiffusion.evaluation.ablation.tables import PAPER_TABLE_2, PAPER_TABLE_7, compare_orders, ours, table

    settings = {
        "preset": preset.name,
        "image_size": preset.image_size,
        "steps": args.steps,
        "batch_size": args.batch_size,
        "autoencoder_steps": args.autoencoder_steps,
        "pool": args.pool,
        "sampling_steps": args.sampling_steps,
        "n": args.limit,
    }
    report: dict[str, Any] = {"settings": settings}
    parts = []
    for name, title, rows, paper in (
        ("table_2", "Table 2: components (the paper's figures in brackets)", TABLE_2, PAPER_TABLE_2),
        ("table_7", "Table 7: K (the paper's figures in brackets)", TABLE_7, PAPER_TABLE_7),
        ("alpha", "α of Eq. 3 (the paper names 0.5 and gives no figures)", ALPHAS, None),
        ("steps", "DDIM steps (the paper: 30)", STEPS, None),
    ):
        found = {row.label: ours(figures[row.settings(args.sampling_steps)]) for row in rows}
        report[name] = {"rows": found, "paper": paper, "orders": compare_orders(found, paper) if paper else None}
        parts.append(table(title, found, paper))
    parts.append(
        f"{preset.name} preset at {preset.image_size} px, {args.steps} steps of {args.batch_size} samples "
        f"each out of a pool of {args.pool}, {args.limit} held-out garments, {args.sampling_steps} DDIM "
        "steps. LPIPS, DISTS, FID and KID are the `_effnet` ones; values compare within a table only."
    )
    return {**report, "markdown": "\n\n".join(parts)}
