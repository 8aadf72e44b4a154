"""Attributes changed with the embeddings that tell of them: one action, for those alone that it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from ragdiffusion.bank import Bank, ConflictError, EntryUpdate
from ragdiffusion.bank.attributing import change_attributes
from ragdiffusion.bank.history import of_entry
from ragdiffusion.bank.making import EntryMaker
from tests.ragdiffusion.bank.conftest import DIMENSION, tiny_net

KNOWN = {"collar": "Polo", "fit": "Loose"}
"""`collar` is one of the ten attributes that are embedded, `gender` none of them."""


@pytest.fixture(scope="module")
def maker() -> EntryMaker:
    return EntryMaker(tiny_net(0))


@pytest.fixture
def own(path: Path, maker: EntryMaker) -> Iterator[Bank]:
    """Six bars of growing height, as the encoder embeds them."""
    outlines = [np.pad(np.ones((60 + 50 * i, 200)), ((40, 412 - 50 * i), (156, 156))) for i in range(6)]
    with Bank.create(path, fingerprint="encoder-a", dimension=DIMENSION) as bank:
        bank.add([maker.from_outline(outline, attributes=KNOWN) for outline in outlines])
        yield bank


def vectors(bank: Bank, ids: Sequence[int]) -> torch.Tensor:
    return torch.stack([bank.entry(number).embedding for number in ids])


def test_an_entry_is_embedded_as_if_it_had_been_added_with_its_new_attributes(own: Bank, maker: EntryMaker) -> None:
    every = range(1, 7)
    before, revision = vectors(own, every), own.revision
    change_attributes(own, maker, [2, 5], {"collar": "Hooded"}, author="Ann")
    assert own.attributes([2, 5]) == [{"collar": "Hooded", "fit": "Loose"}] * 2 and own.revision == revision + 1
    after, wanted = vectors(own, every), maker.again([own.entry(2), own.entry(5)], {})
    assert torch.allclose(after[[1, 4]], wanted, atol=1e-6)
    assert (after[[1, 4]] - before[[1, 4]]).norm(dim=1).min() > 1e-3
    assert torch.equal(after[[0, 2, 3, 5]], before[[0, 2, 3, 5]])
    assert own.search(after[1], 1).ids == (2,), "the index followed"
    own.undo()
    assert torch.equal(vectors(own, every), before) and own.attributes([2]) == [KNOWN]
    own.redo()
    assert torch.equal(vectors(own, every), after)


def test_many_are_embedded_in_batches_and_how_far_it_is_can_be_heard(path: Path, new_entries) -> None:
    maker = EntryMaker(tiny_net(0))
    heard: list[tuple[int, int]] = []
    with Bank.create(path, fingerprint="encoder-a", dimension=DIMENSION) as bank:
        bank.add(new_entries(70), allow_duplicates=True)
        change_attributes(bank, maker, range(1, 71), {"collar": "Hooded"}, on_progress=lambda *far: heard.append(far))
        assert bank.revision == 2 and bank.edits(1)[0].entries == 70
        assert {entry["collar"] for entry in bank.attributes(range(1, 71))} == {"Hooded"}
        wanted = maker.again([bank.entry(70)], {})[0]
        assert torch.allclose(bank.entry(70).embedding, wanted, atol=1e-6)
    assert heard == [(maker.BATCH, 70), (70, 70)]


def test_what_the_embedding_does_not_tell_of_leaves_it(own: Bank, maker: EntryMaker) -> None:
    before, revision = vectors(own, [1]), own.revision
    change_attributes(own, maker, [1], {"gender": "Male"})
    assert torch.equal(vectors(own, [1]), before) and own.attributes([1]) == [{**KNOWN, "gender": "Male"}]
    assert [change.field for change in of_entry(own, 1)[0].changes] == ["attributes"]
    change_attributes(own, maker, [1], {"collar": "Polo"})  # which it has
    assert own.revision == revision + 1


def test_an_entry_that_is_changed_while_it_is_embedded_is_embedded_again(own: Bank, path: Path) -> None:
    class Interrupted(EntryMaker):
        calls = 0

        def again(self, entries, patterns):
            self.calls += 1
            if self.calls == 1:
                with Bank.open(path) as theirs:
                    theirs.update([EntryUpdate(3, attributes={**KNOWN, "length": "Long"})], author="Ben")
            return super().again(entries, patterns)

    maker = Interrupted(tiny_net(0))
    change_attributes(own, maker, [3, 4], {"collar": "Hooded"})
    assert own.attributes([3]) == [{"collar": "Hooded", "fit": "Loose", "length": "Long"}], "both changes stand"
    (wanted,) = maker.again([own.entry(3)], {})
    assert torch.allclose(own.entry(3).embedding, wanted, atol=1e-6)


def test_what_cannot_be_changed_stays(own: Bank, maker: EntryMaker) -> None:
    own.delete([6])
    seen, version = {1: own.entry(1).revision}, own.version
    for ids, new, message in (
        ([1, 6], {"collar": "Hooded"}, "entry 6 is deleted: restore it first"),
        ([1, 99], {"collar": "Hooded"}, "no entry 99"),
        ([1], {"collar": "Teapot"}, "Teapot"),
    ):
        with pytest.raises(ValueError, match=message):
            change_attributes(own, maker, ids, new)
    assert own.version == version
    own.tag([1], add=["his"], author="Ben")
    with pytest.raises(ConflictError, match="entry 1 was changed by Ben meanwhile"):
        change_attributes(own, maker, [1], {"collar": "Hooded"}, expected=seen)
    assert own.attributes([1]) == [KNOWN]
