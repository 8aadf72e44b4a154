"""Edits with their authors: redo, conflicts, many entries at once, an entry's own history."""

from __future__ import annotations

import pytest

from ragdiffusion.bank import Bank, ConflictError, EntryUpdate, NewEntry
from ragdiffusion.bank.history import of_entry, revisions
from ragdiffusion.bank.patterns import PatternSpec


def state(bank: Bank) -> list[tuple]:
    """All that is not in the bin, where entries lie whose adding was undone."""
    return [(e.id, e.silhouette, e.attributes, e.tags, e.enabled) for e in bank.entries()]


def test_redo_does_again_what_undo_took_back_in_order_and_after_a_restart(bank, path, new_entries, silhouettes):
    states = [state(bank)]
    for act in (
        lambda: bank.add(new_entries(2, seed=3), author="Ann"),
        lambda: bank.tag([1, 2], add=["linen", "linen"], remove=["summer"], author="Bob"),
        lambda: bank.update([EntryUpdate(3, silhouette=silhouettes[5])]),
        lambda: bank.delete([4, 21]),
        lambda: bank.update(
            [EntryUpdate(entry_id, attributes={"fit": "Loose", "length": "Long"}) for entry_id in (1, 5)]
        ),
    ):
        act()
        states.append(state(bank))
    for earlier in reversed(states[:-1]):
        bank.undo(author="Cyd")
        assert state(bank) == earlier
    bank.close()
    with Bank.open(path) as again:
        for later in states[1:]:
            again.redo()
            assert state(again) == later
        with pytest.raises(RuntimeError, match="nothing to redo"):
            again.redo()
        assert again.undo().action == "update"  # what was done again can be undone again
        assert state(again) == states[-2]
        again.delete([7])
        with pytest.raises(RuntimeError, match="nothing to redo: nothing was undone since"):
            again.redo()


def test_the_log_names_authors_and_what_was_taken_back(bank):
    bank.delete([1], author="Ann")
    bank.undo(author="Bob")
    bank.redo(author="Cyd")
    log = [(e.revision, e.action, e.author, e.target, e.undone) for e in bank.edits(3)]
    assert log == [(4, "redo", "Cyd", 3, False), (3, "undo", "Bob", 2, True), (2, "delete", "Ann", None, False)]
    assert [e.revision for e in bank.edits(2, before=3)] == [2, 1]


def test_tags_of_many_are_merged(bank):
    bank.tag([1], add=[" linen ", "summer"], remove=["nothing"])
    assert bank.entry(1).tags == ("summer", "linen")
    revision = bank.revision
    bank.tag([1], add=["linen"])  # which it has
    assert bank.revision == revision
    with pytest.raises(ValueError, match="tags must be lists of words"):
        bank.tag([1], add="linen")
    assert bank.revision == revision


def test_an_edit_of_what_another_changed_is_answered_with_both_versions(bank, path):
    seen = {entry_id: bank.entry(entry_id).revision for entry_id in (1, 2)}
    with Bank.open(path) as other:
        other.update([EntryUpdate(1, attributes={"collar": "Polo", "fit": "Slim"})], author="Ann")
        other.tag([1], add=["linen"], author="Bob")
    mine = [EntryUpdate(1, attributes={"fit": "Regular"}), EntryUpdate(2, source="mine")]
    with pytest.raises(ConflictError, match="entry 1 was changed by Bob meanwhile: keep that version, or") as caught:
        bank.update(mine, expected=seen, author="Cyd")
    (conflict,) = caught.value.conflicts
    assert conflict.mine is mine[0] and conflict.theirs.attributes["fit"] == "Slim"
    assert [(e.author, e.revision) for e in conflict.edits] == [("Ann", 2), ("Bob", 3)]
    assert bank.entry(2).source != "mine"  # all or nothing
    bank.update(mine, expected={**seen, 1: conflict.theirs.revision})  # the choice was mine
    assert bank.entry(1).attributes["fit"] == "Regular" and bank.entry(1).tags == ("summer", "linen")
    for act in (bank.delete, lambda ids, expected: bank.set_enabled(ids, False, expected=expected)):
        with pytest.raises(ConflictError):
            act([2], expected=seen)
    assert bank.entry(2).deleted_at is None and bank.entry(2).enabled


def test_an_entrys_history_has_what_each_field_was_before_and_after(bank, silhouettes):
    bank.update([EntryUpdate(2, attributes={"collar": "Polo", "fit": "Slim"})], author="Ann")
    bank.tag([1, 2], add=["x"])
    bank.update([EntryUpdate(2, silhouette=silhouettes[6], tags=("y",))])
    found = [(one.edit.action, one.edit.author, one.changes) for one in of_entry(bank, 2)]
    assert [(action, author) for action, author, _ in found] == [
        ("update", ""),
        ("update", ""),
        ("update", "Ann"),
        ("add", ""),
    ]
    last = {change.field: (change.before, change.after) for change in found[0][2]}
    assert last == {"silhouette": (silhouettes[1], silhouettes[6]), "tags": (["summer", "x"], ["y"])}
    assert [(c.before, c.after) for c in found[1][2]] == [(["summer"], ["summer", "x"])]
    assert [(c.before["fit"], c.after["fit"]) for c in found[2][2]] == [("Loose", "Slim")]
    assert [c.field for c in found[3][2]] == ["created"]
    with pytest.raises(ValueError, match="no entry 99"):
        of_entry(bank, 99)


def test_a_pattern_comes_back_with_its_silhouette(bank, vectors, silhouettes):
    old, new = PatternSpec("t_shirt", {"chest": 50.0}), PatternSpec("t_shirt", {"chest": 60.0})
    (entry_id,) = bank.add([NewEntry(vectors(1, 7)[0], silhouettes[0], {}, pattern=old)])
    bank.update([EntryUpdate(entry_id, silhouette=silhouettes[1], pattern=new)])
    assert bank.patterns([entry_id]) == {entry_id: new}
    bank.update([EntryUpdate(entry_id, silhouette=silhouettes[2])])
    assert bank.patterns([entry_id]) == {}  # drawn by hand
    bank.undo()
    assert bank.patterns([entry_id]) == {entry_id: new}
    bank.undo()
    assert bank.patterns([entry_id]) == {entry_id: old}


def test_undo_and_redo_take_what_is_meant_or_nothing(bank):
    bank.tag([1], add=["mine"], author="Ana")
    bank.tag([2], add=["theirs"], author="Ben")
    meant, other = bank.edits(2)[1].revision, bank.edits(1)[0].revision
    version = bank.version
    with pytest.raises(ValueError, match=rf"action {other} \(update by Ben\) came meanwhile, and you meant {meant}"):
        bank.undo(expected=meant)
    assert bank.version == version, "nothing was undone"
    bank.undo(expected=other)
    with pytest.raises(ValueError, match="came meanwhile"):
        bank.redo(expected=meant)
    assert bank.redo(expected=other).revision == other and bank.entry(2).tags[-1] == "theirs"


def test_the_revisions_of_entries_are_what_an_edit_expects(bank):
    before = revisions(bank, [1, 2, 999])
    assert before == {1: bank.entry(1).revision, 2: bank.entry(2).revision}
    bank.tag([2], add=["new"])
    assert revisions(bank, [1, 2]) == {1: before[1], 2: bank.revision}
