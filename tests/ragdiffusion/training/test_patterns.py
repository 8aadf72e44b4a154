"""Fitting a catalogue: chunks that are kept, what joins the population, and the command."""

from __future__ import annotations

import gzip
import json

import cv2
import numpy as np
import pytest

from ragdiffusion.cli import main
from ragdiffusion.garments.datasets.catalogue28 import CatalogueSilhouette
from ragdiffusion.garments.patterns import defaults, draft
from ragdiffusion.garments.patterns.fitting import Fits
from ragdiffusion.garments.patterns.population import Population
from ragdiffusion.training import patterns as training
from ragdiffusion.training.patterns import Fitted, fit_silhouettes, gather, in_turn, without_collars


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


@pytest.mark.parametrize(("cap", "taken"), [(0.97, "t_shirt"), (0.99, "cap_sleeve_top")])
def test_a_cap_has_to_come_clearly_nearer_than_a_sleeve(tmp_path, monkeypatch, cap, taken):
    overlaps = {"cap_sleeve_top": cap, "t_shirt": 0.95}

    def fit(kind, targets, vectors, place, *, blur):
        return Fits(vectors, place, np.full(len(targets), overlaps[kind.key]))

    monkeypatch.setattr(training, "fit", fit)
    wanted = [silhouette("t_shirt", 1, "t-shirt")]
    (found,) = fit_silhouettes(wanted, tmp_path, tried={"t-shirt": ("cap_sleeve_top", "t_shirt")})
    assert (found.kind, found.overlap) == (taken, overlaps[taken])


def test_blurred_corners_are_no_puffs_and_no_slants(tmp_path):
    """A real outline is rounder than a pattern's: its rim is blurred by a pixel and a half of 28."""
    measures = {"sleeve_length": 22, "sleeve_angle": 42, "biceps": 17, "cuff": 15, "sleeve_puff": 0, "chest": 50}
    large = draft("t_shirt", measures).rasterise(224, 1.0)
    blurred = cv2.resize(cv2.GaussianBlur(large, (0, 0), 12), (28, 28), interpolation=cv2.INTER_AREA)
    blurred = np.clip((blurred.astype(np.float32) / 255 - 0.5) * 3 + 0.5, 0, 1)
    (found,) = fit_silhouettes([CatalogueSilhouette("t-shirt", 1, blurred)], tmp_path, tried={"t-shirt": ("t_shirt",)})
    typical = defaults("t_shirt")
    for key, most in (("sleeve_puff", 1.0), ("sleeve_bow", 0.6), ("cuff_slant", 5.0)):
        assert abs(found.measures[key] - typical[key]) < most, key
    assert found.overlap > 0.94


def test_caps_as_wide_as_sleeves_do_not_join():
    cap = defaults("cap_sleeve_top")
    wide = {**cap, "chest": 64.0, "waist": 44.0, "hem": 50.0}
    assert draft("cap_sleeve_top", wide)
    population = gather([Fitted("cap_sleeve_top", m, 0.97, "t-shirt", i) for i, m in ((1, cap), (2, wide))])
    assert population.fits["cap_sleeve_top"][:, list(cap).index("chest")].tolist() == [cap["chest"]]


def test_what_is_called_sleeveless_has_no_sleeves():
    tank = {**defaults("tank"), "chest": 38.0, "waist": 37.0, "hem": 40.0, "shoulder_width": 36.0, "body_length": 66.0}
    broad = {**tank, "chest": 52.0, "waist": 50.0, "hem": 54.0, "body_length": 64.0}
    several = (
        tank,
        {**tank, "shoulder_width": 43.0},  # caps
        {**broad, "neck_drop_back": 2.0},  # sleeves held close
        {**broad, "neck_drop_back": 8.0},  # a wide top that hangs from straps
    )
    population = gather([Fitted("tank", m, 0.97, "t-shirt", i + 1) for i, m in enumerate(several)])
    assert population.fits["tank"][:, list(tank).index("chest")].tolist() == [38.0, 52.0]
    dress = {**defaults("sleeveless_dress"), "chest": 40.0, "waist": 37.0, "shoulder_width": 38.0}
    melted = {**dress, "chest": 0.47 * dress["body_length"], "waist": 0.46 * dress["body_length"]}
    some = [Fitted("sleeveless_dress", m, 0.97, "dress", i + 1) for i, m in enumerate((dress, melted))]
    assert len(gather(some).fits["sleeveless_dress"]) == 1


def test_armholes_are_cut_into_the_body():
    m = {**defaults("tank"), "chest": 38.0, "waist": 37.0, "hem": 40.0, "body_length": 66.0}
    shoulders = {number: m["chest"] * share for number, share in ((1, 0.8), (2, 1.05))}
    fits = [
        Fitted("tank", {**m, "shoulder_width": wide}, 0.97, "t-shirt", number) for number, wide in shoulders.items()
    ]
    rows = gather(fits).fits["tank"]
    keys = list(m)
    narrow, cut = rows[:, keys.index("shoulder_width")] / rows[:, keys.index("chest")]
    assert narrow == pytest.approx(0.8, abs=0.01) and cut == pytest.approx(training.ARMHOLE, abs=0.01)


def test_a_collar_has_to_come_clearly_nearer_than_none(monkeypatch):
    wanted = [silhouette("t_shirt", 1, "t-shirt"), silhouette("polo", 2, "t-shirt"), silhouette("polo", 3, "shirt")]
    polos = [Fitted("polo", defaults("polo"), 0.95, one.category, one.number) for one in wanted]
    plain, collared, other = without_collars(wanted, polos)
    assert (plain.kind, plain.number) == ("t_shirt", 1) and plain.overlap > 0.95
    assert plain.overlap == pytest.approx(overlap_of(plain, wanted[0]), abs=0.02)
    assert other is polos[2], "shirts keep theirs"

    def fit_from(starts, targets, *, blur):
        return Fits(np.zeros((2, len(starts[0].measures))), np.zeros((2, 3)), np.full(len(targets), 0.93))

    monkeypatch.setattr(training, "fit_from", fit_from)
    assert without_collars(wanted, polos) == polos, "none is near enough"
    assert without_collars([], []) == []


def overlap_of(one: Fitted, wanted: CatalogueSilhouette) -> float:
    drawn = draft(one.kind, one.measures).rasterise(28, 1.0) / 255
    both = (drawn * wanted.coverage).sum()
    return float(both / ((drawn**2).sum() + (wanted.coverage**2).sum() - both))


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
