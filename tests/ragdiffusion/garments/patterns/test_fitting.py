"""Fitting patterns to silhouettes, the population they come from, and what measures say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.attributes import validate
from ragdiffusion.garments.patterns import MeasureError, defaults, draft, draft_near, kinds, specs
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.fitting import (
    HIDDEN,
    Fits,
    coverage_of,
    draw_library,
    filling_frame,
    fit,
    fit_deviations,
    fit_from,
    soft_overlap,
)
from ragdiffusion.garments.patterns.library import as_measures, as_vectors, framed, polygons
from ragdiffusion.garments.patterns.population import Population, bundled_population
from ragdiffusion.garments.patterns.raster import coverages
from ragdiffusion.garments.patterns.rules import broken
from ragdiffusion.garments.patterns.tidiness import is_tidy, sharpest_corner, sleeve_relief


@pytest.mark.parametrize("kind", ["shirt", "trousers", "strap_dress", "one_shoulder_top", "hoodie"])
def test_a_library_draws_the_silhouettes_that_drafts_have(kind: str) -> None:
    measures = {key: np.array([value, value]) for key, value in defaults(kind).items()}
    many = coverages(framed(polygons(KINDS[kind], measures), 64, 1.12), 64)
    one = draft(kind).rasterise(64) / 255
    assert soft_overlap(many[0].ravel(), one.ravel()) > 0.985
    assert np.array_equal(many[0], many[1])


def test_coverage_is_exact_for_a_box() -> None:
    box = np.array([[[1.25, 2.0], [3.5, 2.0], [3.5, 4.5], [1.25, 4.5]]])
    found = coverages([box], 6)[0]
    assert found.sum() == pytest.approx(2.25 * 2.5)
    assert found[2].tolist() == pytest.approx([0, 0.75, 1, 0.5, 0, 0]) and found[4, 2] == pytest.approx(0.5)
    overlapping = coverages([box, box + 0.5], 8)[0]
    assert overlapping.max() == 1.0


def test_a_level_edge_covers_its_share_of_a_pixel_however_few_strips_there_are() -> None:
    for hem in (4.1, 4.3, 4.55, 4.99):
        found = coverages([np.array([[[1.0, 2.2], [4.0, 2.2], [4.0, hem], [1.0, hem]]])], 6, lines=4)[0]
        assert found[4, 1:4] == pytest.approx(hem - 4) and found[2, 1:4] == pytest.approx(0.8)
    outside = coverages([np.array([[[-2.0, -3.0], [9.0, -3.0], [9.0, 9.0], [-2.0, 9.0]]])], 6, lines=4)[0]
    assert (outside == 1).all()


def test_a_straight_hem_is_not_taken_for_a_round_one() -> None:
    kind = KINDS["t_shirt"]
    library = draw_library(kind, 40, 28, np.random.default_rng(3))
    vectors = library.vectors.copy()
    vectors[:, list(kind.measures).index("hem_curve")] = 0.0
    wanted = coverage_of(kind, vectors, library.place, 28).reshape(-1, 28, 28)
    start = library.vectors.copy()
    start[:, list(kind.measures).index("hem_curve")] = 3.0
    found = fit(kind, wanted, start, library.place).vectors[:, list(kind.measures).index("hem_curve")]
    assert np.median(np.abs(found)) < 0.6


def test_a_blurred_picture_is_fitted_as_sharp_as_the_garment_was() -> None:
    kind = KINDS["jacket"]
    library = draw_library(kind, 24, 28, np.random.default_rng(4))
    sharp = library.coverage.reshape(-1, 28, 28)
    blurred = np.stack([cv2.GaussianBlur(one, (0, 0), 0.45, borderType=cv2.BORDER_CONSTANT) for one in sharp])
    start = library.vectors + 0.02 * np.array([spec.high - spec.low for spec in kind.measures.values()])
    start = np.clip(start, [s.low for s in kind.measures.values()], [s.high for s in kind.measures.values()])
    knowing, unknowing = (fit(kind, blurred, start, library.place, blur=blur) for blur in (0.45, 0.0))
    drawn = [coverage_of(kind, fits.vectors, fits.place, 28) for fits in (knowing, unknowing)]
    nearer = [((one - library.coverage) ** 2).sum(1).mean() for one in drawn]
    assert nearer[0] < 0.5 * nearer[1]


def test_a_fit_is_as_large_as_its_kind_usually_is() -> None:
    kind = KINDS["t_shirt"]
    large = {key: spec.default * (1.2 if spec.unit == "cm" else 1) for key, spec in kind.measures.items()}
    vector = np.array([[large[key] for key in kind.measures]])
    silhouette, place = filling_frame(kind, vector, 28)
    fits = fit(kind, silhouette.reshape(-1, 28, 28), vector, place)
    found = as_measures(kind, fits.vectors)
    for key in ("body_length", "shoulder_width", "chest"):
        assert found[key] == pytest.approx(kind.measures[key].default, rel=0.03)
    assert fits.overlap[0] > 0.99


def test_a_fit_finds_the_silhouette_it_was_drawn_from() -> None:
    kind = KINDS["trousers"]
    rng = np.random.default_rng(1)
    wanted, library = draw_library(kind, 6, 28, rng), draw_library(kind, 500, 28, rng)
    targets = wanted.coverage.reshape(-1, 28, 28)
    start = soft_overlap(wanted.coverage[:, None], library.coverage[None]).argmax(1)
    before = soft_overlap(library.coverage[start], wanted.coverage)
    fits = fit(kind, targets, library.vectors[start], library.place[start])
    assert fits.overlap.mean() > 0.985 and (fits.overlap >= before).all()
    assert not broken(kind, as_measures(kind, fits.vectors)).any()
    again = coverage_of(kind, fits.vectors, fits.place, 28)
    assert np.allclose(soft_overlap(again, wanted.coverage), fits.overlap, atol=1e-5)


def test_vectors_and_measures_are_inverse() -> None:
    kind = KINDS["skirt"]
    vectors = np.random.default_rng(0).random((3, len(kind.measures)))
    assert np.array_equal(as_vectors(kind, as_measures(kind, vectors)), vectors)


@pytest.mark.parametrize("kind", kinds())
def test_what_the_population_draws_is_in_range_and_tidy_enough_to_draw(kind: str) -> None:
    measures = bundled_population().sample(kind, np.random.default_rng(5))
    assert all(spec.low <= measures[spec.key] <= spec.high for spec in specs(kind))
    validate(attributes_of(draft(kind, measures)))


def test_a_population_is_read_back_within_its_rounding(tmp_path) -> None:
    kind = KINDS["skirt"]
    row = np.array([[spec.low + 0.3 * (spec.high - spec.low) for spec in kind.measures.values()]])
    Population({"skirt": row}).save(tmp_path / "p.npz")
    back = Population.load(tmp_path / "p.npz").fits["skirt"]
    span = np.array([spec.high - spec.low for spec in kind.measures.values()])
    assert (np.abs(back - row) <= span / 255 / 2 + 1e-9).all()


def test_kinds_without_fits_borrow_what_they_share() -> None:
    fits = np.array([[spec.default for spec in KINDS["longsleeve"].measures.values()]] * 3)
    population = Population({"longsleeve": fits})
    pool = population.pool("hoodie")
    names = list(KINDS["hoodie"].measures)
    assert len(pool) == 3 and np.isnan(pool[:, names.index("hood_height")]).all()
    assert pool[0, names.index("chest")] == KINDS["longsleeve"].measures["chest"].default
    assert len(population.pool("trousers")) == 0


def test_no_population_says_what_to_do(tmp_path) -> None:
    with pytest.raises(ValueError, match="no population of patterns at"):
        Population.load(tmp_path / "none.npz")
    with (tmp_path / "old.npz").open("wb") as file:
        np.savez(file, schema=np.int64(0))
    with pytest.raises(ValueError, match="schema 0, wanted 1"):
        Population.load(tmp_path / "old.npz")
    with pytest.raises(MeasureError, match="there is no kind 'tent'"):
        bundled_population().pool("tent")


@pytest.mark.parametrize(
    ("kind", "measures", "wanted"),
    [
        ("t_shirt", {}, {"category": "T-shirt", "collar": "Round", "sleeve_length": "Short", "length": "Medium"}),
        ("longsleeve", {"neck_shape": 0.1}, {"collar": "V-neck", "sleeve_length": "Long"}),
        ("hoodie", {}, {"collar": "Hooded"}),
        ("polo", {}, {"collar": "Polo", "category": "Polo"}),
        ("dress", {"body_length": 130, "sleeve_length": 40}, {"length": "Long", "sleeve_length": "Mid"}),
        ("bandeau", {}, {"collar": "Strapless", "sleeve_length": "Sleeveless", "length": "Extra Short"}),
        ("shorts", {}, {"category": "Unknown", "length": "Short", "collar": "Unknown"}),
    ],
)
def test_measures_say_what_table_6_calls_them(kind: str, measures: dict, wanted: dict) -> None:
    found = attributes_of(draft(kind, measures))
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("kind", ["t_shirt", "shirt", "sweater", "tank", "dress", "jacket"])
def test_most_garments_of_a_catalogue_are_regular_and_wider_ones_loose(kind: str) -> None:
    rng = np.random.default_rng(0)
    fits = []
    for _ in range(60):
        measures = bundled_population().sample(kind, rng)
        fits.append(attributes_of(draft(kind, measures))["fit"])
    assert fits.count("Regular") >= max(fits.count("Slim"), fits.count("Loose"))
    usual = defaults(kind)
    wide = {key: 1.4 * usual["shoulder_width"] for key in ("chest", "waist", "hem")}
    assert attributes_of(draft_near(kind, {**usual, **wide}))["fit"] == "Loose"


def test_thorns_and_hidden_sleeves_are_seen() -> None:
    plain = draft("t_shirt")
    assert is_tidy(plain) and sharpest_corner(plain) > 60
    thorny = draft("blouse", {"sleeve_length": 30, "cuff": 40, "biceps": 14, "sleeve_angle": 60})
    assert sharpest_corner(thorny) < 40 and not is_tidy(thorny)
    spread = draft("longsleeve", {"sleeve_angle": 45})
    hanging = draft("longsleeve", {"sleeve_angle": 6, "chest": 44, "waist": 50, "hem": 54, "biceps": 14})
    assert sleeve_relief(spread) > sleeve_relief(hanging) and sleeve_relief(draft("tank")) == 1.0


def test_a_silhouette_that_is_blurred_says_less_of_the_measures() -> None:
    kind = KINDS["trousers"]
    drawn = draw_library(kind, 2, 28, np.random.default_rng(1))
    sharp = drawn.coverage.reshape(-1, 28, 28)
    blurred = np.stack([cv2.GaussianBlur(shape, (0, 0), 2.0) for shape in sharp])
    fits = Fits(drawn.vectors, drawn.place, np.ones(2))
    sure, unsure = (fit_deviations(kind, targets, fits) for targets in (sharp, blurred))
    shown = {spec.key for spec in kind.measures.values() if spec.key not in HIDDEN and spec.high > spec.low}
    for one, other in zip(sure, unsure, strict=True):
        assert set(one) == shown and "waistband" not in one
        for key, off in one.items():
            span = kind.measures[key].high - kind.measures[key].low
            assert 0 < off <= other[key] <= span / 2
        assert sum(other.values()) > 1.5 * sum(one.values())


def test_what_a_blurred_silhouette_leaves_open_stays_as_it_was_in_a_start_that_is_alike():
    start = draft("tank", {"shoulder_width": 30.0, "neck_width": 18.0, "neck_drop_back": 9.0, "hem": 52.0})
    target = cv2.GaussianBlur(start.rasterise(28, 1.0).astype(np.float32) / 255, (0, 0), 1.5)[None]
    apart = {}
    for alike in (True, False):
        found = dict(zip(start.measures, fit_from([start], target, alike=alike).vectors[0], strict=True))
        shown = [key for key in start.measures if key not in HIDDEN]
        ranges = {spec.key: spec.high - spec.low for spec in specs("tank")}
        apart[alike] = sum(abs(found[key] - start.measures[key]) / ranges[key] for key in shown if ranges[key] > 0)
    assert apart[True] < 0.6 * apart[False]
