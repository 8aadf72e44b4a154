"""A photo read again: what is said to be there is found where it may be, and nothing is invented."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.insisted import LIKELY, RIVALS, without_rivals
from ragdiffusion.parsing.labels import GARMENTS, LABEL
from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.parser import parse_of
from ragdiffusion.parsing.parser_finder import ParserFinder

SIDE = 96
TOP, BOTTOM, LEFT, RIGHT = 20, 80, 32, 64
MIDDLE = 50


def _probabilities(upper: float) -> np.ndarray:
    """A figure whose clothes are read as a dress, as a top above and trousers below with the probability `upper`."""
    planes = np.zeros((9, SIDE, SIDE), np.float32)
    planes[LABEL["ground"]] = 1
    planes[:, TOP - 14 : TOP, 40:56] = 0
    planes[LABEL["skin"], TOP - 14 : TOP, 40:56] = 1
    planes[:, TOP:BOTTOM, LEFT:RIGHT] = 0
    planes[LABEL["dress"], TOP:BOTTOM, LEFT:RIGHT] = 1 - upper
    planes[LABEL["upper"], TOP:MIDDLE, LEFT:RIGHT] = upper
    planes[LABEL["lower"], MIDDLE:BOTTOM, LEFT:RIGHT] = upper
    return planes


def _photo() -> np.ndarray:
    pixels = np.full((SIDE, SIDE, 3), 235, np.uint8)
    pixels[TOP - 14 : TOP, 40:56] = (200, 150, 120)
    pixels[TOP:BOTTOM, LEFT:RIGHT] = (40, 60, 150)
    return pixels


class _Read:
    def __init__(self, upper: float) -> None:
        self.parse_of = lambda photo: parse_of(_probabilities(upper), np.asarray(photo))

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        return self.parse_of(photo)


def test_a_misread_top_is_found_by_its_name() -> None:
    parse = parse_of(_probabilities(0.2), _photo())
    assert [garment.name for garment in parse.instances] == ["dress"]
    told = parse.knowing("upper")
    assert sorted(garment.name for garment in told.instances) == ["lower", "upper"]
    (top,) = (garment for garment in told.instances if garment.name == "upper")
    wanted = np.zeros((SIDE, SIDE))
    wanted[TOP:MIDDLE, LEFT:RIGHT] = 1
    assert np.minimum(top.mask, wanted).sum() > 0.9 * np.maximum(top.mask, wanted).sum()
    assert parse.knowing("dress") is parse and told.knowing("upper") is told


def test_what_is_unlikely_is_not_invented() -> None:
    parse = parse_of(_probabilities(0.5 * LIKELY), _photo())
    assert parse.knowing("upper") is parse and parse.knowing("outer") is parse
    finder = ParserFinder(_Read(0.5 * LIKELY))
    with pytest.raises(NoGarmentError, match=r"no upper garment \(top\): it shows a dress"):
        finder.find(Image.fromarray(_photo()), "upper")


def test_a_finder_listens_and_sees_the_surroundings_alike() -> None:
    finder, photo = ParserFinder(_Read(0.2)), Image.fromarray(_photo())
    found = finder.find(photo, "upper")
    assert found.name == "upper" and found.labels is not None
    assert found.labels[LABEL["dress"]].max() < 0.01 < 0.9 < found.labels[LABEL["lower"]].max()
    assert finder.find(photo).name == "dress"  # who says nothing is given what is likeliest


@pytest.mark.parametrize("name", GARMENTS)
def test_probability_is_moved_and_never_lost(name: str) -> None:
    rng = np.random.default_rng(0)
    planes = rng.random((9, 5, 7)).astype(np.float32)
    planes /= planes.sum(0)
    readings = list(without_rivals(planes, name))
    assert len(readings) == len(RIVALS[name])
    for rivals, told in zip(RIVALS[name], readings, strict=True):
        np.testing.assert_allclose(told.sum(0), 1, atol=1e-5)
        assert all(not told[LABEL[rival]].any() for rival in rivals)
        untouched = [LABEL[label] for label in ("ground", "skin", "hair", "other")]
        np.testing.assert_array_equal(told[untouched], planes[untouched])
        assert (told[LABEL[name]] > planes[LABEL[name]]).all()
