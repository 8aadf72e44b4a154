"""Banks of one's own beside the bundled one."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ragdiffusion.bank import Bank, BankLibrary
from ragdiffusion.bank.library import banks_folder


@pytest.fixture
def bundled(tmp_path, new_entries):
    file = tmp_path / "assets" / "bank.sqlite3"
    file.parent.mkdir()
    with Bank.create(file, fingerprint="encoder-a", dimension=8, name="studio") as bank:
        bank.add(new_entries(6))
        bank.copy(tmp_path / "assets" / "compact.sqlite3")
    return tmp_path / "assets" / "compact.sqlite3"


@pytest.fixture
def library(tmp_path, bundled):
    return BankLibrary(tmp_path / "banks", bundled=bundled, fingerprint="encoder-a")


def test_the_first_change_makes_a_copy_and_says_so(library, bundled):
    digest = hashlib.sha256(bundled.read_bytes()).digest()
    (info,) = library.list()
    assert (info.key, info.entries, info.read_only, info.problem) == ("bundled", 6, True, None)
    copy, line = library.writable("bundled")
    assert line == "The studio bank can't be changed: your changes go to a copy of it, “My bank”."
    assert copy.version == info.version.replace("studio", "my-bank") and not copy.read_only
    assert library.writable(copy.key) == (copy, None)
    with library.open(copy.key) as bank:
        bank.delete([1])
    with library.open("bundled") as bank, pytest.raises(RuntimeError, match="read-only"):
        bank.delete([1])
    assert hashlib.sha256(bundled.read_bytes()).digest() == digest
    assert library.writable("bundled")[0].key == "My bank 2"
    assert [(info.key, info.entries) for info in library.list()] == [("bundled", 6), ("My bank", 5), ("My bank 2", 6)]


def test_banks_are_made_copied_renamed_put_away_and_brought_back(library, new_entries):
    made = library.create("Spring 26", dimension=8)
    assert (made.key, made.name, made.entries) == ("Spring 26", "Spring 26", 0)
    with library.open("Spring 26") as bank:
        bank.add(new_entries(3), author="Ann")
        version = bank.version
    assert library.copy("Spring 26", "Été/Brand").key == "Été-Brand"
    renamed = library.rename("Spring 26", "Winter")
    assert renamed.version == version.replace("spring-26", "winter") and renamed.entries == 3
    with library.open("Winter") as bank:
        assert bank.edits()[0].author == "Ann"
    library.delete("Winter")
    assert [info.key for info in library.list()] == ["bundled", "Été-Brand"]
    (gone,) = library.deleted()
    library.create("Winter", dimension=8)
    back = library.undelete(gone)
    assert (back.key, back.entries) == ("Winter 2", 3) and library.deleted() == []


def test_a_bank_that_is_open_is_not_moved_beneath_its_writers(library, new_entries):
    library.create("Spring", dimension=8)
    with library.open("Spring") as bank:
        bank.add(new_entries(3))
        for move in (lambda: library.rename("Spring", "Summer"), lambda: library.delete("Spring")):
            with pytest.raises(RuntimeError, match="Spring.sqlite3 is open in another program: close that"):
                move()
        bank.tag([1], add=["still there"])
    library.rename("Spring", "Summer")
    with library.open("Summer") as one, library.open("Summer") as other:
        other.tag([1], add=["theirs"])
        one.tag([1], add=["mine"])
        assert one.entry(1).tags[-3:] == other.entry(1).tags[-3:] == ("still there", "theirs", "mine")


def test_a_bank_that_is_read_here_is_moved_between_two_looks(library, new_entries):
    library.create("Spring", dimension=8)
    with library.open("Spring") as bank, ThreadPoolExecutor(2) as others:
        bank.add(new_entries(3))
        read = threading.Event()

        def look() -> int:
            with bank.access.reading(), bank.access.reading() as session:  # within one's own, nobody waits
                read.set()
                count = len(list(bank.entries()))
                session.connection()
            return count

        first = others.submit(look)
        assert read.wait(60)
        with bank.closed(60):
            assert first.done(), "who is at it ends first"
            second = others.submit(look)
            assert library.rename("Spring", "Summer").entries == 3
            assert not second.done(), "who comes waits"
        with pytest.raises(RuntimeError, match="it was moved or removed meanwhile"):
            second.result(60)
        with bank.closed(60):
            third = others.submit(look)
            info = library.rename("Summer", "Autumn")
            bank.moved(info.path, info.name)
            assert not third.done()
        assert third.result(60) == 3, "who was told finds it at its new place"
        assert (bank.path, bank.name) == (info.path, "Autumn")
        with bank.access.reading(), pytest.raises(TimeoutError), bank.closed(0.01):
            pass
    with library.open("Autumn") as bank:
        assert len(bank) == 3


def test_what_cannot_be_done_is_said(library, bundled, tmp_path):
    library.create("mine", dimension=8)
    for act, message in (
        (lambda: library.create("mine", dimension=8), "there is a bank 'mine' already"),
        (lambda: library.create("Bundled", dimension=8), "already"),
        (lambda: library.create(" ../ ", dimension=8), "1 to 60 letters"),
        (lambda: library.rename("bundled", "x"), "bundled bank stays as it is"),
        (lambda: library.delete("bundled"), "bundled bank stays as it is"),
        (lambda: library.open("../assets/bank"), "no bank '../assets/bank'"),
        (lambda: library.undelete("mine"), "no bank 'mine' was put away"),
        (lambda: library.location("none"), "no bank 'none': give a file, a URL, or one of bundled, mine"),
    ):
        with pytest.raises(ValueError, match=message):
            act()
    with library.open("mine") as bank:
        bank.version  # noqa: B018  # holds a connection
        assert library.location("mine") == bank.path
    assert library.location("bundled") == bundled and library.location(str(bundled)) == bundled
    assert library.location("postgresql+psycopg://host/x") == "postgresql+psycopg://host/x"
    assert banks_folder(tmp_path) == tmp_path / "banks"


def test_a_bank_that_cannot_be_used_is_listed_with_its_problem(library, tmp_path):
    (tmp_path / "banks").mkdir()
    (tmp_path / "banks" / "notes.sqlite3").write_text("shirts\n" * 300)
    Bank.create(tmp_path / "banks" / "other.sqlite3", fingerprint="encoder-b", dimension=8).close()
    problems = {info.key: info.problem for info in library.list()}
    assert problems["bundled"] is None
    assert "is not a bank" in problems["notes"]
    assert "made with encoder encoder-b, this is encoder encoder-a" in problems["other"]
    with pytest.raises(ValueError, match="encoder-b"):
        library.writable("other")


def test_an_older_version_is_opened_for_reading(library):
    copy, _ = library.writable("bundled")
    with library.open(copy.key) as bank:
        version = bank.version
        bank.delete([1, 2])
    with library.at(copy.key, version) as old:
        assert len(old) == 6 and old.version == version and old.read_only
    assert [info.key for info in library.list()] == ["bundled", "My bank"]
