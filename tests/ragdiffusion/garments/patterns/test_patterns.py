"""Every kind of pattern, at its defaults, at drawn measures and at contradicting ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.patterns import MeasureError, Pattern, defaults, draft, kinds, sample, specs
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.merging import crosses_itself
from ragdiffusion.garments.patterns.raster import coverage
from ragdiffusion.images import canonical_square

SIZE = 96


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def drawn(kind: str, seed: int = 0) -> Pattern:
    return draft(kind, sample(kind, np.random.default_rng(seed)))


def test_every_category_of_table_6_can_be_drawn() -> None:
    assert {KINDS[kind].category for kind in kinds()} - {None} == set(ATTRIBUTES[0].values)


@pytest.mark.parametrize("kind", kinds())
def test_a_typical_garment_is_one_part_without_a_hole(kind: str) -> None:
    silhouette = (draft(kind).rasterise(SIZE) > 127).astype(np.uint8)
    parts, _ = cv2.connectedComponents(silhouette)
    grounds, _ = cv2.connectedComponents(np.pad(1 - silhouette, 1, constant_values=1))
    assert (parts, grounds) == (2, 2)


@given(st.sampled_from(kinds()), st.data())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_an_outline_never_crosses_itself(kind: str, data: st.DataObject) -> None:
    reach = data.draw(st.floats(0, 1), "reach")  # towards the ends of the ranges, where measures contradict each other
    measures = {}
    for spec in specs(kind):
        share = data.draw(st.floats(0, 1), spec.key)
        measures[spec.key] = spec.default + reach * (spec.low + share * (spec.high - spec.low) - spec.default)
    try:
        pattern = draft(kind, measures)
    except MeasureError as error:
        assert str(error).split()[0].rstrip(":") in KINDS[kind].measures
        return
    assert crosses_itself(pattern.polygon(0.05)) is None


@pytest.mark.parametrize("kind", kinds())
def test_drawn_measures_are_in_range_and_can_be_drawn(kind: str) -> None:
    measures = sample(kind, np.random.default_rng(3))
    assert all(spec.low <= measures[spec.key] <= spec.high for spec in specs(kind))
    assert draft(kind, measures).measures == measures


@pytest.mark.parametrize("kind", [kind for kind in kinds() if KINDS[kind].mirrored])
def test_a_pattern_is_its_own_mirror_image(kind: str) -> None:
    level = {key: 0.0 for key in ("hem_slant", "slit", "slit_opening", "tie_length") if key in KINDS[kind].measures}
    pattern = draft(kind, {**drawn(kind).measures, **level})
    points, flipped = pattern.polygon(), pattern.outline.mirrored().polygon()
    assert np.abs(points[:, None] - flipped[None]).sum(-1).min(1).max() < 1e-6
    silhouette = pattern.rasterise(SIZE) > 127
    assert overlap(silhouette, silhouette[:, ::-1]) > 0.98


@pytest.mark.parametrize("kind", kinds())
def test_panels_fill_the_outline(kind: str) -> None:
    pattern = drawn(kind, 1)
    scale, origin = pattern.frame(2 * SIZE)
    whole = pattern.rasterise(2 * SIZE) > 127
    filled = coverage([panel.polygon() * scale + origin for panel in pattern.parts.values()], 2 * SIZE) > 127
    assert overlap(whole, filled) > 0.998


@pytest.mark.parametrize("kind", ["shirt", "hoodie", "trousers", "strap_dress"])
def test_a_panel_meets_its_edges_and_covers_them_with_its_grid(kind: str) -> None:
    pattern = draft(kind)
    scale, origin = pattern.frame(2 * SIZE)
    cells = []
    for panel in pattern.parts.values():
        grid = panel.grid(41, 61)
        assert np.allclose(grid[0, 0], panel.left.start) and np.allclose(grid[0, -1], panel.right.start)
        assert np.allclose(grid[-1, 0], panel.left.end) and np.allclose(grid[-1, -1], panel.right.end)
        quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=-2).reshape(-1, 4, 2)
        cells += list(quads * scale + origin)
    assert overlap(coverage(cells, 2 * SIZE) > 127, pattern.rasterise(2 * SIZE) > 127) > 0.985


def test_left_and_right_panels_mirror_each_other() -> None:
    parts = draft("shirt").parts
    u, v = np.random.default_rng(0).uniform(-1, 1, 50), np.random.default_rng(1).uniform(0, 1, 50)
    assert np.allclose(parts["sleeve_left"].at(u, v), parts["sleeve_right"].at(-u, v) * [-1, 1])
    assert parts["sleeve_left"].at(0, 0.5)[0] < 0
    assert np.allclose(parts["body"].at(0, v)[:, 0], 0)


def test_panel_coordinates_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"u in \[-1, 1\]"):
        draft("skirt").parts["skirt"].at(1.5, 0.5)


def test_measures_are_found_again_in_the_drawing() -> None:
    pattern = draft("skirt", {"waist": 36, "hem": 60, "skirt_length": 58, "hem_curve": 2, "waist_dip": 1})
    left, top, right, bottom = pattern.box
    assert (left, right) == pytest.approx((-30, 30))
    assert (top, bottom) == pytest.approx((0, 60), abs=0.02)
    shirt = draft("t_shirt", {"chest": 50, "neck_width": 18, "body_length": 70, "hem": 50, "hem_curve": 0})
    body = shirt.parts["body"]
    assert shirt.lines["neckline_front"].end == pytest.approx([9, 0])
    assert body.at(np.array([-1, 1]), 1)[:, 0] == pytest.approx([-25, 25]) and body.at(0, 1)[1] == pytest.approx(70)


def test_the_silhouette_lies_in_the_canonical_frame() -> None:
    cx, cy, side = canonical_square(draft("dress").rasterise(256) / 255.0)
    assert (cx, cy, side) == (pytest.approx(128, abs=1), pytest.approx(128, abs=1), pytest.approx(256, rel=0.01))


def test_a_finer_raster_covers_the_same_area() -> None:
    pattern = draft("jacket")
    assert pattern.rasterise(28).mean() == pytest.approx(pattern.rasterise(512).mean(), rel=0.02)


@pytest.mark.parametrize(
    ("kind", "measures", "message"),
    [
        ("t_shirt", {"neck_width": 32, "shoulder_width": 32}, "neck_width is 32 cm: the neck is wider"),
        ("t_shirt", {"sleeve_length": 500}, "sleeve_length is 500 cm: 9 to 40 wanted of t_shirt"),
        ("t_shirt", {"sleeve_length": float("nan")}, "sleeve_length is nan"),
        ("t_shirt", {"rise": 20}, "t_shirt has no measure 'rise'"),
        ("tent", {}, "there is no kind 'tent'"),
        ("longsleeve", {"sleeve_angle": 3, "chest": 72}, "sleeve_angle is 3 degrees: the sleeve lies within the body"),
        ("trousers", {"leg_hem": 8, "thigh": 46, "leg_gap": 0.4}, "thigh is 46 cm: the legs are wider than the hips"),
        ("dress", {"neck_drop_front": 4, "neck_drop_back": 20}, "neck_drop_back is 20 cm"),
        ("tank", {"body_length": 48, "armhole_depth": 38}, None),
    ],
)
def test_bad_measures_are_named(kind: str, measures: dict[str, float], message: str | None) -> None:
    if message is None:
        assert draft(kind, measures).measures["armhole_depth"] == 38
        return
    with pytest.raises(MeasureError) as error:
        draft(kind, measures)
    assert message in str(error.value)


def test_a_band_stands_on_the_neck_points_and_fills_the_neckline() -> None:
    plain, banded = draft("t_shirt"), draft("t_shirt", {"neck_band": 2.0})
    neck, drop = (banded.measures[key] for key in ("neck_width", "neck_drop_front"))
    assert "neck_band" not in plain.lines
    seam, edge = (banded.lines[name].polygon() for name in ("neck_band", "neckline_front"))
    assert np.allclose(seam, plain.lines["neckline_front"].polygon())
    assert edge[:, 1].max() == pytest.approx(drop - 2, abs=0.01)
    assert np.linalg.norm(edge[-1] - (neck / 2, 0)) == pytest.approx(2, abs=0.01) and edge[-1][1] < -1
    assert banded.box[1] == pytest.approx(edge[-1][1], abs=0.01)
    outside = plain.polygon()[(np.abs(plain.polygon()[:, 0]) > neck / 2 + 1)]
    assert np.abs(outside[:, None] - banded.polygon()[None]).sum(-1).min(1).max() < 0.1  # the rest is as it was


def test_svg_holds_the_outline_and_every_line_by_name() -> None:
    pattern = draft("shirt")
    text = pattern.svg()
    assert all(f'id="{name}"' in text for name in ("outline", *pattern.lines))
    assert 'id="placket"' not in pattern.svg(lines=False)
    assert "cm" in text and text.count("<path") == 1 + len(pattern.lines)


def test_corners_stay_corners() -> None:
    outline = draft("trousers").outline
    into, out = outline.segments[:, 3] - outline.segments[:, 2], np.roll(outline.segments, -1, axis=0)
    out = out[:, 1] - out[:, 0]
    cosine = (into * out).sum(1) / np.linalg.norm(into, axis=1) / np.linalg.norm(out, axis=1)
    assert (cosine < 0.8).sum() == 7  # two ends of the waist, four of the hems, the crotch


def test_defaults_are_those_of_the_specs() -> None:
    assert defaults("polo") == {spec.key: spec.default for spec in specs("polo")}
