"""`generate PHOTO --out OUT.png`: the flat-lay picture of a photo's garment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.commands.common import (
    DRAFTED_HELP,
    MODEL_SIZE,
    add_guide_arguments,
    add_model_arguments,
    add_sampling_arguments,
    check_png_target,
    load_model,
    parse_measures,
    print_json,
)
from ragdiffusion.files import write_pictures

if TYPE_CHECKING:
    import torch

    from ragdiffusion.api import GenerationResult, PictureSize, RAGDiffusion, Sight
    from ragdiffusion.retrieval.guide import StructureGuide
    from ragdiffusion.turned_photo import Look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_guide_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="OUT.png",
        help="the picture; its landmark is written beside it as OUT.landmark.png",
    )
    landmark = parser.add_mutually_exclusive_group()
    landmark.add_argument(
        "--landmark",
        metavar="MASK.png",
        help="a silhouette to obey instead of the bank's: square, "
        "or of the photo's shape and lying over it; white, opaque or the lighter of two colours on "
        "the garment",
    )
    landmark.add_argument(
        "--candidate", type=int, metavar="N", help="obey this candidate of `retrieve`, from 0 (default: the consensus)"
    )
    landmark.add_argument("--drafted", nargs="*", metavar="MEASURE=VALUE", help=DRAFTED_HELP)
    parser.add_argument("--invert-mask", action="store_true", help="the --landmark marks the ground, not the garment")
    add_sampling_arguments(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Retrieve, generate, write both pictures, print what was done."""
    from ragdiffusion.attributes import parse_assignments
    from ragdiffusion.commands.turned_photo import note, see_photo
    from ragdiffusion.images import load_photo_and_alpha
    from ragdiffusion.parsing.choice import one_garment, parse_choice

    landmark_path = args.out.with_name(f"{args.out.stem}.landmark.png")
    for path in (args.out, landmark_path):
        check_png_target(path, [args.photo, args.landmark])
    if args.invert_mask and args.landmark is None:
        raise ValueError("--invert-mask turns a --landmark round, and there is none")
    photo, _ = load_photo_and_alpha(args.photo)  # before the weights are loaded, which takes seconds
    garment = None if args.garment is None else one_garment(parse_choice(args.garment))
    attributes = parse_assignments(args.attributes) if args.attributes else None
    measures = None if args.drafted is None else parse_measures(args.drafted)
    model = load_model(args)
    look = see_photo(model, args, garment)
    sight = look.require()
    size = _possible_size(args.size, model, sight)
    guide = model.retrieve(sight, k=args.k, alpha=args.alpha, attributes=attributes)
    if args.landmark is not None:
        guide = guide.edit(_landmark(model, look, photo.size, args))
    elif args.candidate is not None:
        guide = guide.pick(args.candidate)
    elif measures is not None:
        guide = guide.draft_with(measures)
    result = _generate(model, sight, guide, args, size)
    for line in result.notes:
        note(line)
    silhouette = model.silhouette(result.landmark, result.image.width, model.pattern(guide))
    write_pictures({args.out: result.image, landmark_path: silhouette})
    if args.json:
        print_json(
            {
                **guide.summary(),
                "landmark_source": guide.landmark_source,
                "measures": None if guide.pattern is None else dict(guide.pattern.measures),
                "timings_ms": result.timings_ms,
                "image": str(args.out),
                "landmark": str(landmark_path),
                "size": result.image.width,
                "seed": result.seed,
                "steps": result.steps,
                "peak_rss_mb": result.peak_rss_mb,
                "seen": result.seen,
            }
        )
    else:
        print(
            f"{args.out} and {landmark_path} written: seed {result.seed}, {result.steps} steps, "
            f"{result.timings_ms['total'] / 1e3:.1f} s, at most {result.peak_rss_mb:.0f} MB"
        )
    return 0


def _landmark(model: RAGDiffusion, look: Look, size: tuple[int, int], args: argparse.Namespace) -> torch.Tensor:
    """The --landmark; one that lies over the photo's file (of that size) turns with the photo."""
    from ragdiffusion.images import lies_over, load_mask, turned_plane

    invert = True if args.invert_mask else None
    if look.turned and lies_over(mask := load_mask(args.landmark, invert=invert), size):
        return model.landmark_from_mask(turned_plane(mask, look.turned), photo=look.require(), invert=False)
    return model.landmark_from_mask(args.landmark, photo=look.require(), invert=invert)


def _possible_size(size: int | str, model: RAGDiffusion, sight: Sight) -> PictureSize:
    """The size asked for, cut with a notice to the photo's own, so that one command serves photos of any size."""
    if isinstance(size, str):
        return None if size == MODEL_SIZE else "photo"
    if size <= (limit := model.largest_size(sight)):
        return size
    print(
        f"note: --size {size} is cut to {limit}, the most for a photo of {sight.image.width}x{sight.image.height}",
        file=sys.stderr,
    )
    return limit


def _generate(
    model: RAGDiffusion, sight: Sight, guide: StructureGuide, args: argparse.Namespace, size: PictureSize
) -> GenerationResult:
    """Generate under a progress bar; it appears with the first step, so after all that was given is checked."""
    from tqdm import tqdm

    bar: tqdm | None = None

    def show(step: int, count: int, _preview: object) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=count, unit="step", desc="generate")
        bar.update(step - bar.n)

    try:
        return model.generate(
            sight,
            guide,
            seed=args.seed,
            steps=args.steps,
            strength=args.strength,
            guidance=args.guidance,
            size=size,
            on_step=show,
        )
    finally:
        if bar is not None:
            bar.close()
