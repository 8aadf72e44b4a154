"""Fitting a catalogue: chunks that are kept, what joins the population, and the command."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from ragdiffusion.cli import main
from ragdiffusion.garments.datasets.catalogue28 import CatalogueSilhouette
from ragdiffusion.garments.patterns import defaults, draft
from ragdiffusion.garments.patterns.population import Population
from ragdiffusion.training import patterns as training
from ragdiffusion.training.patterns import Fitted, fit_silhouettes, gather, in_turn


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(training, "DRAWN", 60)


def silhouette(kind: str, number: int, category: str, **measures: float) -> CatalogueSilhouette:
    return CatalogueSilhouette(category, number, draft(kind, measures).rasterise(28, 1.0).astype(np.float32) / 255)


def test_fits_are_kept_by_chunk_and_read_again(tmp_path, monkeypatch):
    wanted = [silhouette("skirt", 3, "skirt"), silhouette("skirt", 4, "skirt", hem=90, skirt_length=50)]
    tried = {"skirt": ("skirt",)}
    first = fit_silhouettes(wanted, tmp_path, tried=tried)
    assert [one.number for one in first] == [3, 4] and min(one.overlap for one in first) > 0.95
    monkeypatch.setattr(training, "fit", None)  # nothing is fitted again
    again = fit_silhouettes(wanted, tmp_path, tried=tried)
    assert [one.number for one in again] == [3, 4]
    assert again[1].measures == pytest.approx(first[1].measures)


def test_only_good_tidy_garments_that_are_not_held_out_join():
    good = Fitted("skirt", defaults("skirt"), 0.97, "skirt", 1)
    held_out = Fitted("skirt", defaults("skirt"), 0.97, "skirt", 20)
    poor = Fitted("skirt", defaults("skirt"), 0.9, "skirt", 2)
    thorny = Fitted(
        "blouse",
        {**defaults("blouse"), "sleeve_length": 30, "cuff": 40, "biceps": 14, "sleeve_angle": 60},
        0.97,
        "shirt",
        3,
    )
    population = gather([good, held_out, poor, thorny])
    assert {kind: len(rows) for kind, rows in population.fits.items()} == {"skirt": 1}


def test_categories_take_turns():
    many = [CatalogueSilhouette(category, i, np.zeros((28, 28))) for category in "ab" for i in range(50)]
    first = in_turn(many, run=5)[:20]
    assert [one.category for one in first] == list("aaaaabbbbbaaaaabbbbb")
    assert len({(one.category, one.number) for one in in_turn(many, run=7)}) == 100


def test_the_command_fits_and_writes_a_population(tmp_path, capsys):
    pictures = np.stack([draft("trousers").rasterise(28, 1.0)] * 4)
    for name, data, header in (("images-idx3", pictures, 16), ("labels-idx1", np.ones(4, np.uint8), 8)):
        with gzip.open(tmp_path / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + data.tobytes())
    words = [
        "data",
        "patterns",
        str(tmp_path / "p.npz"),
        "--fits",
        str(tmp_path / "fits"),
        "--catalogue",
        str(tmp_path),
    ]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["fitted"]["all"][0] == 4 and report["held_out"]["all"][0] == 1
    assert report["fitted"]["trousers"][1] > 0.9
    assert len(Population.load(tmp_path / "p.npz").fits["trousers"]) == 3
    assert main([*words, "--limit", "0"]) != 0
