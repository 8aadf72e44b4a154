"""Small folders laid out exactly like VITON-HD, DressCode and a plain folder, filled by the garment engine."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.pair import Pair

SIDE = 128
_LIP_COAT, _ATR_UPPER, _ATR_PANTS, _ATR_DRESS = 7, 4, 6, 7


@lru_cache(maxsize=64)
def drawn(seed: int) -> Pair:
    return GarmentEngine(SIDE).pair(seed)


def upright(image: np.ndarray, ground: int | None = None) -> np.ndarray:
    """As the shops have it: three wide, four high."""
    rows = SIDE // 6
    padding = [(rows, rows), (0, 0), (0, 0)][: image.ndim]
    return np.pad(image, padding, mode="edge") if ground is None else np.pad(image, padding, constant_values=ground)


def save(path: Path, pixels: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}) | options)


def label_map(mask: np.ndarray, label: int) -> Image.Image:
    picture = Image.fromarray(np.where(mask > 127, label, 0).astype(np.uint8), "P")
    picture.putpalette([value for colour in range(256) for value in (colour * 10 % 256, 90, colour)])
    return picture


def write_viton(root: Path, train: dict[str, int], test: dict[str, int], *, masks: bool = True) -> Path:
    """Names to seeds; every picture and map that the original has for a pair and that is read here."""
    for split, garments in (("train", train), ("test", test)):
        for name, seed in garments.items():
            pair = drawn(seed)
            save(root / split / "image" / f"{name}.jpg", upright(pair.photo))
            save(root / split / "cloth" / f"{name}.jpg", upright(pair.standard, 255))
            if masks:
                save(root / split / "cloth-mask" / f"{name}.jpg", upright(pair.silhouette, 0))
            parse = root / split / "image-parse-v3" / f"{name}.png"
            parse.parent.mkdir(parents=True, exist_ok=True)
            label_map(upright(pair.photo_mask, 0), _LIP_COAT).save(parse)
        names = sorted(garments)
        others = names[1:] + names[:1]  # the lists name the garment to try on, not the one worn
        lines = [f"{name}.jpg {other}.jpg\n" for name, other in zip(names, others, strict=True)]
        (root / f"{split}_pairs.txt").write_text("".join(lines), encoding="utf-8")
    return root


def write_dresscode(root: Path, parts: dict[str, tuple[dict[str, int], dict[str, int]]]) -> Path:
    """For each part, names to seeds of its train and test split; flat-lays have no masks there."""
    label = {"upper_body": _ATR_UPPER, "lower_body": _ATR_PANTS, "dresses": _ATR_DRESS}
    for part, splits in parts.items():
        for name, seed in {**splits[0], **splits[1]}.items():
            pair = drawn(seed)
            save(root / part / "images" / f"{name}_0.jpg", upright(pair.photo))
            save(root / part / "images" / f"{name}_1.jpg", upright(pair.standard, 255))
            maps = root / part / "label_maps"
            maps.mkdir(exist_ok=True)
            label_map(upright(pair.photo_mask, 0), label[part]).save(maps / f"{name}_4.png")
        for file, garments in zip(("train_pairs.txt", "test_pairs_paired.txt"), splits, strict=True):
            lines = [f"{name}_0.jpg\t{name}_1.jpg\n" for name in garments]
            (root / part / file).write_text("".join(lines), encoding="utf-8")
    return root


def write_table(root: Path, rows: list[dict[str, str]], seeds: dict[str, int]) -> Path:
    for name, seed in seeds.items():
        pair = drawn(seed)
        save(root / f"{name} worn.jpg", pair.photo)
        save(root / f"{name} flat.png", pair.standard)
    columns = sorted({key for row in rows for key in row})
    with (root / "pairs.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    return root


def jpeg_again(path: Path, target: Path, *, side: int, quality: int) -> None:
    """The same picture as another shop would save it."""
    with Image.open(path) as image:
        buffer = io.BytesIO()
        image.resize((side, round(side * image.height / image.width))).save(buffer, "JPEG", quality=quality)
    target.write_bytes(buffer.getvalue())


@pytest.fixture(scope="session")
def shop() -> SimpleNamespace:
    """What the tests need to lay folders out and to spoil them."""
    return SimpleNamespace(
        drawn=drawn,
        upright=upright,
        save=save,
        jpeg_again=jpeg_again,
        viton=write_viton,
        dresscode=write_dresscode,
        table=write_table,
    )
