"""Datasets as their users have them on disk: which files make a pair, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.attributes import known_of
from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.garments.datasets.records import Record
from ragdiffusion.garments.datasets.tables import read_table
from ragdiffusion.garments.spreadsheets import read_rows, read_text
from ragdiffusion.picture_files import pictures_in

_VITON_SPLITS = ("train", "test")
_VITON_MASKS = ("cloth-mask", "cloth_mask")
_VITON_PARSES = ("image-parse-v3", "image-parse")
_LIP_UPPER = (5, 6, 7)  # upper clothes, dress, coat in the LIP labels that VITON-HD's parses use
_DRESSCODE: dict[str, tuple[tuple[int, ...], dict[str, str]]] = {
    "upper_body": ((4,), {}),
    "lower_body": ((5, 6), {}),
    "dresses": ((7,), {"category": "Dress"}),
}
"""Part of DressCode: its ATR labels in the label maps, and what it says in the terms of Table 6."""
_DRESSCODE_MASKS = ("cloth_mask", "cloth-mask", "cloth_masks")
_DRESSCODE_LISTS = {"train": ("train_pairs.txt",), "test": ("test_pairs_paired.txt", "test_pairs.txt")}
TABLES = ("pairs.csv", "pairs.tsv", "pairs.jsonl", "metadata.csv", "metadata.tsv", "metadata.jsonl")
_REAL_SPLITS = ("train", "val")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one pair, or was wrong and could be helped.

    Attributes:
        file: the file or the row, named in the dataset.
        reason: one line.
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The pairs of a dataset, without reading their pictures.

    Attributes:
        records: what is whole.
        problems: what is not.
    """

    records: list[Record]
    problems: list[Problem]


def viton_hd(root: Path) -> Listing:
    """List VITON-HD: `SPLIT/image/NAME` is worn, `SPLIT/cloth/NAME` is its flat-lay, `SPLIT_pairs.txt` lists names.

    A garment belongs to the photo of the same name. The second column of the lists names the garment to try on
    instead and is left alone.

    Raises:
        ValueError: neither split is there.
    """
    splits = [s for s in _VITON_SPLITS if (root / s / "image").is_dir() or (root / s / "cloth").is_dir()]
    if not splits:
        raise ValueError(f"{root} is not laid out like VITON-HD: train/image beside train/cloth was wanted")
    records, problems = [], []
    for split in splits:
        folder = root / split
        photos, flats = _by_stem(folder / "image"), _by_stem(folder / "cloth")
        problems += _left_out(root, folder / "image") + _left_out(root, folder / "cloth")
        masks = _first_folder(folder, _VITON_MASKS)
        parses = _first_folder(folder, _VITON_PARSES)
        listed = root / f"{split}_pairs.txt"
        names = [Path(first).stem for first, *_ in _pairs(listed)] if listed.is_file() else sorted({*photos, *flats})
        for name in dict.fromkeys(names):
            lacking = [
                f"{split}/{half}/{name}" for half, there in (("image", photos), ("cloth", flats)) if name not in there
            ]
            if lacking:
                problems.append(
                    Problem(
                        lacking[0],
                        "missing: the pair has one half only"
                        if len(lacking) == 1
                        else f"missing, both halves; {listed.name} names it",
                    )
                )
                continue
            parse = parses.get(name)
            records.append(
                Record(
                    name=f"{split}/{name}",
                    split=split,
                    category="upper_body",
                    photo=_ref(root, photos[name]),
                    standard=_ref(root, flats[name]),
                    silhouette=_ref(root, masks.get(name)),
                    photo_mask=_ref(root, parse),
                    mask_labels=_LIP_UPPER if parse else (),
                )
            )
    return Listing(records, problems)


def dresscode(root: Path) -> Listing:
    """List DressCode: `PART/images/N_0.jpg` is worn, `N_1.jpg` its flat-lay, `PART/train_pairs.txt` and
    `PART/test_pairs_paired.txt` list them (or the same files beside the parts, with the part's number as third word).

    Raises:
        ValueError: none of the parts is there.
    """
    parts = [part for part in _DRESSCODE if (root / part / "images").is_dir()]
    if not parts:
        raise ValueError(
            f"{root} is not laid out like DressCode: upper_body/images, lower_body/images or dresses/images was wanted"
        )
    records, problems = [], []
    for part in parts:
        folder, (labels, attributes) = root / part, _DRESSCODE[part]
        images = {path.name: path for path in pictures_in(folder / "images").pictures}
        problems += _left_out(root, folder / "images")
        masks, maps = _first_folder(folder, _DRESSCODE_MASKS), _by_stem(folder / "label_maps")
        for split, worn, flat in dict.fromkeys(_dresscode_pairs(root, part, images)):
            lacking = [f"{part}/images/{name}" for name in (worn, flat) if name not in images]
            if lacking:
                problems.append(
                    Problem(
                        lacking[0],
                        "missing: the pair has one half only"
                        if len(lacking) == 1
                        else "missing, both halves; the list of pairs names it",
                    )
                )
                continue
            number = re.sub(r"_0$", "", Path(worn).stem)
            label_map = maps.get(f"{number}_4")
            records.append(
                Record(
                    name=f"{part}/{number}",
                    split=split,
                    category=part,
                    photo=_ref(root, images[worn]),
                    standard=_ref(root, images[flat]),
                    silhouette=_ref(root, masks.get(Path(flat).stem)),
                    photo_mask=_ref(root, label_map),
                    mask_labels=labels if label_map else (),
                    attributes=attributes,
                )
            )
    return _unique(records, problems)


