"""The drafted candidate: patterns cut to a silhouette, and which of them is taken."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import Pattern, defaults, draft
from ragdiffusion.garments.patterns.fitting import HIDDEN
from ragdiffusion.garments.patterns.pattern import kind_of
from ragdiffusion.retrieval.drafting import KINDS_TRIED, draft_to


def _shape(pattern: Pattern) -> torch.Tensor:
    return torch.from_numpy(pattern.rasterise(128)).float() / 255


def _start(kind: str, **measures: float) -> PatternSpec:
    return PatternSpec(kind, {**defaults(kind), **measures})


def _iou(one: Pattern, other: Pattern) -> float:
    a, b = (_shape(pattern) > 0.5 for pattern in (one, other))
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="module")
def long_shirt() -> Pattern:
    """A T-shirt that is longer, and has longer sleeves, than any start has."""
    return draft("t_shirt", {"body_length": 82, "sleeve_length": 32})


def test_measures_are_found_from_another_pattern_of_the_kind(long_shirt) -> None:
    first = draft("t_shirt")
    found = draft_to(_shape(long_shirt), [_start("t_shirt")])
    assert found.pattern.kind == "t_shirt" and _iou(first, long_shirt) < 0.9
    assert found.overlap > 0.95 and _iou(found.pattern, long_shirt) > 0.95
    # A silhouette has no size in cm, so shares of the body's length are compared.
    for key in ("sleeve_length", "chest", "hem", "biceps"):
        share = [pattern.measures[key] / pattern.measures["body_length"] for pattern in (first, long_shirt)]
        own = found.pattern.measures[key] / found.pattern.measures["body_length"]
        assert abs(own - share[1]) < 0.35 * abs(share[0] - share[1]) + 0.03, key


def test_deviations_are_of_the_measures_that_a_silhouette_shows(long_shirt) -> None:
    found = draft_to(_shape(long_shirt), [_start("t_shirt")])
    kind = kind_of("t_shirt")
    assert set(found.deviations) == {
        spec.key for spec in kind.measures.values() if spec.key not in HIDDEN and spec.high > spec.low
    }
    for key, off in found.deviations.items():
        assert 0 < off <= (kind.measures[key].high - kind.measures[key].low) / 2, key
    assert not {"neck_drop_front", "hem_slant"} & set(found.deviations)
    sleeveless = draft_to(_shape(draft("tank")), [_start("tank")])
    assert "sleeve_length" not in sleeveless.deviations and sleeveless.overlap > 0.97


def test_what_cannot_be_drawn_is_passed_over(long_shirt) -> None:
    shape = _shape(long_shirt)
    bad = [
        PatternSpec("tent", {}),
        PatternSpec("t_shirt", {"number_of_wings": 2.0}),
        PatternSpec("t_shirt", {"chest": 9999.0}),
    ]
    assert draft_to(shape, bad) is None and draft_to(shape, []) is None
    assert draft_to(shape, [*bad, _start("t_shirt")]).pattern.kind == "t_shirt"


def test_the_first_of_each_kind_is_cut_and_the_nearest_taken(monkeypatch) -> None:
    cut = []
    from ragdiffusion.retrieval import drafting

    real = drafting._cut
    monkeypatch.setattr(drafting, "_cut", lambda first, target: cut.append(first) or real(first, target))
    trousers = draft("trousers")
    starts = [_start("t_shirt"), _start("t_shirt", body_length=80), _start("trousers"), _start("skirt")]
    found = draft_to(_shape(trousers), starts)
    assert [first.kind for first in cut] == ["t_shirt", "trousers"] and len(cut) == KINDS_TRIED
    assert cut[0].measures["body_length"] == defaults("t_shirt")["body_length"]
    assert found.pattern.kind == "trousers" and found.overlap > 0.97


def test_of_two_kinds_that_fit_alike_the_likelier_one_stays() -> None:
    shape = _shape(draft("t_shirt"))
    assert draft_to(shape, [_start("t_shirt"), _start("innerwear")]).pattern.kind == "t_shirt"


def test_measures_that_contradict_each_other_go_back_towards_the_start() -> None:
    """What comes out can always be drawn, even of a shape that no garment has."""
    rng = np.random.default_rng(0)
    noise = torch.from_numpy((rng.random((8, 8)) > 0.5).astype(np.float32)).repeat_interleave(16, 0)
    found = draft_to(noise.repeat_interleave(16, 1), [_start("longsleeve")])
    told = json.loads(json.dumps(found.summary()))
    assert set(told) == {"kind", "measures", "deviations", "overlap"}
    assert told["measures"] == pytest.approx(found.pattern.measures, abs=0.006)
    again = draft(found.pattern.kind, found.pattern.measures)
    np.testing.assert_array_equal(again.rasterise(64), found.pattern.rasterise(64))
    assert found.overlap < 0.8


def test_measures_are_whole_steps_as_a_person_would_set_them(long_shirt) -> None:
    found = draft_to(_shape(long_shirt), [_start("t_shirt")]).pattern
    for spec in kind_of("t_shirt").measures.values():
        value = found.measures[spec.key]
        assert spec.low <= value <= spec.high and round(value, 2 if spec.unit == "ratio" else 1) == value, spec.key
    assert draft(found.kind, json.loads(json.dumps(found.measures))).measures == found.measures
    sleeve = kind_of("t_shirt").measures["sleeve_length"]
    assert (sleeve.rounded(22.26), sleeve.rounded(99.0), sleeve.step) == (22.3, sleeve.high, 0.1)
