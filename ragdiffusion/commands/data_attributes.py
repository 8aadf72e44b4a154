"""`data attributes`: a vision-language model reads Table 6 from the photos of a data set, and captions follow."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.structure.readers.choice import READER_HELP

if TYPE_CHECKING:
    from PIL import Image

    from ragdiffusion.garments.datasets.records import Record
    from ragdiffusion.structure.readers.many import Read
    from ragdiffusion.structure.readers.reading import AttributeReader

KEPT = "readings.jsonl"
"""File of readings by photo, in the data set."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source", metavar="DATA", type=Path, help="folder that `data import` or `data unpack` wrote")
    parser.add_argument("--reader", required=True, help=READER_HELP)
    parser.add_argument("--batch-size", type=int, default=8, help="photos that are read together (default %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="read only the first N photos")
    parser.add_argument("--device", help="torch device (default: a GPU where there is one)")
    parser.add_argument(
        "--time",
        type=int,
        nargs="+",
        metavar="B",
        help="change nothing: read the first photos (32, or --limit) in batches of each size and print the time of one",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")


def run(args: argparse.Namespace) -> int:
    """Read the photos and write what was read into the data set, or print what reading takes."""
    from ragdiffusion.garments.datasets.folder import read_index
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.structure.readers.choice import parse_reader

    for name, value in (
        ("--batch-size", args.batch_size),
        ("--limit", args.limit),
        *(("--time", size) for size in args.time or ()),
    ):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}, 1 or more wanted")
    parse_reader(args.reader)
    records = read_index(args.source)
    quiet_libraries()
    reader = _open(args)
    if args.time is not None:
        return _print_times(args, records, reader)
    return _read(args, records, reader)


def _open(args: argparse.Namespace) -> AttributeReader:
    """The reader that is named; the heads are those of the bundled checkpoint."""
    import torch

    from ragdiffusion.structure.readers.choice import open_reader, parse_reader

    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if parse_reader(args.reader).kind == "qwen":  # which nobody stands in for
        from ragdiffusion.structure.readers.qwen import QwenReader

        return QwenReader.from_pretrained(parse_reader(args.reader).target, device=device)
    from ragdiffusion.api import RAGDiffusion

    heads = RAGDiffusion.from_pretrained(device=device).reader
    return open_reader(args.reader, heads=heads, device=device)


def _photos(source: Path, records: list[Record]) -> Iterator[tuple[Record, Image.Image]]:
    from ragdiffusion.garments.datasets.records import folder_reader
    from ragdiffusion.images import load_photo

    read = folder_reader(source)
    return ((record, load_photo(read(record.photo), name=record.photo)) for record in records)


def _read(args: argparse.Namespace, records: list[Record], reader: AttributeReader) -> int:
    from tqdm import tqdm

    from ragdiffusion.commands.common import print_json
    from ragdiffusion.garments.datasets.folder import replace_records
    from ragdiffusion.garments.datasets.records import known_attributes
    from ragdiffusion.structure.readers.many import read_photos, time_per_photo
    from ragdiffusion.structure.readers.store import ReadingStore

    chosen = records[: args.limit]
    store = ReadingStore(args.source / KEPT, args.reader)
    rows = read_photos(reader, _photos(args.source, chosen), batch_size=args.batch_size, store=store)
    done = list(tqdm(rows, total=len(chosen), unit="photo", desc="attributes", disable=None))
    read = {row.name.name: known_attributes(row.reading.values) for row in done if not row.reading.note}
    replace_records(args.source, [replace(record, read=read.get(record.name, record.read)) for record in records])
    report = _summary(done, read) | time_per_photo(row.reading for row in done if not row.kept)
    if args.json:
        print_json(report)
        return 0
    print(
        f"{args.source}: {report['read']} photos read by {args.reader}, {report['kept']} of them before; "
        f"{report['failed']} could not be; {report['attributes']:.1f} attributes a photo"
        + (f"; {report['mean_s']:.2f} s a photo, {report['most_s']:.2f} s at most" if report["photos"] else "")
    )
    for row in (row for row in done if row.reading.note):
        print(f"  {row.name.photo}: {row.reading.note}")
    return 0


def _summary(done: list[Read[Record]], read: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "read": len(read),
        "kept": sum(row.kept for row in done),
        "failed": sum(bool(row.reading.note) for row in done),
        "attributes": sum(map(len, read.values())) / max(1, len(read)),
    }


_TIMED = 32


def _print_times(args: argparse.Namespace, records: list[Record], reader: AttributeReader) -> int:
    """A table of the time per photo by batch."""
    import torch

    from ragdiffusion.commands.common import print_json
    from ragdiffusion.structure.readers.many import read_photos, time_per_photo

    chosen = list(_photos(args.source, records[: args.limit or _TIMED]))
    lines = []
    for size in args.time:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        rows = list(read_photos(reader, chosen, batch_size=size, store=None))
        peak = {"peak_mb": torch.cuda.max_memory_allocated() / 1e6} if torch.cuda.is_available() else {}
        lines.append({"batch_size": size, **time_per_photo(row.reading for row in rows), **peak})
    if args.json:
        print_json({"reader": args.reader, "times": lines})
        return 0
    print(f"| photos at a time | s a photo, mean of {lines[0]['photos']} | median | most |\n|---|---|---|---|")
    for line in lines:
        print(f"| {line['batch_size']} | {line['mean_s']:.3f} | {line['median_s']:.3f} | {line['most_s']:.3f} |")
    return 0
