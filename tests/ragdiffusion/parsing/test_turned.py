"""Whether a photo looks turned."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.turned import (
    at_a_glance,
    confidence_and_body,
    likelier_turn,
    possible_turns,
    worth_a_look,
)

_NOTHING = [0.0] * 4


def test_what_a_parse_says_by_hand() -> None:
    probabilities = np.zeros((9, 2, 4), np.float32)
    probabilities[LABEL["ground"], :, :2] = 1
    probabilities[LABEL["upper"], :, 2] = 0.75
    probabilities[LABEL["lower"], :, 2] = 0.25
    probabilities[LABEL["skin"], 0, 3] = 1
    probabilities[LABEL["hair"], 1, 3] = 1
    confidence, body = confidence_and_body(probabilities)
    assert confidence == pytest.approx(0.375), "half of what is seen is cloth, at 0.75"
    assert body == pytest.approx(0.25)
    empty = np.zeros((9, 2, 2), np.float32)
    empty[LABEL["ground"]] = 1
    assert confidence_and_body(empty) == (0.0, 0.0)


def test_the_scores_of_a_glance_by_hand() -> None:
    likely = at_a_glance([0.5, 0.9, 0.6, 0.6], [0.3, 0.05, 0.0, 0.0], [0.8, 0.7, 0.8, 0.95])
    np.testing.assert_allclose(likely, [0.5 + 0.2 + 1.6, 0.9 + 0.1 + 1.4, 0.6 + 1.6, 0.6 + 1.9])
    assert worth_a_look(likely - [0.01, 0, 0, 0]) == [1, 3]


@pytest.mark.parametrize(
    ("confidence", "body", "overlap", "turns"),
    [
        ([0.41, 0.95, 0.40, 0.26], _NOTHING, [0.85, 0.87, 0.86, 0.87], [1]),  # a shirt photographed from the side
        ([0.98, 0.68, 0.48, 0.87], _NOTHING, [0.89, 0.86, 0.86, 0.86], []),  # one that lies upright
        ([0.58, 0.89, 0.73, 0.89], _NOTHING, [0.86, 0.79, 0.81, 0.80], [1, 3]),  # the parse errs
        ([0.60, 0.70, 0.43, 0.65], [0.12, 0.01, 0.11, 0.02], [0.85] * 4, []),  # somebody stands there
        ([0.29, 0.73, 0.96, 0.75], _NOTHING, [0.75, 0.80, 0.75, 0.81], [1, 2, 3]),  # a poor outline says little
        (_NOTHING, _NOTHING, _NOTHING, []),
    ],
)
def test_a_glance_says_what_is_worth_a_look(
    confidence: list[float], body: list[float], overlap: list[float], turns: list[int]
) -> None:
    assert worth_a_look(at_a_glance(confidence, body, overlap)) == turns
    assert set(turns) <= set(possible_turns(confidence[0], body[0], overlap)), "whatever is not parsed is not missed"


def test_a_plain_upright_photo_needs_no_second_parse() -> None:
    assert possible_turns(0.95, 0.0, [0.9, 0.85, 0.85, 0.85]) == []
    assert possible_turns(0.95, 0.0, [0.9, 0.85, 0.88, 0.85]) == [2]


@pytest.mark.parametrize(
    ("fit", "turn"),
    [
        ({0: 1.0}, 0),
        ({0: 0.7, 2: 1.0}, 2),  # 0.1 at a glance and 0.3 closely
        ({0: 0.9, 2: 1.05}, 0),  # 0.1 and 0.15
        ({0: 0.7, 1: 1.2, 2: 1.0}, 2),  # the first is less likely at a glance
        ({0: 0.9, 3: 1.05}, 3),
    ],
)
def test_a_turn_is_named_where_it_is_clearly_likelier(fit: dict[int, float], turn: int) -> None:
    assert likelier_turn(np.array([1.0, 0.8, 1.1, 1.2]), fit) == turn


def test_all_four_turns_are_wanted() -> None:
    with pytest.raises(ValueError, match="body has 3 values"):
        at_a_glance(_NOTHING, [0.0] * 3, _NOTHING)
