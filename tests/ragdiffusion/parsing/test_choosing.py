"""Which garment is meant: by name, point, mask, or nobody says."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.choosing import NoGarmentError, choose
from ragdiffusion.parsing.parse import Instance, Parse
from tests.ragdiffusion.parsing.conftest import drawn, sure_of

SIZE = (40, 60)


def _instance(name: str, box: tuple[int, int, int, int]) -> Instance:
    return Instance(name, box, np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8), SIZE, 0.9)


TOP, SKIRT, SMALL_TOP = (
    _instance("upper", (10, 5, 30, 20)),
    _instance("lower", (5, 20, 35, 55)),
    _instance("upper", (0, 0, 5, 5)),
)


def _parse(*garments: Instance) -> Parse:
    likely = sure_of(drawn(size=(60, 60), upper=(20, 5, 40, 20), lower=(15, 20, 45, 55)))
    return Parse(likely, tuple(sorted(garments, key=lambda garment: -garment.area)), SIZE)


def test_the_one_garment_there_is_needs_no_words() -> None:
    choice = choose(_parse(SKIRT))
    assert choice.garment is SKIRT and choice.why == ""


def test_of_several_the_largest_top_or_dress_is_taken_and_said() -> None:
    choice = choose(_parse(SKIRT, TOP, SMALL_TOP))
    assert choice.garment is TOP
    assert choice.why == ("the largest top or dress is taken, the top; there is also trousers or skirt and a top")


def test_a_scrap_of_a_top_is_not_what_is_meant() -> None:
    choice = choose(_parse(SKIRT, SMALL_TOP))
    assert choice.garment is SKIRT and choice.why.startswith("the largest garment is taken")


def test_two_skirts_and_no_top() -> None:
    other = _instance("lower", (0, 0, 3, 3))
    assert choose(_parse(SKIRT, other)).why.startswith("the largest garment is taken")


def test_by_name_the_largest_of_that_name() -> None:
    assert choose(_parse(SKIRT, TOP, SMALL_TOP), "lower").garment is SKIRT
    choice = choose(_parse(SKIRT, TOP, SMALL_TOP), "upper")
    assert choice.garment is TOP and choice.why == "the largest of 2 is taken"


def test_by_point() -> None:
    assert choose(_parse(SKIRT, TOP), (20, 40)).garment is SKIRT
    with pytest.raises(NoGarmentError, match=r"lies at \(1, 1\): it shows trousers or skirt and a top"):
        choose(_parse(SKIRT, TOP), (1, 1))


def test_by_mask_the_outline_is_the_mask_and_the_name_the_parse() -> None:
    mask = np.zeros((60, 40), np.float32)
    mask[30:50, 10:30] = 1
    found = choose(_parse(TOP), mask).garment
    assert found.name == "lower" and found.box == (10, 30, 30, 50)
    np.testing.assert_array_equal(found.mask, mask)


def test_nothing_is_invented() -> None:
    with pytest.raises(NoGarmentError, match="no garment was found in the photo"):
        choose(_parse())
    with pytest.raises(NoGarmentError, match="shows no dress garment .*: it shows a top"):
        choose(_parse(TOP), "dress")
    with pytest.raises(NoGarmentError, match="the mask marks nothing"):
        choose(_parse(TOP), np.zeros((60, 40), np.float32))
    assert issubclass(NoGarmentError, ValueError)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("hat", "garment 'hat' is not known: one of upper"),
        ((50, 5), "outside the photo"),
        ((1, 2, 3), "3 coordinates"),
        (np.zeros((40, 60), np.float32), r"mask is \(60, 40\) pixels, \(40, 60\) wanted"),
        (np.full((60, 40), 2, np.float32), r"leaves \[0, 1\]"),
        (np.full((60, 40), np.nan, np.float32), r"leaves \[0, 1\]"),
    ],
)
def test_bad_wishes(wanted: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(_parse(TOP), wanted)
