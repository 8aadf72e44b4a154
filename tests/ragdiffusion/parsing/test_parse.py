"""Parse and Instance: places, areas, edges of the photo, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.parse import Instance, Parse, likeliest_garment
from tests.ragdiffusion.parsing.conftest import drawn, sure_of


def _instance(name: str, box: tuple[int, int, int, int], size: tuple[int, int] = (40, 60)) -> Instance:
    return Instance(name, box, np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8), size, 0.9)


def test_mask_area_and_place() -> None:
    garment = _instance("upper", (10, 20, 30, 50))
    assert garment.mask.shape == (60, 40) and garment.mask.dtype == np.float32
    assert garment.mask.sum() == 600 and garment.area == pytest.approx(600 / 2400)
    assert garment.covers(10, 20) and garment.covers(29.9, 49.9) and not garment.covers(30, 49)


def test_a_garment_cut_by_the_frame_says_where() -> None:
    assert _instance("lower", (0, 20, 30, 60)).cut_by == ("left", "bottom")
    assert _instance("lower", (1, 1, 39, 59)).cut_by == ()
    faint = Instance("lower", (0, 0, 40, 60), np.full((60, 40), 100, np.uint8), (40, 60), 0.5)
    assert faint.cut_by == ()


def test_the_smallest_garment_at_a_point_is_meant() -> None:
    coat, top = _instance("outer", (0, 0, 40, 60)), _instance("inner", (15, 5, 25, 30))
    parse = Parse(sure_of(drawn(size=(8, 8))), (coat, top), (40, 60))
    assert parse.at(20, 10) is top and parse.at(5, 50) is coat


def test_a_point_outside_the_photo_is_told() -> None:
    parse = Parse(sure_of(drawn(size=(8, 8))), (), (40, 60))
    assert parse.at(39, 59) is None
    for point in ((40, 10), (-1, 10), (10, 60)):
        with pytest.raises(ValueError, match="outside the photo, which is 40 x 60"):
            parse.at(*point)


def test_nothing_can_be_changed() -> None:
    garment = _instance("upper", (10, 20, 30, 50))
    parse = Parse(sure_of(drawn(size=(8, 8))), (garment,), (40, 60))
    with pytest.raises(ValueError, match="read-only"):
        garment.alpha[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        parse.probabilities[0, 0, 0] = 1


def test_a_person_is_seen_by_skin_or_hair() -> None:
    laid = Parse(sure_of(drawn(size=(32, 32), upper=(4, 4, 28, 28))), (), (32, 32))
    worn = Parse(sure_of(drawn(size=(32, 32), upper=(4, 4, 28, 28), skin=(12, 1, 18, 4))), (), (32, 32))
    assert worn.has_person and not laid.has_person


def test_a_region_is_named_by_what_is_likeliest_under_it() -> None:
    """The photo is half as wide as high, so the square has a quarter of padding on each side."""
    likely = sure_of(drawn(size=(40, 40), upper=(10, 0, 30, 20), lower=(10, 20, 30, 40)))
    region = np.zeros((80, 40), bool)
    region[50:70, 10:30] = True
    assert likeliest_garment(Parse(likely, (), (40, 80)), region) == "lower"
    assert likeliest_garment(Parse(likely, (), (40, 80)), ~region) == "upper"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "hat"}, "called 'hat', one of upper"),
        ({"box": (10, 20, 50, 50)}, r"does not lie in a photo of 40 x 60"),
        ({"alpha": np.zeros((5, 5), np.uint8)}, r"alpha is uint8 \(5, 5\), uint8 \(30, 20\) wanted"),
        ({"alpha": np.zeros((30, 20), np.float32)}, "alpha is float32"),
    ],
)
def test_bad_instances(change: dict, message: str) -> None:
    good = {
        "name": "upper",
        "box": (10, 20, 30, 50),
        "alpha": np.zeros((30, 20), np.uint8),
        "photo_size": (40, 60),
        "confidence": 1.0,
    }
    with pytest.raises(ValueError, match=message):
        Instance(**{**good, **change})


def test_bad_probabilities() -> None:
    with pytest.raises(ValueError, match=r"\(8, 4, 4\), \(9, S, S\) wanted"):
        Parse(np.zeros((8, 4, 4), np.float32), (), (4, 4))
    assert LABEL["other"] == 8
