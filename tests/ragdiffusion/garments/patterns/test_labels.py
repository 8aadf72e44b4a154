"""What a parse calls garments of each kind."""

from __future__ import annotations

import pytest

from ragdiffusion.garments.patterns import kinds
from ragdiffusion.garments.patterns.labels import GROUPS, group_of, group_of_label, label_of
from ragdiffusion.parsing.labels import GARMENTS


@pytest.mark.parametrize(
    ("kind", "label", "group"),
    [
        ("t_shirt", "upper", "upper"),
        ("hoodie", "upper", "upper"),
        ("trousers", "lower", "lower"),
        ("skirt", "lower", "lower"),
        ("strap_dress", "dress", "dress"),
        ("denim_jacket", "outer", "upper"),
    ],
)
def test_kinds_have_the_label_a_parse_gives_them(kind: str, label: str, group: str) -> None:
    assert (label_of(kind), group_of(kind)) == (label, group)


def test_every_kind_and_every_label_has_a_group() -> None:
    assert set(GROUPS) == set(GARMENTS)
    assert {label_of(kind) for kind in kinds()} == {"upper", "outer", "lower", "dress"}
    assert {group_of(kind) for kind in kinds()} == {"upper", "lower", "dress"} == set(GROUPS.values())
    assert (group_of_label("inner"), group_of_label(None)) == ("upper", None)
