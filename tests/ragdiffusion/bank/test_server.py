"""A bank on a database server that several studios share."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from ragdiffusion.bank import Bank, ConflictError, EntryUpdate
from ragdiffusion.bank.browsing import Filter, browse, facets
from ragdiffusion.bank.check import check_bank
from ragdiffusion.bank.history import of_entry
from ragdiffusion.bank.quality import exact_duplicates, near_duplicates
from ragdiffusion.bank.tables import EntryRow
from ragdiffusion.bank.versions import compare, open_version, restore_version, take_snapshot


@pytest.fixture
def shared(postgres_url, new_entries):
    with Bank.create(postgres_url, fingerprint="encoder-a", dimension=8, name="team") as bank:
        bank.add(new_entries(12), author="Ann")
        yield bank


def test_a_shared_bank_does_what_a_file_does(shared, postgres_url, tmp_path, new_entries, vectors, silhouettes):
    with Bank.create(tmp_path / "team.sqlite3", fingerprint="encoder-a", dimension=8, name="team") as file:
        file.add(new_entries(12), author="Ann")
        query = vectors(1, 3)[0]
        for bank in (shared, file):
            take_snapshot(bank, "start")
            bank.update([EntryUpdate(2, embedding=vectors(1, 9)[0], silhouette=silhouettes[6])], author="Bob")
            bank.tag([1, 2], add=["linen"])
            bank.delete([4])
            bank.undo()
            bank.redo()
            bank.set_enabled([5], False)
        assert shared.version == file.version
        assert shared.search(query, 5).ids == file.search(query, 5).ids
        wanted = Filter(tags=["linen"], text="photo loose")
        assert browse(shared, wanted).ids.tolist() == browse(file, wanted).ids.tolist() == [2, 1]
        assert facets(shared) == facets(file) and compare(shared, "start") == compare(file, "start")
        assert [e.edit.action for e in of_entry(shared, 2)] == ["update", "update", "add"]
        assert exact_duplicates(shared) == []
        assert near_duplicates(shared, similarity=0.5, overlap=0.5) == near_duplicates(
            file, similarity=0.5, overlap=0.5
        )
        with open_version(shared, "start", tmp_path) as old, open_version(file, "start", tmp_path) as same:
            assert old.version == same.version and [e.tags for e in old.entries()] == [e.tags for e in same.entries()]
        restore_version(shared, "start")
        assert compare(shared, "start").changed == {}
    assert check_bank(postgres_url).problems == ()
    with Bank.open(postgres_url, fingerprint="encoder-a", read_only=True) as reader:
        assert reader.version == shared.version and reader.label.startswith("postgresql+psycopg://")
        with pytest.raises(RuntimeError, match="read-only"):
            reader.delete([1])
    with pytest.raises(ValueError, match="holds a bank already"):
        Bank.create(postgres_url, fingerprint="encoder-a", dimension=8)


def test_others_edits_are_followed_and_only_what_changed_is_fetched(shared, postgres_url, vectors, new_entries):
    with Bank.open(postgres_url) as other:
        assert len(shared) == 12 and len(browse(shared).ids) == 12
        fetched = []
        put = shared._follower._put
        shared._follower._put = lambda rows: (fetched.extend(row.id for row in rows), put(rows))
        new = other.add(new_entries(2, seed=5), author="Bob")
        other.update([EntryUpdate(3, embedding=vectors(1, 9)[0])])
        other.delete([1])
        assert shared.search(vectors(1, 9)[0], 1).ids == (3,) and len(shared) == 13
        assert sorted(fetched) == [3, *new] and shared.version == other.version
        assert len(browse(shared).ids) == 13


def test_conflicting_edits_are_answered_with_both_versions(shared, postgres_url):
    seen = {1: shared.entry(1).revision}
    with Bank.open(postgres_url) as other:
        other.update([EntryUpdate(1, attributes={"fit": "Slim"})], author="Bob", expected=seen)
    with pytest.raises(ConflictError, match="changed by Bob") as caught:
        shared.update([EntryUpdate(1, source="mine")], expected=seen)
    assert caught.value.conflicts[0].theirs.attributes["fit"] == "Slim"


def test_what_is_read_in_one_transaction_is_of_one_moment(shared, postgres_url):
    with Bank.open(postgres_url) as other, shared.access.reading() as session:
        before = session.scalars(select(EntryRow.source).order_by(EntryRow.id)).all()
        other.update([EntryUpdate(entry_id, source="changed") for entry_id in (1, 12)])
        assert session.scalars(select(EntryRow.source).order_by(EntryRow.id)).all() == before
    assert shared.entry(12).source == "changed"


def test_no_edit_is_lost_when_two_write_at_once(shared, postgres_url):
    with Bank.open(postgres_url) as other:

        def work(bank: Bank, name: str) -> None:
            for number in range(15):
                bank.tag([1], add=[f"{name}{number}"], author=name)

        threads = [threading.Thread(target=work, args=(bank, name)) for bank, name in ((shared, "a"), (other, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(shared.entry(1).tags) == {"summer", *(f"{name}{n}" for name in "ab" for n in range(15))}
        assert shared.revision == other.revision == 31 and len(shared.edits(99)) == 31


def test_a_server_out_of_reach_is_said_in_one_line(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(RuntimeError, match="the database server can't be reached: start it") as caught:
        Bank.open(f"postgresql+psycopg://ann:secret@/bank?host={tmp_path}")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)
