"""Measures as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.garments.patterns import defaults, draft, sample, specs
from ragdiffusion.garments.patterns.code import MeasureCode, longer_side, nearest_drawable

KINDS = ("t_shirt", "trousers", "strap_dress")


@pytest.fixture(scope="module")
def patterns():
    rng = np.random.default_rng(0)
    return [draft(kind, sample(kind, rng)) for kind in KINDS for _ in range(6)]


@pytest.fixture(scope="module")
def code(patterns) -> MeasureCode:
    return MeasureCode.fitted(patterns)


def test_what_is_written_is_read(code, patterns) -> None:
    for pattern in patterns:
        read = code.decode(code.encode(pattern), pattern.kind)
        assert read == pytest.approx(pattern.measures, abs=1e-3)


def test_the_patterns_it_was_fitted_to_have_mean_0_and_deviation_1(code, patterns) -> None:
    written = np.stack([code.encode(pattern) for pattern in patterns])[:, :-1]
    varied = np.nanstd(written, axis=0) > 0.01
    np.testing.assert_allclose(np.nanmean(written, axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.nanstd(written, axis=0)[varied], 1, atol=0.05)


def test_a_garment_twice_as_large_differs_in_its_size_alone(code) -> None:
    small = defaults("trousers")
    large = {spec.key: small[spec.key] * (1.1 if spec.unit == "cm" else 1) for spec in specs("trousers")}
    one, other = code.encode(draft("trousers", small)), code.encode(draft("trousers", large))
    np.testing.assert_allclose(one[:-1], other[:-1], atol=1e-3)
    assert other[-1] - one[-1] == pytest.approx(np.log(1.1), abs=1e-3)


def test_what_a_kind_has_not_is_not_written(code) -> None:
    written = dict(zip(code.keys, code.encode(draft("trousers"))[:-1], strict=True))
    assert np.isnan(written["sleeve_length"]) and np.isfinite(written["inseam"])


def test_unknown_and_wild_numbers_are_read_within_the_ranges(code) -> None:
    wild = np.full(len(code.keys) + 1, 50.0, np.float32)
    wild[::2] = np.nan
    read = code.decode(wild, "t_shirt")
    assert set(read) == {spec.key for spec in specs("t_shirt")}
    assert all(spec.low <= read[spec.key] <= spec.high for spec in specs("t_shirt"))


def test_measures_that_contradict_are_moved_until_they_can_be_drawn() -> None:
    wanted = {**defaults("t_shirt"), "neck_width": 32.0, "shoulder_width": 32.0}
    with pytest.raises(ValueError, match="neck"):
        draft("t_shirt", wanted)
    drawn = nearest_drawable("t_shirt", wanted)
    assert drawn.measures["shoulder_width"] > 32 and drawn.measures["neck_width"] < 32
    fine = defaults("t_shirt")
    assert nearest_drawable("t_shirt", fine).measures == draft("t_shirt", fine).measures


def test_the_side_is_the_boxs_longer_one() -> None:
    left, top, right, bottom = draft("trousers").box
    assert longer_side(draft("trousers")) == max(right - left, bottom - top)


def test_bad_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="positive spreads"):
        MeasureCode(("chest",), (0.0,), (0.0,))
    with pytest.raises(ValueError, match="no patterns"):
        MeasureCode.fitted([])
