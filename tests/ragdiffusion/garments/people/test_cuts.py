"""Cuts: free edges cut, seams don't."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.garments.patterns import draft
from ragdiffusion.garments.people.cuts import of_pattern, of_skirt
from ragdiffusion.garments.people.drafting import edge_table
from ragdiffusion.garments.people.raster import CELL, EDGE_ROWS, FIELD_X, FIELD_Y


def at(field: np.ndarray, x: float, y: float) -> float:
    return float(field[round((y + FIELD_Y) / CELL), round((x + FIELD_X) / CELL)])


def test_a_tank_ends_at_neck_armholes_and_hem():
    pattern = draft("tank")
    front, back = of_pattern(pattern, sleeved=False)
    assert at(front, 0, 40) > 10
    assert at(front, 0, 5) < -1 and at(back, 0, 5) > 0  # the front neckline is 14 cm deep, the back one 4
    assert at(front, 25, 10) < -2
    assert at(front, 13, -8) > 0  # over the shoulder, towards the back
    assert at(front, 0, pattern.box[3] + 3) == pytest.approx(-3, abs=0.6)


def test_seams_do_not_cut():
    front, _ = of_pattern(draft("t_shirt"), sleeved=True)
    assert at(front, 29, 10) > 2 and at(front, 15, -8) > 2


def test_straps_stand_alone():
    front, _ = of_pattern(draft("camisole"), sleeved=False)
    assert at(front, 10, 2) > 0
    assert at(front, 5, 2) < 0 and at(front, 15, 2) < 0


def test_an_open_front_gapes():
    pattern = draft("jacket")
    front, back = of_pattern(pattern, sleeved=True, gap=(20.0, 10.0, 0.0))
    assert at(front, 0, 40) < -5 and at(back, 0, 40) > 5
    assert at(front, 14, 40) > 2


def test_a_turtleneck_covers_the_neck():
    front, _ = of_pattern(draft("turtleneck"), sleeved=True, rise=6.0)
    assert at(front, 0, -4) > 0 and at(front, 0, -9) < 0


def test_a_skirt_is_cut_by_its_hem_alone():
    pattern = draft("skirt")
    front, back = of_skirt(pattern, None)
    assert at(front, 0, -10) > 0 and np.array_equal(front, back)
    assert at(front, 0, pattern.box[3] + 4) < 0


def test_edge_tables_follow_the_sides():
    table = edge_table(draft("t_shirt", {"chest": 50, "waist": 46, "hem": 52}))
    assert table.shape == (2, EDGE_ROWS) and np.array_equal(table[0], table[1])
    armpit = round(26 + FIELD_Y)
    assert table[1, armpit : armpit + 3] == pytest.approx([25] * 3, abs=0.5)
    assert table[1, round(69 + FIELD_Y)] == pytest.approx(26, abs=0.5)
    assert table[1].min() >= 1
