"""Figures of a bank's silhouettes: by hand, and on a bank that holds patterns."""

from __future__ import annotations

import gzip
import json

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.rims import parts_and_waviness, rim_waviness
from ragdiffusion.cli import main
from ragdiffusion.evaluation.bank_quality import coverage, measure_bank
from ragdiffusion.garments.datasets.catalogue28 import CatalogueSilhouette
from ragdiffusion.garments.patterns import draft
from ragdiffusion.images import encode_silhouette


def wavy(depth: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    radius = 0.35 + depth * np.sin(40 * angle)
    return np.stack([0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)], axis=1)


def test_waviness_grows_with_the_waves() -> None:
    calm, slight, strong = (rim_waviness(wavy(depth)) for depth in (0.0, 0.002, 0.004))
    assert calm < 0.05 < slight < strong and strong == pytest.approx(2 * slight, rel=0.4)


def test_parts_and_holes_are_counted() -> None:
    mask = np.zeros((512, 512), np.uint8)
    cv2.rectangle(mask, (100, 100), (300, 400), 1, -1)
    assert parts_and_waviness(mask)[:2] == (1, 0)
    cv2.circle(mask, (200, 200), 20, 0, -1)
    cv2.circle(mask, (450, 450), 20, 1, -1)
    assert parts_and_waviness(mask)[:2] == (2, 1)


@pytest.fixture
def bank_file(tmp_path):
    entries = []
    for i, kind in enumerate(("skirt", "t_shirt", "trousers")):
        pattern = draft(kind)
        vector = torch.zeros(8)
        vector[i] = 1
        entries.append(
            NewEntry(
                vector,
                encode_silhouette(torch.from_numpy(pattern.rasterise(512)).float() / 255),
                {},
                pattern=PatternSpec(kind, pattern.measures),
            )
        )
    with Bank.create(tmp_path / "b.sqlite3", fingerprint="f", dimension=8) as bank:
        bank.add(entries)
    return tmp_path / "b.sqlite3"


def test_patterns_make_a_smooth_symmetric_bank_that_covers_itself(bank_file) -> None:
    with Bank.open(bank_file) as bank:
        found = measure_bank(bank)
        assert (found.entries, found.patterns, found.broken, found.holed) == (3, 3, 0, 0)
        assert found.mean_symmetry > 0.98 and found.rim_waviness < 0.8
        same = CatalogueSilhouette("dress", 0, draft("skirt").rasterise(28, 1.0).astype(np.float32) / 255)
        other = CatalogueSilhouette("coat", 0, draft("hoodie").rasterise(28, 1.0).astype(np.float32) / 255)
        near = coverage(bank, [same, other])
    assert near["dress"] > 0.97 and near["coat"] < near["dress"]
    assert near["all"] == pytest.approx((near["dress"] + near["coat"]) / 2)


@pytest.mark.parametrize(("scale", "x", "y"), [(1.0, 0.0, 0.0), (0.97, 0.4, -0.3), (1.02, -0.5, 0.2)])
def test_an_entry_is_laid_where_it_overlaps_most(bank_file, scale, x, y) -> None:
    drawn = draft("t_shirt").rasterise(512).astype(np.float32) / 255
    size = 28 / 512 * scale * 1.05
    shift = 14 - 256 * size
    matrix = np.array([[size, 0, shift + x], [0, size, shift + y]]) * 8
    fine = cv2.warpAffine(drawn, matrix, (224, 224), flags=cv2.INTER_LINEAR)
    off = CatalogueSilhouette("t-shirt", 0, cv2.resize(fine, (28, 28), interpolation=cv2.INTER_AREA))
    with Bank.open(bank_file) as bank:
        assert coverage(bank, [off])["all"] > 0.98


def test_the_command_puts_banks_side_by_side(bank_file, capsys) -> None:
    pictures = np.stack([draft("trousers").rasterise(28, 1.0)] * 12)
    for name, data, header in (("images-idx3", pictures, 16), ("labels-idx1", np.ones(12, np.uint8), 8)):
        with gzip.open(bank_file.parent / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + data.tobytes())
    words = ["bank", "report", str(bank_file), str(bank_file), "--catalogue", str(bank_file.parent)]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["catalogue_silhouettes"] == 2
    assert found["banks"][str(bank_file)]["entries"] == 3
    assert found["banks"][str(bank_file)]["coverage"]["trousers"] > 0.9
    assert main([*words, "--limit", "0"]) != 0
