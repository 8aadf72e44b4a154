"""Photos whose labels or garments are known: rendered people that no training saw, and real garments with masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.evaluation.parsing.figures import JudgedParse, judge_people, label_counts, label_map, mask_overlap
from ragdiffusion.garments.patterns.labels import GROUPS
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import load_mask, load_photo
from ragdiffusion.parsing.choosing import NoGarmentError, choose
from ragdiffusion.parsing.labels import CATEGORIES, LABEL
from ragdiffusion.parsing.parser import Parser

_UNSURE = 255
_TURNED = (15, 40)  # degrees, edges of "facing", "turned" and "side"


@dataclass(frozen=True)
class TruePhoto:
    """A photo and what is known of it.

    Attributes:
        image: RGB.
        labels: uint8 (H, W), numbers of `LABELS`, 255 where nothing is known.
        kind: the garment that a photo of one garment shows; None for people.
        groups: what it is counted under.
    """

    image: Image.Image
    labels: np.ndarray
    kind: str | None = None
    groups: dict[str, str] = field(default_factory=dict)


def judge(parser: Parser, photos: Iterable[TruePhoto]) -> Iterator[JudgedParse]:
    """Parse photos and hold each against what is known."""
    for photo in photos:
        parse = parser.parse(photo.image)
        if photo.kind is None:
            yield judge_people(parse, photo.labels, photo.groups)
            continue
        own, iou, right = photo.labels == LABEL[photo.kind], 0.0, False
        try:
            garment = choose(parse).garment
        except NoGarmentError:
            pass
        else:
            known = photo.labels != _UNSURE
            iou = mask_overlap((garment.mask > 0.5) & known, own)
            right = GROUPS[garment.name] == GROUPS[photo.kind]
        yield JudgedParse(label_counts(label_map(parse), photo.labels), (iou,), (right,), photo.groups)


def rendered_people(folder: Path, *, limit: int | None = None) -> Iterator[TruePhoto]:
    """People of a folder with NAME.jpg, NAME.png (labels) and, if there, NAME.json (what is worn and how).

    Raises:
        ValueError: if the folder holds no such pair, or `limit` is below 1.
    """
    paths = sorted(path for path in folder.glob("*.png") if path.with_suffix(".jpg").is_file())
    if not paths:
        raise ValueError(f"{folder} holds no photo NAME.jpg with a label map NAME.png beside it")
    for path in _some(paths, limit):
        about = path.with_suffix(".json")
        groups = people_groups(json.loads(about.read_text(encoding="utf-8"))) if about.is_file() else {}
        labels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        yield TruePhoto(load_photo(path.with_suffix(".jpg")), labels, None, groups)


def held_out_people(count: int, *, cloth: Path | None = None, height: int = 512) -> Iterator[TruePhoto]:
    """People that the engine renders for measuring: in shots, and in real cloth, that no training shows.

    Args:
        count: of photos.
        cloth: folder of real garments (train.csv beside train/); None draws all cloth.
        height: of the photos, pixels.

    Raises:
        ValueError: if `cloth` is no such folder, or `height` is below 64.
        ImportError: if the packages of requirements-train.txt are not installed.
    """
    from ragdiffusion.garments.people.engine import PeopleEngine

    engine = PeopleEngine(height, cloth, held_out=True)
    for index in range(count):
        shot = engine.shot(index)
        yield TruePhoto(Image.fromarray(shot.photo), shot.labels, None, people_groups(shot.summary()))


def people_groups(about: dict) -> dict[str, str]:
    """What a rendered person is counted under, of the engine's own notes."""
    turned = abs(about["yaw"])
    labels = {garment["label"] for garment in about["garments"]}
    layer = "jacket" if LABEL["outer"] in labels else "dress" if LABEL["dress"] in labels else "top and lower"
    yaw = "facing" if turned < _TURNED[0] else "turned" if turned < _TURNED[1] else "side"
    known = {
        "arms": about["pose"][0],
        "stance": about["pose"][2],
        "yaw": yaw,
        "framing": about["framing"],
        "layer": layer,
        "ground": about.get("ground"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def real_garments(folder: Path, *, limit: int | None = None) -> Iterator[TruePhoto]:
    """Photos of single garments with masks: `folder.csv` beside `folder/CATEGORY/ID.jpg` and `ID.png`.

    Raises:
        ValueError: if there is no list, or `limit` is below 1.
    """
    table = folder.with_name(f"{folder.name}.csv")
    if not table.is_file():
        raise ValueError(f"{folder}: no list {table.name} beside it; give a folder such as garments/val")
    rows = list(read_rows(table))
    for row in _some(rows, limit):
        path = folder / row["category"] / f"{row['id']}.jpg"
        mask = load_mask(path.with_suffix(".png"))
        labels = np.where(mask > 0.5, LABEL[CATEGORIES[row["category"]]], 0).astype(np.uint8)
        yield TruePhoto(load_photo(path), labels, CATEGORIES[row["category"]], {"category": row["category"]})


def _some(items: list, limit: int | None) -> list:
    """At most so many, spread evenly."""
    if limit is None:
        return items
    if limit < 1:
        raise ValueError(f"limit is {limit}, 1 or more wanted")
    return [items[i] for i in np.linspace(0, len(items) - 1, min(limit, len(items))).astype(int)]
