"""A garment in a box that a person drew."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.parsing.boxes import garment_in_box
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.parse import Parse
from tests.ragdiffusion.parsing.conftest import drawn, sure_of

PARSE = Parse(sure_of(drawn(size=(60, 60), lower=(5, 30, 25, 50)), sure=0.4), (), (120, 120))


def _photo(size: tuple[int, int] = (120, 120)) -> Image.Image:
    rng = np.random.default_rng(0)
    pixels = rng.normal((200, 190, 170), 6, (*size[::-1], 3))
    pixels[60:100, 10:50] = rng.normal((40, 90, 40), 6, (40, 40, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_what_stands_out_is_the_garment_and_the_parse_names_it() -> None:
    garment = garment_in_box(_photo(), PARSE, (4, 52, 58, 108))
    true = np.zeros((120, 120), bool)
    true[60:100, 10:50] = True
    found = garment.mask > 0.5
    assert (found & true).sum() / (found | true).sum() > 0.95
    assert garment.name == "lower" and garment.confidence == 0.5


def test_nothing_of_it_lies_outside_the_box() -> None:
    garment = garment_in_box(_photo(), PARSE, (12, 52, 58, 108))
    assert garment.box[0] >= 12 and (garment.mask[65:95, 12:45] > 0.5).mean() > 0.95


def test_a_box_around_the_whole_photo_takes_its_rim_for_ground() -> None:
    garment = garment_in_box(_photo(), PARSE, (0, 0, 120, 120))
    assert (garment.mask[65:95, 15:45] > 0.5).all() and (garment.mask[:40] > 0.5).mean() < 0.05


def test_boxes_that_hold_nothing() -> None:
    flat = Image.new("RGB", (120, 120), (200, 190, 170))
    with pytest.raises(NoGarmentError, match="nothing in the box stands out"):
        garment_in_box(flat, PARSE, (20, 20, 60, 60))
    for box in ((20, 20, 20, 60), (-5, 0, 20, 20), (0, 0, 121, 20), (60, 20, 20, 60)):
        with pytest.raises(ValueError, match="is empty or leaves the photo, which is 120 x 120"):
            garment_in_box(_photo(), PARSE, box)
