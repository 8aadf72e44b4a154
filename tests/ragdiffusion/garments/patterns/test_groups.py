"""Measures in groups."""

from __future__ import annotations

from collections import Counter

from ragdiffusion.garments.patterns.groups import GROUP_OF, GROUPS
from ragdiffusion.garments.patterns.measures import MEASURES


def test_every_measure_stands_in_one_group() -> None:
    keys = Counter(key for group in GROUPS.values() for key in group)
    assert set(keys) == set(MEASURES) == set(GROUP_OF) and set(keys.values()) == {1}
