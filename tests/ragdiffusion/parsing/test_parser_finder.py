"""What a parse says around a garment, on the whole photo and on a cut of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.images import mask_to_tensor
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.parse import Instance, Parse
from ragdiffusion.parsing.parser_finder import ParserFinder, labels_on

SIDE = 100


def _parse(*, size: tuple[int, int], box: tuple[int, int, int, int], skin: bool = True) -> Parse:
    """A parse at a hundred pixels: a top in a box of the photo, skin (or a thing) everywhere else, ground around."""
    width, height = size
    longer = max(size)
    labels = np.zeros((longer, longer), np.uint8)
    left, top = (longer - width) // 2, (longer - height) // 2
    labels[top : top + height, left : left + width] = LABEL["skin" if skin else "other"]
    labels[top + box[1] : top + box[3], left + box[0] : left + box[2]] = LABEL["upper"]
    step = longer // SIDE
    planes = np.stack([labels[::step, ::step] == number for number in range(9)]).astype(np.float32)
    alpha = np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8)
    return Parse(planes, (Instance("upper", box, alpha, size, 1.0),), size)


def test_on_the_whole_photo_labels_are_the_parses_own() -> None:
    parse = _parse(size=(200, 100), box=(120, 30, 140, 50))
    assert labels_on(parse, None) is parse.probabilities


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [
        ((110, 20, 160, 70), (20, 60), (20, 60)),  # the box begins 10 pixels into a cut of 50
        ((110, 30, 160, 50), (30, 70), (20, 60)),  # 15 rows of padding above
        ((120, 30, 140, 50), (0, 100), (0, 100)),
    ],
)
def test_a_labelled_square_lands_where_the_cut_photo_shows_it(crop, rows, columns) -> None:
    parse = _parse(size=(200, 100), box=(120, 30, 140, 50))
    found = labels_on(parse, crop)
    assert found.shape == (9, SIDE, SIDE)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    shown = found[LABEL["upper"]] > 0.5
    # Along its middle lines the square is where it should be to the pixel; its corners are rounded.
    for line, (first, end) in ((shown[sum(rows) // 2], columns), (shown[:, sum(columns) // 2], rows)):
        assert np.flatnonzero(line).tolist() == list(range(first, end))
    # The garment's mask is cut and padded by code of its own.
    left, top, right, bottom = crop
    mask = mask_to_tensor(parse.instances[0].mask[top:bottom, left:right], SIDE)[0].numpy()
    assert np.abs(mask - found[LABEL["upper"]]).mean() < 0.06  # a label map is coarse, so its edges are soft


def test_beyond_the_photo_there_is_ground() -> None:
    parse = _parse(size=(100, 200), box=(0, 0, 20, 20))
    found = labels_on(parse, (0, 0, 26, 50))  # 50 high: 12 columns of padding on each side
    assert (found[0, :, :22] > 0.9).all() and (found[0, 2:, 28:72] < 0.1).all()


def test_what_is_found_knows_its_surroundings() -> None:
    photo = Image.new("RGB", (200, 100), "white")

    class Parser:
        def __init__(self, parse: Parse) -> None:
            self.parse = lambda photo, *, point=None: parse

    worn = ParserFinder(Parser(_parse(size=(200, 100), box=(120, 30, 140, 50))), size=64).find(photo)
    assert worn.worn and worn.crop == (114, 24, 146, 56)
    # 20 of the cut's 32 pixels each way.
    assert worn.labels[LABEL["upper"]].mean() == pytest.approx((20 / 32) ** 2, rel=0.05)
    laid = ParserFinder(Parser(_parse(size=(200, 100), box=(60, 0, 170, 100), skin=False)), size=64).find(photo)
    assert not laid.worn and laid.crop is None and laid.labels.shape == (9, SIDE, SIDE)
    mask = np.zeros((100, 200), np.float32)
    mask[30:50, 120:140] = 1
    given = ParserFinder(Parser(_parse(size=(200, 100), box=(0, 0, 90, 90))), size=64).find(photo, mask)
    assert (given.source, given.name, given.worn) == ("given", None, True) and given.labels is not None
