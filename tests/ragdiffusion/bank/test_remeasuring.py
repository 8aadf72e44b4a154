"""A measure of many entries moved at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ragdiffusion.bank import Bank, ConflictError
from ragdiffusion.bank.attributing import change_attributes
from ragdiffusion.bank.making import EntryMaker
from ragdiffusion.bank.remeasuring import move_measure
from ragdiffusion.garments.patterns import MeasureError
from ragdiffusion.images import silhouette_pixels
from tests.ragdiffusion.bank.conftest import DIMENSION, tiny_net


@pytest.fixture(scope="module")
def maker() -> EntryMaker:
    return EntryMaker(tiny_net(0))


@pytest.fixture
def drawn(path: Path, maker: EntryMaker) -> Iterator[Bank]:
    """Two T-shirts, a skirt, and an outline by hand."""
    with Bank.create(path, fingerprint="encoder-a", dimension=DIMENSION) as bank:
        made = [maker.from_measures("t_shirt", {"body_length": length}) for length in (62, 70)]
        hand = maker.from_outline(silhouette_pixels(made[0].silhouette).astype(float), tags=("mine",))
        bank.add([*made, maker.from_measures("skirt", {}), hand], allow_duplicates=True)
        change_attributes(bank, maker, [1], {"collar": "Polo"})
        yield bank


def test_many_garments_are_drafted_anew_and_nothing_else_of_them_changes(drawn: Bank, maker: EntryMaker) -> None:
    before, revision = [drawn.entry(number) for number in (1, 2, 3, 4)], drawn.revision
    heard: list[tuple[int, int]] = []
    move_measure(drawn, maker, [1, 2], "body_length", 10, author="Ann", on_progress=lambda *far: heard.append(far))
    assert heard == [(2, 2)]
    after = [drawn.entry(number) for number in (1, 2, 3, 4)]
    assert drawn.revision == revision + 1 and drawn.edits(1)[0].author == "Ann"
    assert [drawn.patterns([n])[n].measures["body_length"] for n in (1, 2)] == [72, 80]
    wanted = maker.from_measures("t_shirt", {"body_length": 72}, attributes=after[0].attributes)
    assert after[0].silhouette == wanted.silhouette and torch.allclose(after[0].embedding, wanted.embedding, atol=1e-6)
    assert after[0].attributes == {**before[0].attributes, "collar": "Polo"}, "what a person set stays"
    assert (before[1].attributes["length"], after[1].attributes["length"]) == ("Medium", "Long"), "and what is true"
    assert [entry.tags for entry in after] == [entry.tags for entry in before]
    assert [entry.silhouette for entry in after[2:]] == [entry.silhouette for entry in before[2:]]
    drawn.undo()
    assert [drawn.entry(n).silhouette for n in (1, 2)] == [entry.silhouette for entry in before[:2]]
    assert drawn.patterns([1])[1].measures["body_length"] == 62


def test_all_or_none_are_moved(drawn: Bank, maker: EntryMaker) -> None:
    seen, version = {1: drawn.entry(1).revision}, drawn.version
    for ids, measure, by, error, message in (
        ([1, 4], "body_length", 5, ValueError, "entry 4 has no measure body length that could be moved"),
        ([1, 3], "body_length", 5, ValueError, "entry 3 has no measure body length"),
        ([1, 2], "body_length", 60, MeasureError, "entry 1: body_length is 122 cm"),
        ([1, 99], "body_length", 5, ValueError, "no entry 99"),
    ):
        with pytest.raises(error, match=message):
            move_measure(drawn, maker, ids, measure, by)
    assert drawn.version == version
    drawn.tag([1], add=["his"], author="Ben")
    with pytest.raises(ConflictError, match="changed by Ben"):
        move_measure(drawn, maker, [1, 2], "body_length", 5, expected=seen)
