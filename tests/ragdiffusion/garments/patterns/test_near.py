"""The nearest pattern to measures that contradict each other."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.garments.patterns import MeasureError, defaults, draft, draft_near, kinds, specs


def _way(kind: str, one: dict[str, float], other: dict[str, float]) -> float:
    """Mean distance between measures, in shares of their ranges."""
    moving = [spec for spec in specs(kind) if spec.high > spec.low]
    return float(np.mean([abs(one[spec.key] - other[spec.key]) / (spec.high - spec.low) for spec in moving]))


def test_what_is_out_of_range_or_contradicts_is_brought_near() -> None:
    allowed = {spec.key: spec for spec in specs("t_shirt")}
    near = draft_near("t_shirt", {"chest": 10, "body_length": 500, "biceps": 36, "armhole_depth": 14})
    assert near.measures["chest"] == allowed["chest"].low
    assert near.measures["body_length"] == allowed["body_length"].high
    assert near.measures["biceps"] < 36
    with pytest.raises(MeasureError, match="biceps"):
        draft("t_shirt", {**near.measures, "biceps": 36.0})


def test_a_broken_rule_moves_its_own_measure_up_or_down_and_no_other() -> None:
    """A hood narrower than its neck becomes wider, one that hangs too low shorter: as far as the rule asks."""
    for kind, key, wrong, way in (("hoodie", "hood_width", 18.0, 1), ("trousers", "thigh", 40.0, -1)):
        wanted = {**defaults(kind), key: wrong}
        if key == "hood_width":
            wanted["neck_width"] = 24.0
        with pytest.raises(MeasureError, match=f"^{key}"):
            draft(kind, wanted)
        near = draft_near(kind, wanted).measures
        assert way * (near[key] - wrong) > 0, (key, near[key])
        assert {other for other in wanted if near[other] != wanted[other]} == {key}
        with pytest.raises(MeasureError):
            draft(kind, {**near, key: near[key] - way})  # no further than it had to


def test_what_no_single_measure_mends_comes_nearer_to_what_can_be_drawn(monkeypatch) -> None:
    """Towards the measures that are given, a step at a time; those themselves, where nothing else can be drawn."""
    from ragdiffusion.garments.patterns import near

    known, wanted = {**defaults("t_shirt"), "chest": 50.0}, {**defaults("t_shirt"), "chest": 58.0}
    asked: list[float] = []

    def only_below(limit: float):
        def drafted(kind: str, measures: dict[str, float]):
            asked.append(measures["chest"])
            if measures["chest"] > limit:
                raise MeasureError("chest: the outline crosses itself")
            return draft(kind, measures)

        return drafted

    monkeypatch.setattr(near, "draft", only_below(55.5))
    assert draft_near("t_shirt", wanted, towards=known).measures["chest"] == 55 and asked == [58, 57, 56, 55]
    monkeypatch.setattr(near, "draft", only_below(50.5))
    assert draft_near("t_shirt", wanted, towards=known).measures == known


@pytest.mark.parametrize("kind", kinds()[::7])
def test_random_measures_are_drawn_nearer_than_by_drawing_all_of_them_to_the_typical_garment(kind: str) -> None:
    rng, own, ways = np.random.default_rng(0), defaults(kind), []
    for _ in range(4):
        drawn = {s.key: float(s.default + 0.35 * rng.normal() * (s.high - s.low)) for s in specs(kind)}
        wanted = {s.key: min(max(drawn[s.key], s.low), s.high) for s in specs(kind)}
        ways.append((_way(kind, draft_near(kind, drawn).measures, wanted), _way(kind, own, wanted)))
    assert all(near <= typical for near, typical in ways)
    assert np.mean([near for near, _ in ways]) < 0.5 * np.mean([typical for _, typical in ways])


def test_unknown_measures_are_named() -> None:
    with pytest.raises(MeasureError, match="no \\['inseam'\\]"):
        draft_near("t_shirt", {"inseam": 70})
    with pytest.raises(MeasureError, match="there is no kind 'tent'"):
        draft_near("tent", {})


def test_what_can_be_drawn_is_kept_to_the_digit() -> None:
    wanted = {**defaults("shirt"), "chest": 57.1234}
    assert draft_near("shirt", wanted).measures == wanted
