"""Snapshots, differences, going back, and a bank opened as it was."""

from __future__ import annotations

import pytest

from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.bank.check import check_bank
from ragdiffusion.bank.versions import (
    compare,
    drop_snapshot,
    open_version,
    restore_version,
    snapshots,
    take_snapshot,
)


@pytest.fixture
def edited(bank, new_entries, silhouettes, vectors):
    """Revisions: 1 all added, 2 one more, 3 changed, 4 deleted, 5 disabled, 6 undone, 7 redone."""
    bank.add(new_entries(1, seed=4))
    bank.update([EntryUpdate(2, silhouette=silhouettes[6], embedding=vectors(1, 5)[0]), EntryUpdate(3, tags=("new",))])
    bank.delete([4, 21])
    bank.set_enabled([5], False)
    bank.undo()
    bank.redo()
    return bank


def contents(bank: Bank) -> list[tuple]:
    held = [*bank.entries(), *bank.entries(deleted=True)]
    return sorted(
        (e.id, e.silhouette, tuple(e.embedding.tolist()), e.tags, e.source, e.enabled, e.deleted_at, e.revision)
        for e in held
    )


def test_snapshots_name_versions_and_are_no_edits(bank):
    version = bank.version
    take_snapshot(bank, "spring", note="before the fair", author="Ann")
    bank.delete([1])
    take_snapshot(bank, "later")
    assert [(s.name, s.revision, s.author, s.note) for s in snapshots(bank)] == [
        ("later", 2, "", ""),
        ("spring", 1, "Ann", "before the fair"),
    ]
    assert snapshots(bank)[1].version == version and bank.revision == 2
    for name in ("", "12", "studio-r1-abcdef"):
        with pytest.raises(ValueError, match="needs a name that is no number"):
            take_snapshot(bank, name)
    with pytest.raises(ValueError, match="is a snapshot 'spring' already"):
        take_snapshot(bank, "spring")
    drop_snapshot(bank, "spring")
    with pytest.raises(ValueError, match="no snapshot 'spring'"):
        drop_snapshot(bank, "spring")


def test_versions_are_compared_in_both_directions(edited):
    found = compare(edited, 1)
    assert (found.added, found.removed) == ((), (4,))  # 21 came and went
    assert found.changed == {2: ("embedding", "silhouette"), 3: ("tags",), 5: ("enabled",)}
    back = compare(edited, 7, 1)
    assert (back.added, back.removed, back.changed) == ((4,), (), found.changed)
    assert compare(edited, 1, 2).added == (21,) and compare(edited, 2, 2).changed == {}
    assert compare(edited, 6).changed == {5: ("enabled",)}


def test_versions_that_are_not_there_are_refused(edited, path):
    for ref, message in (
        (99, "no revision 99: it is at 7"),
        ("studio-r2-000000", "of another history"),
        ("no such", "no version or snapshot 'no such'"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(edited, ref)


def test_restoring_is_one_edit_that_can_be_undone(edited):
    now = contents(edited)
    take_snapshot(edited, "mine")
    edit = restore_version(edited, 1, author="Ann")
    assert (edit.action, edit.author, edit.entries) == ("restore version", "Ann", 4)  # 21 is in the bin already
    difference = compare(edited, 1)
    assert (difference.added, difference.removed, difference.changed) == ((), (), {})
    assert restore_version(edited, 1) is None
    edited.undo()
    assert [row[:-1] for row in contents(edited)] == [row[:-1] for row in now]  # but for the revisions
    assert compare(edited, "mine").changed == {}


def test_every_version_is_opened_as_it_was(bank, path, new_entries, silhouettes, vectors, tmp_path):
    kept = {}

    def keep() -> None:
        kept[bank.version] = (contents(bank), bank.search(vectors(1, 8)[0], 5).ids, bank.edits())

    keep()
    for act in (
        lambda: bank.add(new_entries(2, seed=4), author="Ann"),
        lambda: bank.update([EntryUpdate(2, silhouette=silhouettes[6], embedding=vectors(1, 5)[0])]),
        lambda: bank.delete([4]),
        lambda: bank.undo(author="Bob"),
        lambda: bank.redo(),
        lambda: bank.restore([4]),
        lambda: bank.undo(),
    ):
        act()
        keep()
    for version, (held, found, edits) in kept.items():
        with open_version(bank, version, tmp_path) as old:
            assert old.version == version and old.read_only
            assert contents(old) == held and old.search(vectors(1, 8)[0], 5).ids == found
            assert old.edits() == edits
            assert check_bank(old.path).problems == ()
            with pytest.raises(RuntimeError, match="read-only"):
                old.delete([1])
    assert len(list(tmp_path.glob("*.sqlite3"))) == len(kept) + 1  # kept for the next time, nothing beside them
    with open_version(bank, 0, tmp_path) as empty:
        assert len(empty) == 0 and empty.version.startswith("studio-r0-")
