"""The library's own layout: pictures in folders, an index, and a mark that is written last.

dataset.json        that it is whole: written last
index.jsonl         one pair a line
report.json         what the import found
photos/ standards/ silhouettes/ photo_masks/
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ragdiffusion.files import read_object, write_json, write_whole
from ragdiffusion.garments.datasets.records import Record

MARK, INDEX, REPORT, WORK = "dataset.json", "index.jsonl", "report.json", ".import"
SCHEMA = 1


def settle() -> None:
    """Bring all that was written to the disk, so that a mark written afterwards holds after a power cut too."""
    if hasattr(os, "sync"):  # Windows has none
        os.sync()


def write_index(root: Path, records: Iterable[Record], *, source: str) -> None:
    """Write the index and, last of all, the mark that makes the folder a dataset."""
    lines = [record.to_json() for record in records]
    write_whole(root / INDEX, "".join(f"{line}\n" for line in lines).encode())
    settle()
    write_json(root / MARK, {"schema": SCHEMA, "pairs": len(lines), "source": source})


def replace_records(root: Path, records: Iterable[Record]) -> None:
    """Write a dataset's index anew, with as many records, its pictures as they are.

    Raises:
        ValueError: as `read_index`, or if there are more or fewer records than before.
    """
    kept, there = list(records), len(read_index(root))
    if len(kept) != there:
        raise ValueError(f"{root} has {there} pairs, and {len(kept)} records were given in their place")
    write_index(root, kept, source=str(read_object(root / MARK).get("source", "")))


def read_index(root: Path) -> list[Record]:
    """Read the index of a whole dataset.

    Raises:
        ValueError: the folder is half-written, was written by another version, or its index is damaged.
    """
    if not (root / MARK).is_file():
        state = (
            "its import has not come to its end: run the same `data import` again"
            if (root / WORK).is_dir()
            else f"it has no {MARK}: give a folder that `data import` or `data unpack` wrote"
        )
        raise ValueError(f"{root} is no whole dataset: {state}")
    try:
        mark = read_object(root / MARK)
        lines = [line for line in (root / INDEX).read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise ValueError(f"{root} can't be read as a dataset ({error}): import it again") from error
    if mark.get("schema") != SCHEMA or mark.get("pairs") != len(lines):
        raise ValueError(
            f"{root}: {MARK} speaks of {mark.get('pairs')} pairs in schema {mark.get('schema')}, and "
            f"{INDEX} holds {len(lines)}; schema {SCHEMA} is read: import it again"
        )
    return [Record.from_json(line, f"{INDEX}, line {number}") for number, line in enumerate(lines, 1)]
