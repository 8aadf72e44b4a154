"""Whether a photo looks turned."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.turned import confidence_and_body, likelier_turn

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


@pytest.mark.parametrize(
    ("confidence", "body", "overlap", "turn"),
    [
        ([0.41, 0.95, 0.40, 0.26], _NOTHING, [0.85, 0.87, 0.86, 0.87], 1),  # a shirt photographed from the side
        ([0.98, 0.68, 0.48, 0.87], _NOTHING, [0.89, 0.86, 0.86, 0.86], 0),  # one that lies upright
        ([0.58, 0.89, 0.73, 0.89], _NOTHING, [0.86, 0.79, 0.81, 0.80], 0),  # the parse errs, its outline is upright
        ([0.60, 0.70, 0.43, 0.65], [0.12, 0.01, 0.11, 0.02], [0.85] * 4, 0),  # somebody stands there
        ([0.60, 0.60, 0.60, 0.60], [0.0, 0.2, 0.0, 0.0], [0.8] * 4, 0),  # 0.2 more: not clear enough
        ([0.60, 0.60, 0.60, 0.60], [0.0, 0.0, 0.0, 0.2], [0.8, 0.8, 0.8, 0.83], 3),  # 0.2 and 0.12 more
        (_NOTHING, _NOTHING, _NOTHING, 0),
    ],
)
def test_a_turn_is_named_where_it_is_clearly_likelier(
    confidence: list[float], body: list[float], overlap: list[float], turn: int
) -> None:
    assert likelier_turn(confidence, body, overlap) == turn


def test_all_four_turns_are_wanted() -> None:
    with pytest.raises(ValueError, match="body has 3 values"):
        likelier_turn(_NOTHING, [0.0] * 3, _NOTHING)
