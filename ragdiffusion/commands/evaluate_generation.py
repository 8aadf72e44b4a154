"""`evaluate generation`: finished pictures against known flat-lays."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ragdiffusion.commands.common import add_model_arguments, check_png_target, load_model, print_json
from ragdiffusion.files import write_pictures

SYNTHETIC = "synthetic"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--dataset",
        default=SYNTHETIC,
        metavar="FOLDER|synthetic",
        help="val.csv beside val/CATEGORY/ID.jpg and ID.png, or garments that the engine draws (default %(default)s)",
    )
    parser.add_argument(
        "--split",
        choices=("val", "held-out"),
        default="val",
        help="of a folder: val measures; what "
        "ships is chosen on the training garments that no trainer draws (default %(default)s)",
    )
    parser.add_argument(
        "--display",
        choices=("mixed", "laid", "hung", "worn"),
        default="mixed",
        help="of drawn garments (default %(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, default=40, help="pictures to make, spread over the list, 2 or more (default %(default)s)"
    )
    parser.add_argument(
        "--landmark",
        choices=("truth", "retrieved"),
        default="truth",
        help="what the pictures obey: the flat-lay's own silhouette, or the bank's answer (default %(default)s)",
    )
    parser.add_argument("--steps", type=int, help="DDIM steps (default: the checkpoint's)")
    parser.add_argument(
        "--strength", type=float, help="share of the noise schedule that is run (default: the checkpoint's)"
    )
    parser.add_argument(
        "--correction",
        type=float,
        default=1.0,
        help="multiply MainNet's correction of the draft, on "
        "top of what the checkpoint keeps of it (default %(default)s)",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="draw 24 of the pictures beside their truth")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the pictures, judge them, print."""
    from tqdm import tqdm

    from ragdiffusion.evaluation.generation.faithfulness import drawn_samples, folder_samples
    from ragdiffusion.evaluation.generation.measure import judge, make_pictures, summarise_generation
    from ragdiffusion.evaluation.generation.sheet import draw_sheet
    from ragdiffusion.metrics.perceptual import load_perceptual_features

    if args.limit < 2:
        raise ValueError(f"--limit is {args.limit}, 2 or more wanted: FID and KID compare sets")
    if args.correction < 0:
        raise ValueError(f"--correction is {args.correction}, 0 or more wanted")
    if args.sheet is not None:
        check_png_target(args.sheet, [])
    features = load_perceptual_features()
    model = load_model(args)
    _scale_correction(model, args.correction)
    features.to(model.device)
    if args.dataset == SYNTHETIC:
        display = None if args.display == "mixed" else args.display
        samples = drawn_samples(model.image_size, args.limit, display=display)
    else:
        samples = folder_samples(Path(args.dataset), model.image_size, args.limit, split=args.split)

    def reconstruct(images: Any) -> Any:
        return model.pipeline.decode(model.pipeline.encode(images))

    trials = list(
        tqdm(
            make_pictures(model, samples, landmark=args.landmark, steps=args.steps, strength=args.strength),
            total=len(samples),
            desc="pictures",
            unit="picture",
        )
    )
    judged = [
        judge(trial, features, reconstruct, device=model.device) for trial in tqdm(trials, desc="judge", unit="picture")
    ]
    report = {
        **summarise_generation(judged, landmark=args.landmark),
        "dataset": args.dataset,
        "part": args.display if args.dataset == SYNTHETIC else args.split,
        "landmark": args.landmark,
        "steps": args.steps or model.defaults.steps,
        "strength": args.strength or model.defaults.strength,
        "correction": args.correction,
        "checkpoint": model.checkpoint,
        "bank_version": model.bank.version,
    }
    if args.sheet is not None:
        write_pictures({args.sheet: draw_sheet(trials)})
    if args.json:
        print_json(report)
    else:
        _print_table(report)
    return 0


def _scale_correction(model: Any, share: float) -> None:
    import torch

    if share != 1 and not model.pipeline.denoiser.takes_draft:
        raise ValueError(f"--correction is for presets with a draft; {model.preset} draws without one")
    with torch.no_grad():
        for weight in model.pipeline.unet.conv_out.parameters():
            weight.mul_(share)


def _print_table(report: dict[str, Any]) -> None:
    aside, apart = report["unaligned"], report["distances"]
    figure = lambda value, form: "-" if value is None else format(value, form)  # noqa: E731
    rows = [
        (
            "gap_closed",
            figure(report["gap_closed"], ".3f"),
            "defined for the true landmark only"
            if report["gap_closed"] is None
            else f"bare draft {figure(report['draft_gap_closed'], '.3f')}",
        ),
        ("landmark_iou", figure(report["landmark_iou"], ".3f"), f"landmark {report['landmark']}"),
        ("delta_e", figure(report["delta_e"], ".2f"), "median of medians, aligned"),
        ("ssim", figure(report["ssim"], ".4f"), f"aligned; {aside['ssim']:.4f} as it is"),
        ("lpips_effnet", figure(report["lpips_effnet"], ".4f"), f"aligned; {aside['lpips_effnet']:.4f} as it is"),
        ("dists_effnet", figure(report["dists_effnet"], ".4f"), f"aligned; {aside['dists_effnet']:.4f} as it is"),
        ("fid_effnet", figure(report["fid_effnet"], ".2f"), f"of {report['n']} pictures"),
        ("kid_effnet", figure(report["kid_effnet"], ".4f"), ""),
        ("autoencoder PSNR", figure(report["autoencoder_psnr"], ".1f"), "dB, of the truth"),
        ("seconds", figure(report["seconds"], ".2f"), "photo to picture, median"),
    ]
    for name, value, note in rows:
        print(f"{name:<18} {value:>8}  {note}".rstrip())
    print(
        f"distances to the truth: filled landmark {apart['filled']:.4f}, draft {figure(apart['draft'], '.4f')}, "
        f"output {apart['output']:.4f}, autoencoder {apart['reconstructed']:.4f}"
    )
    print(
        f"{report['dataset']} ({report['part']}), {report['steps']} steps, strength {report['strength']:g}, "
        f"correction {report['correction']:g}, checkpoint {report['checkpoint']}"
    )
    print(f"LPIPS, DISTS, FID, KID with their standard weights: {report['standard_weights']}")
