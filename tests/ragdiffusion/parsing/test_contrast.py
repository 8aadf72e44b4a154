"""Whether something is there to be seen."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.contrast import stands_out
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
