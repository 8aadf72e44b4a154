"""What is known of a garment's shape, and what retrieval makes of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import defaults
from ragdiffusion.retrieval.ranking import LAID_WEIGHTS, WORN_WEIGHTS
from ragdiffusion.retrieval.retriever import evidence_of, ranking_of, support_of

_SLEEVES = [attribute.key for attribute in ATTRIBUTES].index("sleeve_length")


def _bar(left: int, right: int) -> torch.Tensor:
    """An upright bar of a picture of 64 x 64."""
    mask = torch.zeros(64, 64)
    mask[8:56, left:right] = 1
    return mask


def _sight(
    *, worn: bool, name: str | None = "upper", expected: torch.Tensor | None = None, probabilities: dict | None = None
) -> SimpleNamespace:
    garment = SimpleNamespace(worn=worn, name=name)
    return SimpleNamespace(outline=_bar(8, 24), expected=expected, garment=garment, probabilities=probabilities or {})


def _plain(kind: str, **measures: float) -> PatternSpec:
    return PatternSpec(kind, measures)


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


@pytest.mark.parametrize(
    ("name", "kind", "may"),
    [("outer", "t_shirt", True), ("outer", "skirt", False), ("lower", "skirt", True), ("dress", "trousers", False)],
)
def test_only_what_the_parse_names_may_come_first(name: str, kind: str, may: bool) -> None:
    suits = ranking_of(_sight(worn=False, name=name, expected=_bar(16, 48))).suits
    assert suits({}, _plain(kind)) is may
    assert suits({"category": "Skirt"}, None) is (name == "lower"), "without a pattern its attributes count"
    assert ranking_of(_sight(worn=False, name=None, expected=_bar(16, 48))).suits is None


def test_sleeves_that_are_clearly_others_come_last() -> None:
    shares = np.full(len(ATTRIBUTES[_SLEEVES].values), 0.01)
    shares[ATTRIBUTES[_SLEEVES].values.index("Sleeveless")] = 0.95
    sight = _sight(worn=True, expected=_bar(16, 48), probabilities={"sleeve_length": shares})
    suits = ranking_of(sight).suits
    assert suits({"sleeve_length": "Sleeveless"}, _plain("tank")) and suits({}, _plain("tank"))
    assert not suits({"sleeve_length": "Long"}, _plain("t_shirt"))
    laid = ranking_of(_sight(worn=False, expected=_bar(16, 48), probabilities={"sleeve_length": shares})).suits
    assert laid({"sleeve_length": "Long"}, _plain("t_shirt")), "what lies flat shows its sleeves by itself"


def test_legs_are_told_by_the_gap_between_them() -> None:
    legs = _bar(16, 48)
    legs[30:, 30:34] = 0
    may = ranking_of(_sight(worn=True, name="lower", expected=legs)).suits
    assert may({}, _plain("trousers")) and not may({}, _plain("skirt"))
    may = ranking_of(_sight(worn=True, name="lower", expected=_bar(16, 48))).suits
    assert may({}, _plain("skirt")) and not may({}, _plain("shorts"))


@pytest.mark.parametrize("worn", [False, True])
def test_what_has_a_hem_is_no_bodysuit(worn: bool) -> None:
    hem, closed, apart = _bar(16, 48), _bar(16, 48), _bar(16, 48)
    for row in range(46, 56):  # it narrows to the strip between the legs
        closed[row, : 16 + row - 44] = closed[row, 48 - row + 44 :] = 0
    apart[40:, 24:40] = 0  # sleeves that hang lower than the body say nothing
    for expected, may in ((hem, False), (closed, True), (apart, True), (torch.zeros(64, 64), True)):
        suits = ranking_of(_sight(worn=worn, expected=expected)).suits
        assert suits({}, _plain("bodysuit")) is suits({}, _plain("swimsuit")) is may and suits({}, _plain("longsleeve"))


@pytest.mark.parametrize(("skirt", "skirts", "shorts"), [(0.9, True, False), (0.1, False, True), (0.5, True, True)])
def test_a_lower_garment_that_lies_is_a_skirt_or_has_legs_as_the_heads_read_it(skirt, skirts, shorts) -> None:
    sight = _sight(
        worn=False, name="lower", expected=_bar(16, 48), probabilities={"category": _categories(Skirt=skirt)}
    )
    may = ranking_of(sight).suits
    assert (may({}, _plain("skirt")), may({}, _plain("shorts")), may({}, _plain("trousers"))) == (
        skirts,
        shorts,
        shorts,
    )


def test_shawls_and_robes_that_nobody_read_come_last() -> None:
    def suits(**probabilities: float):
        sight = _sight(worn=False, expected=_bar(16, 48), probabilities={"category": _categories(**probabilities)})
        return ranking_of(sight).suits

    shawl, robe = {"category": "Shawl"}, {"category": "Robe"}
    assert not suits(Shirt=0.9)(shawl, _plain("shawl")) and not suits(Shirt=0.9)(robe, _plain("robe"))
    assert suits(Shawl=0.2, Shirt=0.8)(shawl, _plain("shawl")) and suits(Shirt=0.9)(
        {"category": "Shirt"}, _plain("longsleeve")
    )
    nobody = ranking_of(_sight(worn=False, expected=_bar(16, 48))).suits  # without heads all may
    assert nobody(shawl, _plain("shawl"))


@pytest.mark.parametrize(("worn", "may"), [(True, False), (False, True)])
def test_slits_that_stand_open_come_last_where_somebody_wears_it(worn: bool, may: bool) -> None:
    suits = ranking_of(_sight(worn=worn, name="lower", expected=_bar(16, 48))).suits
    assert suits({}, _plain("skirt", slit=38, slit_opening=7)) is may
    assert suits({}, _plain("skirt", slit=38, slit_opening=0.4)) and suits({}, _plain("skirt", slit=1, slit_opening=7))


@pytest.mark.parametrize(("worn", "may"), [(True, False), (False, True)])
def test_bare_shoulders_that_nobody_read_come_last_where_somebody_wears_it(worn: bool, may: bool) -> None:
    values = next(attribute.values for attribute in ATTRIBUTES if attribute.key == "collar")
    read = {"collar": np.array([0.9 if value == "Round" else 0.0 for value in values])}
    suits = ranking_of(_sight(worn=worn, expected=_bar(16, 48), probabilities=read)).suits
    assert suits({"collar": "Strapless"}, _plain("bandeau")) is may and suits({"collar": "Round"}, _plain("tank"))


def _categories(**given: float) -> np.ndarray:
    values = next(attribute.values for attribute in ATTRIBUTES if attribute.key == "category")
    return np.array([given.get(value, 0.0) for value in values])


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
