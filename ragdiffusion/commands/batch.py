"""`batch SRC… DST`: the flat-lay picture of every photo in folders, with a report; goes on where it stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.commands.common import MODEL_SIZE, add_model_arguments, add_sampling_arguments, print_json, turn_of
from ragdiffusion.parsing.choice import GARMENT_HELP
from ragdiffusion.ray_cluster import RAY_HELP, Cluster

if TYPE_CHECKING:
    from ragdiffusion.batch.executors import Executor
    from ragdiffusion.batch.request import PictureRequest
    from ragdiffusion.batch.run import BatchResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sources", metavar="SRC", nargs="+", type=Path, help="folders with photos, or photos")
    parser.add_argument(
        "destination",
        metavar="DST",
        help="folder or address (s3://..., gs://...) for the pictures, laid out as the folders of their photos, and "
        "report.csv; a folder is made if missing",
    )
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take the folders inside the folders too (default: yes)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="processes that work at once, each with a model of its own (default %(default)s)",
    )
    parser.add_argument("--ray", metavar="WHERE", help=RAY_HELP)
    parser.add_argument(
        "--gpus-per-worker",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="with --ray: GPUs of each worker; 0.5 puts two on one, 0 works on the CPU (default %(default)s)",
    )
    parser.add_argument(
        "--together",
        type=int,
        default=1,
        metavar="N",
        help="pictures in one call of the model; more are faster on a GPU (default %(default)s)",
    )
    parser.add_argument("--again", action="store_true", help="make pictures that are there already once more")
    parser.add_argument(
        "--garment", metavar="WHICH", help=f"{GARMENT_HELP}; or each: one picture per garment, as PHOTO.upper.png"
    )
    parser.add_argument(
        "--turn",
        type=turn_of,
        metavar="DEGREES",
        help="turn every photo by 90, 180 or 270 degrees clockwise before it is looked at, and what --garment marks in "
        "it; auto: those that look turned (default: as they are, and the report says which look turned; 0 says that "
        "all are upright)",
    )
    parser.add_argument(
        "--drafted", action="store_true", help="obey the shape that is drafted for each photo, not the consensus"
    )
    parser.add_argument("--k", type=int, help="candidates (default: the checkpoint's)")
    parser.add_argument("--alpha", type=float, help="share of the reconstruction in Eq. 3 (default: the checkpoint's)")
    parser.add_argument(
        "--attributes",
        action="append",
        metavar="k=v",
        help="an attribute for all photos, such as collar=Polo; may be given several times",
    )
    add_sampling_arguments(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the batch and print what it did."""
    from tqdm import tqdm

    from ragdiffusion.batch.destination import open_destination
    from ragdiffusion.batch.run import run_batch

    result = run_batch(
        args.sources,
        open_destination(args.destination),
        request_of(args),
        executor_of(args),
        again=args.again,
        recursive=args.recursive,
        track=lambda rows, total: tqdm(rows, total=total, unit="picture", desc="batch"),
    )
    _print(result, args)
    return 1 if result.failed else 0


def executor_of(args: argparse.Namespace) -> Executor:
    """Who makes the pictures.

    Raises:
        ValueError: if there are too many or too few workers, or GPUs are shared out without Ray.
    """
    from ragdiffusion.batch.executors import local_executor
    from ragdiffusion.batch.ray_executor import RayActors

    if args.ray is not None:
        return RayActors(Cluster(args.ray), actors=args.workers, gpus=args.gpus_per_worker)
    if args.gpus_per_worker:
        raise ValueError("--gpus-per-worker shares out the GPUs of a Ray cluster: add --ray, or leave it out")
    return local_executor(args.workers)


def request_of(args: argparse.Namespace) -> PictureRequest:
    """What the arguments ask for.

    Raises:
        ValueError: if an attribute can't be read.
    """
    from ragdiffusion.attributes import parse_assignments
    from ragdiffusion.batch.request import PictureRequest

    return PictureRequest(
        preset=args.preset,
        checkpoint=args.checkpoint,
        bank=args.bank,
        device=args.device,
        dtype=args.dtype,
        offload=args.offload,
        compiled=args.compile,
        reader=args.reader,
        parser=args.parser,
        k=args.k,
        alpha=args.alpha,
        attributes=parse_assignments(args.attributes) if args.attributes else None,
        steps=args.steps,
        seed=args.seed,
        guidance=args.guidance,
        strength=args.strength,
        size=None if args.size == MODEL_SIZE else args.size,
        garment=args.garment,
        turn=args.turn,
        drafted=args.drafted,
        together=args.together,
    )


def _print(result: BatchResult, args: argparse.Namespace) -> None:
    from ragdiffusion.picture_files import name_left_out

    if result.left_out:
        print(name_left_out(result.left_out, Path()), file=sys.stderr)
    if result.look_turned:
        print(
            f"note: {len(result.look_turned)} of the photos made now look turned, by what looks_turned says in the "
            "report; --turn auto turns such ones, --turn 0 says that they are upright",
            file=sys.stderr,
        )
    if args.json:
        print_json(
            {
                "photos": result.photos,
                "already_done": result.already_done,
                "made": result.made,
                "pictures": result.pictures,
                "failed": {row.photo: row.error for row in result.failed},
                "look_turned": {row.photo: int(row.looks_turned) for row in result.look_turned},
                "left_out": [str(path) for path in result.left_out],
                "seconds": result.seconds,
                "report": result.report,
            }
        )
        return
    print(
        f"{result.photos} photos: {result.made} made, {result.already_done} were there, {len(result.failed)} failed, "
        f"{result.seconds:.1f} s; {result.report}"
    )
    for row in result.failed:
        print(f"  {row.photo}: {row.error}")
