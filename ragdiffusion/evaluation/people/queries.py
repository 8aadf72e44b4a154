"""Photos of people whose garments' flat-lays are known: rendered ones, and folders of real pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from ragdiffusion.evaluation.parsing.photos import people_groups
from ragdiffusion.images import canonical_square, load_photo
from ragdiffusion.metrics.image import foreground_of
from ragdiffusion.parsing.labels import LABELS

MAIN = 0.02
"""Share of a photo from which a garment counts as one that the photo is about."""


@dataclass(frozen=True, eq=False)
class WornQuery:
    """One garment in one photo, and its flat-lay.

    Attributes:
        name: of the photo and the garment.
        photo: RGB.
        garment: its label in a parse; None: the one that the photo is most likely about.
        standard: uint8 (N, N, 3), its flat-lay on white, in the canonical frame where the silhouette is known.
        silhouette: uint8 (N, N), soft, the flat-lay's.
        attributes: Table 6 values; unknown ones are missing.
        groups: what it is counted under, such as {"framing": "waist"}.
        flow: float32 (N, N, 2), for each flat-lay pixel its (x, y) in the photo; None where nobody knows.
        visible: float32 (N, N) in [0, 1], whether that place is seen in the photo; None likewise.
        mask: bool (H, W), where the photo shows the garment; None likewise.
        ground: bool (H, W), where it shows neither garment, skin nor anything worn; None likewise.
    """

    name: str
    photo: Image.Image
    garment: str | None
    standard: np.ndarray
    silhouette: np.ndarray
    attributes: dict[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    flow: np.ndarray | None = None
    visible: np.ndarray | None = None
    mask: np.ndarray | None = None
    ground: np.ndarray | None = None


def rendered_queries(folder: Path, *, limit: int | None = None) -> Iterator[WornQuery]:
    """The main garments of the shots of a folder, written by `data render people --arrays`.

    Args:
        folder: of the files.
        limit: at most so many shots, from the first on.

    Raises:
        ValueError: if it holds no shot with arrays.
    """
    paths = [path for path in sorted(folder.glob("*.npz")) if path.with_suffix(".jpg").is_file()]
    if not paths:
        raise ValueError(f"{folder} holds no rendered people with arrays (`data render people FOLDER --arrays`)")
    for path in paths[:limit]:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        labels = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        with np.load(path) as arrays:
            yield from _of_shot(load_photo(path.with_suffix(".jpg")), labels, about, arrays)


def held_out_queries(shots: int, *, cloth: Path | None = None, height: int = 256) -> Iterator[WornQuery]:
    """The main garments of people that the engine renders for measuring.

    Args:
        shots: so many.
        cloth: folder of real garments (train.csv beside train/); None draws all cloth.
        height: of the photos, pixels.

    Raises:
        ValueError: if `cloth` is no such folder.
        ImportError: if the packages of requirements-train.txt are not installed.
    """
    from ragdiffusion.garments.people.disk import arrays_of
    from ragdiffusion.garments.people.engine import PeopleEngine

    engine = PeopleEngine(height, cloth, held_out=True)
    for index in range(shots):
        shot = engine.shot(index)
        yield from _of_shot(Image.fromarray(shot.photo), shot.labels, shot.summary(), arrays_of(shot))


def real_queries(folder: Path, size: int, *, limit: int | None = None) -> Iterator[WornQuery]:
    """Real pairs: ``worn/ID.jpg``, a person, and ``flat/ID.jpg``, the flat-lay of the same garment on white.

    Args:
        folder: of both.
        size: side of the flat-lays, pixels.
        limit: at most so many, from the first on.

    Raises:
        ValueError: if there is no such pair, or a flat-lay shows nothing.
    """
    pairs = [
        (worn, flat)
        for worn in sorted((folder / "worn").glob("*"))
        for flat in (folder / "flat").glob(f"{worn.stem}.*")
    ]
    if not pairs:
        raise ValueError(f"{folder} holds no pair worn/ID.jpg and flat/ID.jpg")
    for worn, flat in pairs[:limit]:
        standard, silhouette = _framed(load_photo(flat), size)
        yield WornQuery(worn.stem, load_photo(worn), None, standard, silhouette)


def _framed(flat: Image.Image, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat-lay on white in the canonical frame, and its silhouette: uint8 (size, size, 3) and (size, size)."""
    picture = np.asarray(flat)
    mask = foreground_of(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1)[0].numpy()
    x, y, side = canonical_square(mask)
    scale = size / side
    matrix = np.array([[scale, 0, size / 2 - x * scale], [0, scale, size / 2 - y * scale]])
    if scale < 1:
        picture, mask = (cv2.GaussianBlur(image, (0, 0), 0.4 / scale) for image in (picture, mask))
    warp = lambda image, ground: cv2.warpAffine(image, matrix, (size, size), borderValue=ground)  # noqa: E731
    return warp(picture, (255,) * 3), np.rint(warp(mask, 0) * 255).astype(np.uint8)


def _of_shot(
    photo: Image.Image, labels: np.ndarray, about: dict[str, Any], arrays: Mapping[str, np.ndarray]
) -> Iterator[WornQuery]:
    worn = about["garments"]
    for index, garment in enumerate(worn):
        alone = sum(other["label"] == garment["label"] for other in worn) == 1
        if not alone or garment["pixels"] < MAIN * labels.size:
            continue
        yield WornQuery(
            f"{about['index']}-{garment['kind']}",
            photo,
            LABELS[garment["label"]],
            arrays[f"standard_{index}"],
            arrays[f"silhouette_{index}"],
            dict(garment["attributes"]),
            {**people_groups(about), "garment": LABELS[garment["label"]]},
            arrays[f"flow_{index}"].astype(np.float32),
            arrays[f"visible_{index}"].astype(np.float32) / 255,
            arrays["instances"] == index,
            labels == 0,
        )
