"""Whether somebody is seen, by small maps written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.body import (
    body_in,
    body_probability,
    has_person,
    is_from_behind,
    is_worn,
    shows_somebody,
    surely_body,
)
from ragdiffusion.parsing.labels import LABEL, LABELS


def probabilities(**rows: list[float]) -> np.ndarray:
    """A map of one row: what labels are given, the rest is ground."""
    size = len(next(iter(rows.values())))
    found = np.zeros((len(LABELS), 1, size), np.float32)
    for name, values in rows.items():
        found[LABEL[name], 0] = values
    found[LABEL["ground"]] = 1 - found.sum(0)
    return found


def test_skin_and_hair_are_a_body_and_nothing_else_is() -> None:
    assert body_in(np.arange(len(LABELS))[None]).tolist() == [[name in ("skin", "hair") for name in LABELS]]
    both = probabilities(skin=[0.5, 0.1], hair=[0.4, 0.0], upper=[0.0, 0.9])
    assert np.allclose(body_probability(both), [[0.9, 0.1]])
    assert surely_body(both).tolist() == [[True, False]]


@pytest.mark.parametrize(("pixels", "worn"), [(0, False), (1, False), (2, True)])
def test_a_figure_is_worn_from_more_than_a_hundredth_of_body_on(pixels: int, worn: bool) -> None:
    body = np.zeros((10, 20), bool)
    body[0, :pixels] = body[9, 15] = True
    figure = np.arange(20)[None] < 10 + np.zeros((10, 1))
    assert figure.sum() == 100 and is_worn(figure, body) is worn


@pytest.mark.parametrize(("pixels", "person"), [(1, False), (2, True)])
def test_a_person_is_more_than_a_two_hundredth_of_what_is_no_ground(pixels: int, person: bool) -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[:10] = LABEL["upper"]
    labels[0, :pixels] = LABEL["hair"]
    sure = np.eye(9, dtype=np.float32)[labels].transpose(2, 0, 1)
    assert (labels > 0).sum() == 200 and has_person(sure, labels) is person


def test_most_of_a_person_is_surely_skin_or_hair_and_of_a_beige_wall_less() -> None:
    for sure, person in ((6, False), (7, True)):
        seen = probabilities(skin=[0.9] * sure + [0.6] * (10 - sure))
        assert has_person(seen, seen.argmax(0)) is person


def test_wood_that_is_like_skin_is_nobody_and_sure_skin_is_somebody() -> None:
    wood = probabilities(skin=[0.6] * 10)
    assert not shows_somebody(wood, wood.argmax(0))
    for sure, somebody in ((1, False), (2, True)):
        seen = probabilities(skin=[0.9] * sure + [0.6] * (10 - sure))
        assert shows_somebody(seen, seen.argmax(0)) is somebody, "more than a tenth of it has to be sure"
    nothing = probabilities(upper=[0.9] * 3)
    assert not shows_somebody(nothing, nothing.argmax(0))


def figure(face: str, *, head: int = 20, cloth: str = "upper") -> np.ndarray:
    """A top 40 wide with a neck and a head over it, hair all round a face that is `face`."""
    labels = np.zeros((100, 100), np.uint8)
    labels[50:90, 30:70] = LABEL[cloth]
    labels[45:50, 45:55] = LABEL["skin"]
    labels[45 - head : 45, 40:60] = LABEL["hair"]
    labels[45 - head + 5 : 45, 43:57] = LABEL[face]
    return labels


def test_a_head_without_a_face_is_seen_from_behind() -> None:
    assert is_from_behind(figure("hair")) and is_from_behind(figure("hair", cloth="dress"))
    assert not is_from_behind(figure("skin"))
    assert not is_from_behind(figure("hair", head=0)), "the frame cuts it off"
    assert not is_from_behind(figure("hair", cloth="lower")), "hair beside trousers is no head over a top"
    assert not is_from_behind(np.zeros((100, 100), np.uint8))
    beside = figure("hair")
    beside[:, :] = np.roll(beside, 40, axis=1) * (beside != LABEL["upper"]) + beside * (beside == LABEL["upper"])
    assert not is_from_behind(beside), "the head belongs to somebody else"
