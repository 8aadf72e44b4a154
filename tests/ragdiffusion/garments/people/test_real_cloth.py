"""Real garments as cloth: the held-out tenth is never the rest; flat-lays lie within their outlines."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.people.real_cloth import RealCloth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for n in range(30):
        name = f"garment-{n}"
        image, mask = np.full((120, 90, 3), 40, np.uint8), np.zeros((120, 90), np.uint8)
        cv2.rectangle(mask, (15, 20), (74, 99), 255, -1)
        image[mask > 0] = (200 if zlib.crc32(name.encode()) % 10 == 0 else 100, 5 * n, 60)
        (tmp_path / "train" / "t-shirt").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "train" / "t-shirt" / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
        cv2.imwrite(str(tmp_path / "train" / "t-shirt" / f"{name}.png"), mask)
        rows.append({"category": "t-shirt", "id": name, "symmetry": "0.95"})
    with (tmp_path / "train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["category", "id", "symmetry"])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def test_the_held_out_tenth_is_apart(folder):
    rng = np.random.default_rng(0)
    training, measuring = RealCloth(folder), RealCloth(folder, held_out=True)
    blues = {bool(training.whole(rng, "t-shirt").image[40, 30, 2] > 150) for _ in range(40)}
    assert blues == {False}
    assert {bool(measuring.whole(rng, "t-shirt").image[40, 30, 2] > 150) for _ in range(20)} == {True}


def test_a_flat_lays_colours_run_on_beyond_its_edge(folder):
    whole = RealCloth(folder).whole(np.random.default_rng(1), "t-shirt")
    assert whole.image.shape[:2] == whole.mask.shape == (80, 60)
    assert np.abs(whole.image.astype(int) - whole.image[40, 30]).max() < 25  # no ground is left in the corners


def test_swatches_and_grounds(folder):
    cloth, rng = RealCloth(folder), np.random.default_rng(2)
    tile = cloth.swatch(rng, "t-shirt")
    assert tile is not None and abs(int(tile.image[0, 0, 0]) - 60) < 8
    assert abs(int(cloth.ground(rng)[2, 2, 0]) - 40) < 8
