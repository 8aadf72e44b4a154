"""A framing: its numbers, what the log keeps of it, and how it turns."""

from __future__ import annotations

import pytest

from app.session_log.framing import Framing, check_framing


def test_the_log_keeps_a_framing_and_gives_it_back() -> None:
    assert Framing().logged() is None and Framing.read(None) == Framing()
    framing = Framing(3, (10, 20, 110, 220))
    assert framing.logged() == {"turns": 3, "box": [10, 20, 110, 220]}
    assert Framing.read(framing.logged()) == framing
    assert check_framing({"turns": 0, "box": None}) is None, "nothing is turned or cut"


def test_a_box_turns_along() -> None:
    size = (300, 400)
    framing = Framing(box=(10, 20, 110, 220))
    once = framing.turned(1, size)
    assert once == Framing(1, (180, 10, 380, 110)), "left comes from the bottom, top from the left"
    assert once.size_of(size) == (400, 300)
    assert framing.turned(4, size) == framing.turned(0, size) == framing
    assert once.turned(-1, size) == framing and framing.turned(-1, size) == framing.turned(3, size)


def test_a_mirrored_framing_is_logged_and_the_box_goes_along() -> None:
    size, framing = (300, 400), Framing(box=(10, 20, 110, 220))
    mirrored = framing.reflected(size)
    assert mirrored == Framing(0, (190, 20, 290, 220), True)
    assert mirrored.logged() == {"turns": 0, "box": [190, 20, 290, 220], "mirrored": True}
    assert Framing.read(mirrored.logged()) == mirrored and Framing(mirrored=True).logged() is not None
    assert mirrored.reflected(size) == framing
    for turns in range(4):  # what is looked at is mirrored, however it was turned before
        turned = framing.turned(turns, size)
        assert turned.reflected(size) == framing.reflected(size).turned(-turns, size)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"turns": 0, "box": None, "mirrored": 1}, "true or false, got '1'"),
        ({"turns": 0, "box": None, "more": 1}, "turns and a box"),
        ({"turns": 4, "box": None}, "0 to 3 quarters, got '4'"),
        ({"turns": True, "box": None}, "0 to 3 quarters"),
        ({"turns": 0, "box": [0, 0, 10, 100]}, "too small: 16 pixels"),
        ({"turns": 0, "box": [-1, 0, 100, 100]}, "too small"),
        ({"turns": 0, "box": [0, 0, 100.5, 100]}, "four whole numbers"),
        ({"turns": 0, "box": [0, 0, 100]}, "four whole numbers"),
        ({"turns": 0, "box": 7}, "four whole numbers"),
        ({"turns": 0}, "turns and a box"),
        ([0, None], "turns and a box"),
    ],
)
def test_what_is_no_framing_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_framing(value)
