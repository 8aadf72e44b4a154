"""Opening whatever holds pairs, by what lies in the folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ragdiffusion.garments.datasets.folder import MARK, WORK, read_index
from ragdiffusion.garments.datasets.layouts import TABLES, Listing, dresscode, real_folder, table, viton_hd
from ragdiffusion.garments.datasets.pack import MANIFEST, Pack
from ragdiffusion.garments.datasets.records import Reader, Record, RecordDataset, folder_reader
from ragdiffusion.garments.garment import RealGarment

_LOG = logging.getLogger(__name__)


def open_dataset(path: Path, size: int, *, split: str | None = None) -> RecordDataset:
    """Open pairs from disk: an imported dataset, a pack, real garments, VITON-HD, DressCode, or a table of pairs.

    Args:
        path: the folder, or the table itself.
        size: side N of the pictures given out, pixels.
        split: only this one; all by default.

    Raises:
        ValueError: nothing there that is known, a half-written dataset, or no pair in the split.
    """
    path = Path(path)
    records, read = _open(path)
    kept = [record for record in records if split in (None, record.split)]
    if not kept:
        there = ", ".join(sorted({record.split for record in records})) or "none"
        raise ValueError(f"{path}: no pairs{f' in the split {split!r}' if split else ''}; splits there: {there}")
    return RecordDataset(kept, read, size)


def garments_of(path: Path, size: int, *, split: str = "train", limit: int | None = None) -> Iterator[RealGarment]:
    """The garments of a dataset as `RealPairs` draws from them.

    Args:
        path: as for `open_dataset`.
        size: side N of the frames, pixels.
        split: which part.
        limit: take only so many, spread evenly over it.

    Yields:
        One after the other; see `RecordDataset.garment` for which picture their dense map refers to.

    Raises:
        ValueError: as `open_dataset`, or a picture can't be used.
    """
    dataset = open_dataset(path, size, split=split)
    count = len(dataset)
    chosen = range(count) if limit is None or limit >= count else np.linspace(0, count - 1, limit).astype(int).tolist()
    return (dataset.garment(index) for index in chosen)


def _open(path: Path) -> tuple[list[Record], Reader]:
    if path.is_dir() and (path / MANIFEST).is_file():
        pack = Pack(path)
        return pack.records, pack.read
    if path.is_dir() and ((path / MARK).is_file() or (path / WORK).is_dir()):
        return read_index(path), folder_reader(path)
    listing = _layout(path)(path)
    if listing.problems:
        first = listing.problems[0]
        _LOG.warning(
            "%s: %d pairs are left out, the first for %s (%s)", path, len(listing.problems), first.file, first.reason
        )
    return listing.records, folder_reader(path if path.is_dir() else path.parent)


def _layout(path: Path) -> Callable[[Path], Listing]:
    """Which layout a folder is, by what lies in it.

    Raises:
        ValueError: not found, or nothing known in it.
    """
    if path.is_file():
        return table
    if not path.is_dir():
        raise ValueError(f"{path} was not found: give the folder of a dataset")
    if any((path / f"{split}.csv").is_file() and (path / split).is_dir() for split in ("train", "val")):
        return real_folder
    if any((path / split / "cloth").is_dir() for split in ("train", "test")):
        return viton_hd
    if any((path / part / "images").is_dir() for part in ("upper_body", "lower_body", "dresses")):
        return dresscode
    if any((path / name).is_file() for name in TABLES):
        return table
    raise ValueError(
        f"{path} holds no dataset that is known: an imported one ({MARK}), a pack ({MANIFEST}), real "
        f"garments (train.csv beside train/), VITON-HD (train/cloth), DressCode (upper_body/images), or a "
        f"table of pairs ({', '.join(TABLES)}) was wanted"
    )
