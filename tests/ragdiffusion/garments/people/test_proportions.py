"""Worn patterns in catalogue proportions."""

from __future__ import annotations

import pytest

from ragdiffusion.garments.patterns import draft, kinds
from ragdiffusion.garments.people.proportions import as_in_catalogue


def shape(pattern):
    """Width over height of its box."""
    left, top, right, bottom = pattern.box
    return (right - left) / (bottom - top)


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_redrawn_and_no_wider(kind):
    worn = draft(kind)
    shown = as_in_catalogue(worn)
    assert shown.kind == kind
    assert shape(shown) < shape(worn) * 1.01


def test_trousers_are_narrowed_by_their_widths_alone():
    worn = draft("trousers", {"hip": 54, "waist": 44, "thigh": 30, "knee": 25, "leg_hem": 19, "rise": 30, "inseam": 72})
    shown = as_in_catalogue(worn).measures
    length = lambda m: m["rise"] + m["inseam"]  # noqa: E731
    for key, share in (("waist", 0.76), ("hip", 0.76), ("thigh", 0.65), ("leg_hem", 0.66), ("rise", 1.0)):
        assert shown[key] / length(shown) == pytest.approx(share * worn.measures[key] / length(worn.measures), rel=0.02)


def test_long_sleeves_hang_and_short_ones_do_not():
    long = as_in_catalogue(draft("longsleeve", {"sleeve_angle": 20}))
    short = as_in_catalogue(draft("t_shirt", {"sleeve_angle": 45, "sleeve_length": 20}))
    assert long.measures["sleeve_angle"] == pytest.approx(4.5, abs=0.5)
    assert short.measures["sleeve_angle"] == pytest.approx(20.7, abs=0.5)
    assert 0.65 < shape(long) < 0.95


def test_a_wide_hem_stays_wider_than_the_knee():
    flared = as_in_catalogue(draft("trousers", {"knee": 20, "leg_hem": 34})).measures
    straight = as_in_catalogue(draft("trousers", {"knee": 20, "leg_hem": 21})).measures
    assert flared["leg_hem"] > 1.4 * flared["knee"]
    assert straight["leg_hem"] <= straight["knee"]
