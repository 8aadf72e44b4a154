"""What is known of a garment's shape, and what retrieval makes of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import defaults
from ragdiffusion.retrieval.ranking import LAID_WEIGHTS, WORN_WEIGHTS
from ragdiffusion.retrieval.retriever import evidence_of, group_worn, ranking_of, support_of


def _bar(left: int, right: int) -> torch.Tensor:
    """An upright bar of a picture of 64 x 64."""
    mask = torch.zeros(64, 64)
    mask[8:56, left:right] = 1
    return mask


def _sight(*, worn: bool, name: str | None = "upper", expected: torch.Tensor | None = None) -> SimpleNamespace:
    return SimpleNamespace(outline=_bar(8, 24), expected=expected, garment=SimpleNamespace(worn=worn, name=name))


def test_the_outline_counts_for_what_nobody_wears_only() -> None:
    laid, worn = (evidence_of(_sight(worn=worn, expected=_bar(16, 48))) for worn in (False, True))
    assert [weight for _, weight in laid] == [LAID_WEIGHTS.outline, LAID_WEIGHTS.expected]
    assert torch.equal(laid[0][0], _bar(8, 24)) and torch.equal(laid[1][0], _bar(16, 48))
    assert [weight for _, weight in worn] == [WORN_WEIGHTS.expected] and torch.equal(worn[0][0], _bar(16, 48))
    alone = _sight(worn=True)  # without SilhouetteNet nothing is known of a worn one
    assert evidence_of(alone) == [] and ranking_of(alone) is None and support_of(alone, None) is None


def test_support_is_the_weighted_overlap() -> None:
    # With the outline (columns 8 to 24) and what is expected (16 to 48).
    neighbours = SimpleNamespace(silhouettes=torch.stack([_bar(8, 24), _bar(16, 48), _bar(48, 60)]))
    sight = _sight(worn=False, expected=_bar(16, 48))
    outline, expected = torch.tensor([1, 8 / 40, 0]), torch.tensor([8 / 40, 1, 0])
    total = LAID_WEIGHTS.outline + LAID_WEIGHTS.expected
    wanted = (LAID_WEIGHTS.outline * outline + LAID_WEIGHTS.expected * expected) / total
    torch.testing.assert_close(support_of(sight, neighbours), wanted, atol=0.01, rtol=0)
    worn = support_of(_sight(worn=True, expected=_bar(16, 48)), neighbours)
    torch.testing.assert_close(worn, expected, atol=0.01, rtol=0)


@pytest.mark.parametrize(("name", "group"), [("outer", "upper"), ("lower", "lower"), ("dress", "dress"), (None, None)])
def test_the_parse_says_which_group_comes_first(name: str | None, group: str | None) -> None:
    assert group_worn(_sight(worn=True, name=name)) == group
    assert ranking_of(_sight(worn=True, name=name, expected=_bar(16, 48))).group == group


def test_a_pattern_of_the_entries_is_cut_to_what_is_expected(tiny_model, make_photo, monkeypatch) -> None:
    sight = tiny_model.see(make_photo(3))
    assert tiny_model.retrieve(sight).drafted is None  # this bank's entries have no patterns
    asked = []

    def patterns(bank, ids):
        asked.append(tuple(ids))
        return {ids[1]: PatternSpec("trousers", defaults("trousers")), ids[0]: PatternSpec("tank", defaults("tank"))}

    monkeypatch.setattr(type(tiny_model.bank), "patterns", patterns)
    guide = tiny_model.retrieve(sight)
    assert asked == [guide.neighbours.ids]
    assert guide.drafted.pattern.kind in ("tank", "trousers") and guide.landmark_source == "consensus"
    drawn = torch.from_numpy(guide.drafted.pattern.rasterise(32)).float() / 255
    small = F.interpolate(sight.expected[None, None], size=(32, 32), mode="area")[0, 0]
    overlap = torch.minimum(drawn, small).sum() / torch.maximum(drawn, small).sum()
    assert guide.drafted.overlap == pytest.approx(float(overlap), abs=0.08)
    picture = tiny_model.generate(sight, guide.draft(), seed=0)
    assert torch.equal(picture.guide.landmark, guide.draft().landmark)
