"""`generate PHOTO --out OUT.png`: the flat-lay picture of a photo's garment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.commands.common import (
    add_guide_arguments,
    add_model_arguments,
    check_png_target,
    load_model,
    print_json,
    write_pictures,
)

if TYPE_CHECKING:
    from PIL import Image

    from ragdiffusion.api import GenerationResult, RAGDiffusion
    from ragdiffusion.retrieval.guide import StructureGuide


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_guide_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.png", help="the picture; its landmark is "
                        "written beside it as OUT.landmark.png")
    landmark = parser.add_mutually_exclusive_group()
    landmark.add_argument("--landmark", metavar="MASK.png", help="a silhouette to obey instead of the bank's: square, "
                          "white on the garment")
    landmark.add_argument("--candidate", type=int, metavar="N", help="obey this candidate of `retrieve`, from 0 "
                          "(default: the consensus)")
    parser.add_argument("--steps", type=int, help="DDIM steps (default: the checkpoint's, 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default %(default)s)")
    parser.add_argument("--guidance", type=float, help="classifier-free guidance scale, 1 is off (default: the "
                        "checkpoint's)")
    parser.add_argument("--strength", type=float, help="share of the noise schedule that is run, above 0 to 1; below 1 "
                        "starts from the noised draft (default: the checkpoint's)")
    parser.add_argument("--size", type=int, help="side of the picture, pixels; the detail of a large one comes from "
                        "the photo, whose own longer side is the most it can have (default: the checkpoint's, 256)")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Retrieve, generate, write both pictures, print what was done."""
    from ragdiffusion.attributes import parse_assignments
    from ragdiffusion.images import load_photo, tensor_to_mask_image

    landmark_path = args.out.with_name(f"{args.out.stem}.landmark.png")
    for path in (args.out, landmark_path):
        check_png_target(path, [args.photo, args.landmark])
    photo = load_photo(args.photo)
    attributes = parse_assignments(args.attributes) if args.attributes else None
    model = load_model(args)
    size = _possible_size(args.size, model, photo)
    guide = model.retrieve(photo, k=args.k, alpha=args.alpha, attributes=attributes)
    if args.landmark is not None:
        guide = guide.edit(model.landmark_from_mask(args.landmark))
    elif args.candidate is not None:
        guide = guide.pick(args.candidate)
    result = _generate(model, photo, guide, args, size)
    write_pictures({args.out: result.image, landmark_path: tensor_to_mask_image(result.landmark)})
    if args.json:
        print_json({**guide.summary(), "timings_ms": result.timings_ms, "image": str(args.out),
                    "landmark": str(landmark_path), "size": result.image.width, "seed": result.seed,
                    "steps": result.steps, "peak_rss_mb": result.peak_rss_mb})
    else:
        print(f"{args.out} and {landmark_path} written: seed {result.seed}, {result.steps} steps, "
              f"{result.timings_ms['total'] / 1e3:.1f} s, at most {result.peak_rss_mb:.0f} MB")
    return 0


def _possible_size(size: int | None, model: RAGDiffusion, photo: Image.Image) -> int | None:
    """The size asked for, cut with a notice to the photo's own, so that one command serves photos of any size."""
    if size is None or size <= (limit := model.largest_size(photo)):
        return size
    print(f"note: --size {size} is cut to {limit}, the most for a photo of {photo.width}x{photo.height}",
          file=sys.stderr)
    return limit


def _generate(model: RAGDiffusion, photo: Image.Image, guide: StructureGuide, args: argparse.Namespace,
              size: int | None) -> GenerationResult:
    """Generate under a progress bar; it appears with the first step, so after all that was given is checked."""
    from tqdm import tqdm

    bar: tqdm | None = None

    def show(step: int, count: int, _preview: object) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=count, unit="step", desc="generate")
        bar.update(step - bar.n)

    try:
        return model.generate(photo, guide, seed=args.seed, steps=args.steps, strength=args.strength,
                              guidance=args.guidance, size=size, on_step=show)
    finally:
        if bar is not None:
            bar.close()