def table(path: Path) -> Listing:
    """List a folder with a table of its pairs (pairs.csv, pairs.jsonl, metadata.csv or metadata.jsonl), or that table.

    Raises:
        ValueError: no such table, or it can't be read.
    """
    found = path if path.is_file() else next((path / name for name in TABLES if (path / name).is_file()), None)
    if found is None:
        raise ValueError(
            f"{path}: there is no table of pairs in it; {', '.join(TABLES[:-1])} or {TABLES[-1]} was wanted"
        )
    records, problems = [], []
    for place, outcome in read_table(found):
        if isinstance(outcome, str):
            problems.append(Problem(place, outcome))
        elif missing := [ref for ref in outcome.files() if not (found.parent / ref).is_file()]:
            problems.append(Problem(missing[0], f"missing; {place} names it"))
        else:
            records.append(outcome)
    return _unique(records, problems)


def real_folder(root: Path) -> Listing:
    """List a folder of real garments: `SPLIT.csv` beside `SPLIT/CATEGORY/ID.jpg` and its mask `ID.png`.

    Raises:
        ValueError: neither table is there, or a row of one lacks a column.
    """
    tables = [root / f"{split}.csv" for split in _REAL_SPLITS if (root / f"{split}.csv").is_file()]
    if not tables:
        raise ValueError(f"{root} is no folder of real garments: train.csv beside train/ was wanted")
    records, problems = [], []
    for path in tables:
        for row in read_rows(path):
            try:
                stem, symmetry = f"{path.stem}/{row['category']}/{row['id']}", float(row["symmetry"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}: every row needs category, id and symmetry ({error})") from error
            lacking = [ref for ref in (f"{stem}.jpg", f"{stem}.png") if not (root / ref).is_file()]
            if lacking:
                problems.append(Problem(lacking[0], f"missing; {path.name} names it"))
                continue
            records.append(
                Record(
                    name=row["id"],
                    split=path.stem,
                    category=row["category"],
                    photo=f"{stem}.jpg",
                    photo_mask=f"{stem}.png",
                    attributes=known_of(row["category"]),
                    symmetry=symmetry,
                )
            )
    return Listing(records, problems)


LAYOUTS: dict[str, Callable[[Path], Listing]] = {"viton-hd": viton_hd, "dresscode": dresscode, "folder": table}
"""What can be imported."""


def _dresscode_pairs(root: Path, part: str, images: Iterable[str]) -> list[tuple[str, str, str]]:
    """(split, worn, flat-lay) of a part: from its own lists, else the common ones, else from the names alone."""
    found = []
    for split, names in _DRESSCODE_LISTS.items():
        own = next((root / part / name for name in names if (root / part / name).is_file()), None)
        common = next((root / name for name in names if (root / name).is_file()), None)
        if own is not None:
            found += [(split, words[0], words[1]) for words in _pairs(own) if len(words) > 1]
        elif common is not None:
            number = str(list(_DRESSCODE).index(part))
            found += [(split, words[0], words[1]) for words in _pairs(common) if words[2:] == [number]]
    if found:
        return found
    stems = sorted({re.sub(r"_[01](\.\w+)$", r"_\1", name) for name in images if re.search(r"_[01]\.\w+$", name)})
    return [("train", *(re.sub(r"_(\.\w+)$", rf"_{half}\1", stem) for half in (0, 1))) for stem in stems]


def _pairs(path: Path) -> list[list[str]]:
    """The words of each line of a list; names may hold spaces, as each ends in a picture's ending."""
    endings = "|".join(ending[1:] for ending in SUFFIXES)
    name = re.compile(rf"\S.*?\.(?:{endings})(?=\s|$)|\d+", re.IGNORECASE)
    lines = read_text(path).replace("\\", "/").splitlines()
    return [words for line in lines if (words := name.findall(line))]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in pictures_in(folder).pictures}


def _left_out(root: Path, folder: Path) -> list[Problem]:
    files = pictures_in(folder).left_out if folder.is_dir() else ()
    return [Problem(path.relative_to(root).as_posix(), "no picture that can be read, by its ending") for path in files]


def _first_folder(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    return next((found for name in names if (found := _by_stem(folder / name))), {})


def _ref(root: Path, path: Path | None) -> str | None:
    return None if path is None else path.relative_to(root).as_posix()


def _unique(records: list[Record], problems: list[Problem]) -> Listing:
    """Names must be unique; a second one is a problem of its own."""
    seen: dict[str, Record] = {}
    for record in records:
        if seen.setdefault(record.name, record) is not record:
            problems.append(Problem(record.photo, f"a second pair is named {record.name!r}: names must differ"))
    return Listing(list(seen.values()), problems)
