"""Which bank retrieval uses: the copy made before the first change, several banks, and the one that lay open last."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.curation.curator import GIVEN, Curator
from app.curation.encoding import BankEncoder
from app.pages.bank.states import BankStates
from app.runs.engine import Engine
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, NewEntry

ENTRIES = 12  # of the small bank in conftest.py


@pytest.fixture
def make(curated: RAGDiffusion, tmp_path: Path) -> Callable[..., Curator]:
    def curator(model: RAGDiffusion = curated, given: Path | None = None) -> Curator:
        return Curator(Engine(lambda: model), tmp_path / "banks", given)

    return curator


def test_the_first_change_goes_to_a_copy_that_retrieval_uses_at_once(
    make: Callable[..., Curator], curated: RAGDiffusion, photo_bytes: Callable[..., bytes]
) -> None:
    curator = make()
    before = curator.bank.version
    assert curator.key == "bundled" and curator.bank.read_only and not curator.folder.exists()
    opened = curator.editing()
    assert "copy" in opened.note and opened.bank is curated.bank is curator.bank and not opened.bank.read_only
    assert curator.key != "bundled" and len(opened.bank) == ENTRIES
    sight = curated.see(photo_bytes())
    first = curated.retrieve(sight, k=1).candidates[0].id
    opened.bank.set_enabled([first], False)
    assert curated.retrieve(sight, k=1).candidates[0].id != first
    assert curator.editing().note == "", "the copy is made once"
    curator.switch("bundled")
    assert curator.bank.version == before and curated.retrieve(sight, k=1).candidates[0].id == first


def test_banks_are_made_renamed_and_the_last_one_is_open_again(
    make: Callable[..., Curator], model: RAGDiffusion, curated: RAGDiffusion
) -> None:
    curator = make()
    curator.create("Spring")
    assert curator.bank.name == "Spring" and len(curator.bank) == 0
    curator.switch("bundled")
    curator.copy("Summer")
    curator.rename("Autumn")
    assert curator.bank.name == "Autumn" and len(curator.bank) == ENTRIES
    assert [info.name for info in curator.banks()][1:] == ["Autumn", "Spring"]
    with pytest.raises(ValueError, match="Spring"):
        curator.create("Spring")
    again = RAGDiffusion(model.pipeline, model.bank, model.checkpoint)
    assert make(again).bank.name == "Autumn" and again.bank.name == "Autumn"
    (curator.folder / "Autumn.sqlite3").write_bytes(b"broken")
    fresh = RAGDiffusion(model.pipeline, model.bank, model.checkpoint)
    assert make(fresh).key == "bundled", "one that cannot be opened is left"


def test_who_looks_while_a_bank_is_renamed_waits_and_finds_it(make: Callable[..., Curator]) -> None:
    curator = make()
    curator.copy("Name")
    renamed = threading.Event()

    def look() -> int:
        looks = 0
        while not renamed.is_set() or not looks:
            assert len(list(curator.bank.entries())) == ENTRIES and curator.bank.version
            looks += 1
        return looks

    with ThreadPoolExecutor(4) as others:
        lookers = [others.submit(look) for _ in range(4)]
        try:
            for number in range(20):
                curator.rename(f"Name {number}")
        finally:
            renamed.set()
        assert all(looker.result(60) for looker in lookers)
    assert curator.bank.name == "Name 19"


def test_after_a_new_name_nobodys_edit_is_lost(make: Callable[..., Curator]) -> None:
    curator = make()
    curator.editing().bank.tag([1], add=["before"])
    curator.rename("Summer")
    assert curator.key == "Summer" and len(curator.bank) == ENTRIES
    with curator.library.open("Summer") as other:
        other.tag([1], add=["theirs"])
        assert curator.bank.version == other.version, "it is seen at once"
        curator.bank.tag([1], add=["mine"])
        assert other.entry(1).tags[-3:] == ("before", "theirs", "mine")


def test_a_bank_of_another_encoder_is_said_and_encoded_while_the_open_one_serves(
    make: Callable[..., Curator], curated: RAGDiffusion, photo_bytes: Callable[..., bytes]
) -> None:
    curator = make()
    curator.create("Spring")
    curator.switch("bundled")
    about = {"fingerprint": "another", "dimension": 4, "name": "Old"}
    with Bank.create(curator.folder / "Old.sqlite3", **about) as old:
        entries = [replace(entry, embedding=np.eye(4)[i % 4]) for i, entry in enumerate(drawn(curated.bank))]
        old.add(entries, author="Ann")
    (curator.folder / "Torn.sqlite3").write_bytes(b"broken")
    states = BankStates(curator)
    unusable = {each["name"]: each for each in states.view("")["unusable"]}
    assert set(unusable) == {"Old", "Torn"} and unusable["Old"]["foreign"] and not unusable["Torn"]["foreign"]
    assert "made with encoder another" in unusable["Old"]["why"] and "not a bank" in unusable["Torn"]["why"]
    for key, message in (("Torn", "not a bank"), ("Spring", "this checkpoint's encoder already"), ("None", "no bank")):
        with pytest.raises(ValueError, match=message):
            curator.encode(key, "Ben")
    curator.encode("Old", "Ben")
    assert curated.retrieve(curated.see(photo_bytes()), k=1).candidates, "the open one serves meanwhile"
    curator.encoder.wait()
    view = states.view("")
    assert view["encoding"] == "Old is encoded for this checkpoint: choose it above"
    assert [each["name"] for each in view["unusable"]] == ["Torn"]
    curator.switch("Old")
    assert len(curator.bank) == ENTRIES and [edit.author for edit in curator.bank.edits()] == ["Ben", "Ann"]
    again = curator.maker.again([curator.bank.entry(3)], {})[0]
    assert torch.allclose(curator.bank.entry(3).embedding, again, atol=1e-5)


def test_an_encoding_that_fails_says_why_and_another_can_begin(make: Callable[..., Curator], tmp_path: Path) -> None:
    curator, encoder = make(), BankEncoder()
    with pytest.raises(ValueError, match="no bank"):
        curator.encode("None", "")
    encoder.start("gone", "Gone", tmp_path / "gone.sqlite3", curator.maker, "new", "")
    encoder.wait()
    assert encoder.at is not None and encoder.at.ended and "no bank at" in encoder.at.problem
    encoder.start("gone", "Gone", tmp_path / "gone.sqlite3", curator.maker, "new", "")
    encoder.wait()


def drawn(bank: Bank) -> list[NewEntry]:
    return [NewEntry(entry.embedding, entry.silhouette, {}, source=entry.source) for entry in bank.entries()]


def test_a_bank_that_was_given_is_changed_itself(
    make: Callable[..., Curator], model: RAGDiffusion, tmp_path: Path
) -> None:
    file = model.bank.copy(tmp_path / "team.sqlite3")
    own = RAGDiffusion(model.pipeline, Bank.open(file), model.checkpoint)
    curator = make(own, file)
    assert curator.key == GIVEN and curator.editing().bank is own.bank
    with pytest.raises(ValueError, match="outside of the workspace"):
        curator.rename("Other")
