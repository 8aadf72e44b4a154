"""`data import|attributes|preview|stats|pack|unpack|render|...`: the supply of training pairs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.ray_cluster import add_ray_arguments

if TYPE_CHECKING:
    from ragdiffusion.garments.datasets.base import Dataset

_SYNTHETIC = "synthetic"
_KNOWN = (
    "an imported dataset, a pack, real garments (train.csv beside train/), VITON-HD, DressCode, or a folder with "
    "pairs.csv or pairs.jsonl"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    from ragdiffusion.commands import (
        data_attributes,
        data_benchmark,
        data_pattern_page,
        data_patterns,
        data_people,
        data_realism,
    )

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    bring = _action(actions, "import", _import, "check and convert a dataset; run it again to go on after a stop")
    bring.add_argument(
        "layout",
        choices=("viton-hd", "dresscode", "folder"),
        help="how SRC is laid out; folder: "
        "pictures and a table of pairs (pairs.csv or pairs.jsonl with columns photo and standard)",
    )
    bring.add_argument("source", metavar="SRC", type=Path, help="the dataset; it is never changed")
    bring.add_argument("out", metavar="DST", type=Path, help="folder to write")
    bring.add_argument(
        "--size",
        type=int,
        default=768,
        help="longer side of the pictures written, pixels at most (default %(default)s)",
    )
    bring.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="threads (default: all cores)")
    bring.add_argument("--json", action="store_true", help="print the report as one JSON object and nothing else")

    preview = _action(actions, "preview", _preview, "write a contact sheet: photo, flat-lay and silhouette")
    preview.add_argument("source", metavar="SRC", help=f"{_KNOWN}; or the word {_SYNTHETIC} for drawn garments")
    preview.add_argument("out", metavar="PNG", type=Path, help="picture to write")
    preview.add_argument("--split", help="only this split")
    preview.add_argument("--count", type=int, default=24, help="samples, spread evenly (default %(default)s)")
    preview.add_argument("--columns", type=int, default=4, help="samples in a row (default %(default)s)")
    preview.add_argument("--cell", type=int, default=128, help="side of a picture, pixels (default %(default)s)")

    stats = _action(actions, "stats", _stats, "count pairs by split, category and attribute")
    stats.add_argument("source", metavar="SRC", type=Path, help=_KNOWN)
    stats.add_argument("--split", help="only this split")
    stats.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")

    pack = _action(actions, "pack", _pack, "write a dataset into shards of 16 MiB or less, to train from elsewhere")
    pack.add_argument("source", metavar="SRC", type=Path, help=_KNOWN)
    pack.add_argument("out", metavar="PACK", type=Path, help="folder to write")
    pack.add_argument("--split", default="train", help="which split, or all (default %(default)s)")
    pack.add_argument(
        "--size",
        type=int,
        help="shrink pictures to so many pixels on their longer side (default: carry the files as they are)",
    )
    add_ray_arguments(pack)

    unpack = _action(actions, "unpack", _unpack, "write a pack out as a dataset in folders")
    unpack.add_argument("pack", metavar="PACK", type=Path, help="folder that `data pack` wrote")
    unpack.add_argument("out", metavar="DST", type=Path, help="folder to write")

    data_people.add_render_arguments(
        _action(
            actions,
            "render",
            data_people.run_render,
            "render photos of people with their labels; run it again to go on",
        )
    )
    data_people.add_pack_arguments(
        _action(
            actions,
            "pack-people",
            data_people.run_pack,
            "keep the garments of rendered people as pairs of one size, which a training reads ten times as fast",
        )
    )
    data_people.add_sheet_arguments(
        _action(
            actions,
            "people-sheet",
            data_people.run_sheet,
            "write a sheet of rendered people, their labels and flat-lays",
        )
    )

    for name, module, purpose in (
        ("attributes", data_attributes, "read the attributes from a dataset's photos; run it again to go on"),
        ("benchmark", data_benchmark, "measure how many pairs a second one core makes"),
        ("patterns", data_patterns, "fit patterns to a catalogue's silhouettes"),
        ("pattern-page", data_pattern_page, "draw a page of patterns"),
        ("realism", data_realism, "test how well drawn outlines pass for real ones"),
    ):
        module.add_arguments(_action(actions, name, module.run, purpose))


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    return args.perform(args)


def _action(actions: argparse._SubParsersAction, name: str, perform: object, purpose: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(perform=perform)
    return parser


def _import(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.commands.common import print_json
    from ragdiffusion.garments.datasets.folder import REPORT
    from ragdiffusion.garments.datasets.importer import import_dataset, report_lines

    report = import_dataset(
        args.layout,
        args.source,
        args.out,
        side=args.size,
        workers=args.workers,
        track=lambda items, total: tqdm(items, total=total, unit="pair", disable=None),
    )
    if args.json:
        print_json(report)
        return 0
    for line in report_lines(report):
        print(line)
    print(f"{args.out / REPORT}: the whole report")
    return 0


def _preview(args: argparse.Namespace) -> int:
    import numpy as np

    from ragdiffusion.commands.common import check_png_target
    from ragdiffusion.files import write_pictures
    from ragdiffusion.garments.datasets.opening import open_dataset
    from ragdiffusion.garments.datasets.summary import contact_sheet
    from ragdiffusion.garments.datasets.synthetic import SyntheticDataset

    check_png_target(args.out, [])
    size = max(args.cell, 64)
    dataset: Dataset
    if args.source == _SYNTHETIC:
        dataset = SyntheticDataset(size, args.split or "train", length=max(args.count, 0))
    else:
        dataset = open_dataset(Path(args.source), size, split=args.split)
    count = min(args.count, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int).tolist() if count > 0 else []
    sheet = contact_sheet((dataset[index] for index in chosen), cell=args.cell, columns=args.columns)
    write_pictures({args.out: sheet})
    print(f"{args.out}: {count} of {len(dataset)} samples, {sheet.width} x {sheet.height} pixels")
    return 0


def _stats(args: argparse.Namespace) -> int:
    from ragdiffusion.commands.common import print_json
    from ragdiffusion.garments.datasets.opening import open_dataset
    from ragdiffusion.garments.datasets.summary import counts

    found = counts(open_dataset(args.source, 64, split=args.split).records)
    if args.json:
        print_json(found)
        return 0
    print(f"{found['pairs']} pairs, {found['photo_masks']} with the garment's mask in the photo")
    tables = {
        "split": found["splits"],
        "category": found["categories"],
        "silhouette": found["silhouettes"],
        **{f"attribute {key}": values for key, values in found["attributes"].items()},
    }
    for title, table in tables.items():
        print(f"{title}: " + ", ".join(f"{value} {count}" for value, count in table.items()))
    if found["straight"] is not None:
        print(f"straight (0.9 or more of the silhouette is its own mirror image): {found['straight']:.0%}")
    return 0


def _pack(args: argparse.Namespace) -> int:
    from ragdiffusion.garments.datasets.opening import open_dataset
    from ragdiffusion.garments.datasets.pack import write_pack
    from ragdiffusion.ray_map import mapper_of

    if args.size is not None and args.size < 64:
        raise ValueError(f"--size is {args.size}: 64 pixels at least")
    dataset = open_dataset(args.source, 64, split=None if args.split == "all" else args.split)
    done = write_pack(dataset, args.out, side=args.size, mapped=mapper_of(args.ray, args.workers))
    for reason in done.skipped:
        print(f"left out: {reason}")
    print(f"{args.out}: {done.pairs} pairs in {done.shards} shards, {done.bytes / 2**20:.1f} MiB")
    return 0


def _unpack(args: argparse.Namespace) -> int:
    from ragdiffusion.garments.datasets.pack import unpack

    print(f"{args.out}: {unpack(args.pack, args.out)} pairs")
    return 0
