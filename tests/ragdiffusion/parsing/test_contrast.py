"""Whether something is there to be seen."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.parsing.contrast import has_ground, looks_different, stands_out
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.parser import parse_of
from tests.ragdiffusion.parsing.conftest import sure_of

REGION = np.zeros((60, 60), bool)
REGION[20:40, 20:40] = True


def test_nothing_stands_out_of_an_empty_picture() -> None:
    for level in (0, 120, 255):
        assert not stands_out(REGION, np.full((60, 60, 3), level, np.uint8))
    assert not stands_out(np.ones((60, 60), bool), np.full((60, 60, 3), 9, np.uint8))
    assert not stands_out(np.zeros((60, 60), bool), np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8))


def test_pale_cloth_on_a_pale_ground_does_and_so_does_folded_cloth_on_its_own_colour() -> None:
    picture = np.full((60, 60, 3), 240, np.uint8)
    picture[REGION] = 235
    assert stands_out(REGION, picture)
    folds = np.full((60, 60, 3), 240, np.uint8)
    folds[20:40, 24:30] = 228
    assert stands_out(REGION, folds)


def test_what_a_network_sees_on_an_empty_photo_is_no_garment() -> None:
    labels = np.where(REGION, LABEL["upper"], 0).astype(np.uint8)
    plain = np.full((240, 240, 3), 221, np.uint8)
    assert parse_of(sure_of(labels), plain).instances == ()
    plain[80:160, 80:160] = 60
    assert [garment.name for garment in parse_of(sure_of(labels), plain).instances] == ["upper"]


def tiles(side: int, tile: int, light: tuple[int, int] = (190, 215)) -> np.ndarray:
    y, x = np.mgrid[:side, :side] // tile
    return np.repeat(np.where((x + y) % 2, *light)[..., None], 3, -1).astype(np.uint8)


def test_a_piece_of_a_pattern_is_no_garment_and_another_pattern_is() -> None:
    floor = tiles(120, 6)
    piece = np.zeros((120, 120), bool)
    piece[30:90, 40:80] = True
    assert not looks_different(piece, floor)
    noise = np.random.default_rng(0).integers(90, 130, (120, 120, 3)).astype(np.uint8)
    assert not looks_different(piece, noise)
    laid = floor.copy()
    laid[piece] = tiles(120, 6, (120, 145))[piece]
    assert looks_different(piece, laid), "of another lightness"
    laid[piece] = 202
    assert looks_different(piece, laid), "of the floor's own mean, without its pattern"
    assert looks_different(np.ones((120, 120), bool), floor), "nothing to compare with"


def test_an_outline_needs_ground_to_lie_on() -> None:
    labels = np.full((50, 50), LABEL["upper"], np.uint8)
    assert not has_ground(labels)
    labels[:, :4] = LABEL["ground"]
    assert has_ground(labels)


@pytest.mark.parametrize("seen", [slice(0, 192), slice(48, 144)], ids=["all over", "in the middle"])
def test_a_floor_is_no_garment_but_somebodys_clothes_are(seen: slice) -> None:
    labels = np.zeros((192, 192), np.uint8)
    labels[seen, seen] = LABEL["upper"]
    floor = tiles(384, 12)
    assert parse_of(sure_of(labels), floor).instances == ()
    labels[60:72, 80:92] = LABEL["skin"]
    assert [garment.name for garment in parse_of(sure_of(labels), floor).instances] == ["upper"], "worn on such a floor"
