"""How often a reader is right: each attribute of Table 6, and upper, lower or dress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, GROUPS, UNKNOWN, garment_kind, group_of, known_of
from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import load_photo
from ragdiffusion.structure.readers.reading import AttributeReader

DRAWN_SEEDS = 3 << 41
"""First seed of the drawn photos: neither trainers nor banks come near it."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and what is known of its garment.

    Args:
        image: the photo.
        attributes: those of Table 6 that are known for sure.
        group: "upper", "lower" or "dress".
    """

    image: Image.Image
    attributes: dict[str, str]
    group: str


def drawn_photos(count: int, *, size: int = 256, first_seed: int = DRAWN_SEEDS) -> Iterator[LabelledPhoto]:
    """Photos of drawn garments, laid, hung and worn; their attributes are all known.

    Args:
        count: photos.
        size: side of the pictures, pixels.
        first_seed: of the first; the others follow.

    Raises:
        ValueError: if `count` is below 1.
    """
    _check_count(count)
    engine = GarmentEngine(size)
    for seed in range(first_seed, first_seed + count):
        pair = engine.pair(seed)
        kind = garment_kind(pair.category)
        group = kind.group if kind is not None and "category" in kind.lacking else group_of(pair.attributes)
        yield LabelledPhoto(Image.fromarray(pair.photo), pair.attributes, group)


def real_photos(folder: Path, *, limit: int | None = None) -> Iterator[LabelledPhoto]:
    """Photos of a folder of real garments, as they were taken.

    Args:
        folder: such as garments/val, whose list val.csv lies beside it, or the folder that holds both.
        limit: take only so many, spread evenly over the list.

    Raises:
        ValueError: if there is no list, or `limit` is below 1.
    """
    folder = Path(folder)
    split = folder if folder.with_name(f"{folder.name}.csv").is_file() else folder / "val"
    table = split.with_name(f"{split.name}.csv")
    if not table.is_file():
        raise ValueError(f"{folder}: no list of photos; give a folder such as garments/val with val.csv beside it")
    rows = list(read_rows(table))
    if limit is not None:
        _check_count(limit)
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, min(limit, len(rows))).astype(int)]
    for row in rows:
        kind = garment_kind(row["category"])
        yield LabelledPhoto(
            load_photo(split / row["category"] / f"{row['id']}.jpg"),
            known_of(row["category"]),
            "upper" if kind is None else kind.group,
        )


def attribute_accuracy(reader: AttributeReader, photos: Iterable[LabelledPhoto]) -> dict[str, Any]:
    """Read labelled photos and count.

    Args:
        reader: the reader on trial.
        photos: such as `drawn_photos(200)` or `real_photos(folder, limit=100)`.

    Returns:
        JSON-able: `n`; `reader`, who read, with counts (more than one name: a fallback stood in); `milliseconds` of
        a reading, mean; `attributes`, for each that has a label: `n` labelled photos, `accuracy` (an "Unknown" is
        wrong), `read`, the share not "Unknown", `accuracy_when_read` (None where nothing was read), `majority`, the
        share of the most frequent label, which is what a constant answer reaches; `group` with `n`, `accuracy`,
        `majority` and `confusion` (truth -> read -> photos).

    Raises:
        ValueError: if there are no photos.
    """
    labels: dict[str, list[str]] = {attribute.key: [] for attribute in ATTRIBUTES}
    answers: dict[str, list[str]] = {attribute.key: [] for attribute in ATTRIBUTES}
    groups: list[tuple[str, str]] = []
    readers: Counter[str] = Counter()
    milliseconds: list[float] = []
    for photo in photos:
        reading = reader.read(photo.image)
        readers[reading.reader] += 1
        milliseconds.append(reading.milliseconds)
        groups.append((photo.group, group_of(reading.values)))
        for key, value in photo.attributes.items():
            labels[key].append(value)
            answers[key].append(reading.values[key])
    if not groups:
        raise ValueError("no photos to read: give one at least")
    counted = {key: _count(labels[key], answers[key]) for key in labels if labels[key]}
    truths, read = zip(*groups, strict=True)
    confusion = {group: dict(Counter(r for t, r in groups if t == group)) for group in GROUPS if group in truths}
    figures = _count(list(truths), list(read))
    return {
        "n": len(groups),
        "reader": dict(readers),
        "milliseconds": float(np.mean(milliseconds)),
        "attributes": counted,
        "group": {key: figures[key] for key in ("n", "accuracy", "majority")} | {"confusion": confusion},
    }


def accuracy_table(report: dict[str, Any]) -> str:
    """A report of `attribute_accuracy` as a Markdown table."""
    lines = [
        "| attribute | photos | accuracy | read | right when read | constant answer |",
        "|---|---|---|---|---|---|",
    ]
    for key, figures in report["attributes"].items():
        right = figures["accuracy_when_read"]
        lines.append(
            f"| {key} | {figures['n']} | {figures['accuracy']:.1%} | {figures['read']:.1%} | "
            f"{'' if right is None else f'{right:.1%}'} | {figures['majority']:.1%} |"
        )
    group = report["group"]
    lines.append(f"| upper, lower or dress | {group['n']} | {group['accuracy']:.1%} | | | {group['majority']:.1%} |")
    return "\n".join(lines)


def _count(labels: list[str], answers: list[str]) -> dict[str, Any]:
    right = sum(label == answer for label, answer in zip(labels, answers, strict=True))
    read = sum(answer != UNKNOWN for answer in answers)
    return {
        "n": len(labels),
        "accuracy": right / len(labels),
        "read": read / len(labels),
        "accuracy_when_read": right / read if read else None,
        "majority": Counter(labels).most_common(1)[0][1] / len(labels),
    }


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError(f"{count} photos asked for, 1 or more wanted")
