"""What the Bank page changes: entries, banks, versions. Each is one action of the bank's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.curation.curator import Curator
from app.curation.progress import ProgressNotes
from app.pages.bank.conflict_views import conflict_view, seen_of, wanted_by
from app.pages.bank.events import attributes_of, author_of, entries_of, measure_of, tag_of
from app.pages.bank.states import BankStates
from app.pages.bank.views import edit_text

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank

_LOG_SHOWN = 100
_LONGEST_NAME = 60


class ChangeHandlers:
    """Answers what is to be changed.

    Args:
        curator: opens the bank to be changed, or a copy of it.
        states: tells how the bank stands afterwards.
        progress: keeps how far a change is.
    """

    def __init__(self, curator: Curator, states: BankStates, progress: ProgressNotes) -> None:
        self._curator = curator
        self._states = states
        self._progress = progress

    def change(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Change entries: the event holds `ids`, the `action`, its `value`, and the revisions that were `seen`.

        `progress` tells how far it is, by the event's `token`. If somebody else changed one of them meanwhile, nothing
        is changed and both versions come back.
        """
        with self._progress.of(str(event.get("token"))) as note:
            return self._change(login, event, note)

    def _change(self, login: str, event: dict[str, Any], note: Callable[[int, int], None]) -> dict[str, Any]:
        from ragdiffusion.bank import ConflictError
        from ragdiffusion.bank.attributing import change_attributes
        from ragdiffusion.bank.history import revisions
        from ragdiffusion.bank.remeasuring import move_measure

        ids, action, value = entries_of(event), str(event.get("action")), event.get("value")
        author, seen = author_of(login, event), seen_of(event)
        expected = {number: seen[number] for number in ids if number in seen}
        held: dict[str, Any] = {"author": author, "expected": expected}
        actions: dict[str, tuple[str, Callable[[Bank], Any]]] = {
            "attributes": (
                "changed",
                lambda bank: change_attributes(
                    bank, self._curator.maker, ids, attributes_of(value), on_progress=note, **held
                ),
            ),
            "measure": (
                "redrawn",
                lambda bank: move_measure(bank, self._curator.maker, ids, *measure_of(value), on_progress=note, **held),
            ),
            "tag": ("tagged", lambda bank: bank.tag(ids, add=[tag_of(value)], author=author)),
            "untag": ("untagged", lambda bank: bank.tag(ids, remove=[tag_of(value)], author=author)),
            "enable": ("used again", lambda bank: bank.set_enabled(ids, True, **held)),
            "disable": (
                "hidden from retrieval",
                lambda bank: bank.set_enabled(ids, False, **held),
            ),
            "delete": ("in the bin", lambda bank: bank.delete(ids, **held)),
            "restore": ("taken back from the bin", lambda bank: bank.restore(ids, author=author)),
        }
        if action not in actions:
            raise ValueError(f"an entry cannot be changed by {action!r}: reload the page")
        word, perform = actions[action]
        opened = self._curator.editing()
        try:
            perform(opened.bank)
        except ConflictError as error:
            return {
                "bank": self._states.view(login),
                "conflict": conflict_view(error, wanted_by(action, value), opened.bank),
            }
        many = "Entry " + str(ids[0]) if len(ids) == 1 else f"{len(ids):,} entries"
        now = [{"id": number, "revision": at} for number, at in revisions(opened.bank, expected).items()]
        return {**self._done(login, f"{many} {word}", opened.note), "revisions": now}

    def undo(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Take the latest action back, if it is the one that the event says is `expected`."""
        opened = self._curator.editing()
        edit = opened.bank.undo(author=author_of(login, event), expected=event.get("expected"))
        return self._done(login, f"Undone: {edit_text(replace(edit, undone=False))}", opened.note)

    def redo(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Do again what was taken back last, if it is what the event says is `expected`."""
        opened = self._curator.editing()
        edit = opened.bank.redo(author=author_of(login, event), expected=event.get("expected"))
        return self._done(login, f"Done again: {edit_text(replace(edit, undone=False))}", opened.note)

    # ---- banks

    def bank_create(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Make an empty bank of the event's `name`."""
        self._curator.create(_name(event))
        return self._done(login, f"{self._curator.bank.name} is empty: add photos, or draw entries from measures")

    def bank_copy(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Copy the bank that lies open under the event's `name`."""
        self._curator.copy(_name(event))
        return self._done(login, f"{self._curator.bank.name} lies open now; retrieval uses it")

    def bank_rename(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Give the bank that lies open the event's `name`."""
        self._curator.rename(_name(event))
        return self._done(login, f"The bank is called {self._curator.bank.name} now")

    def bank_switch(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Open another bank, of the event's `id`."""
        self._curator.switch(str(event.get("id")))
        return self._done(login, f"Retrieval uses {self._curator.bank.name} from now on")

    def bank_encode(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Begin to encode the event's `id`, a bank of another checkpoint, for this one."""
        self._curator.encode(str(event.get("id")), author_of(login, event))
        return {"bank": self._states.view(login)}

    # ---- versions

    def versions(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell the snapshots of the bank and its latest edits."""
        from ragdiffusion.bank.versions import snapshots

        bank = self._curator.bank
        taken = [
            {
                "name": each.name,
                "version": each.version,
                "at": f"{each.at.astimezone():%d %b %Y %H:%M}",
                "note": " ".join(filter(None, (each.note, each.author and f"by {each.author}"))),
                "revision": each.revision,
            }
            for each in snapshots(bank)
        ]
        return {"snapshots": taken, "edits": [edit_text(edit) for edit in bank.edits(_LOG_SHOWN)]}

    def snapshot(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Keep the bank as it is under the event's `name`."""
        from ragdiffusion.bank.versions import take_snapshot

        opened = self._curator.editing()
        made = take_snapshot(opened.bank, _name(event), author=author_of(login, event))
        return self._done(login, f"{made.version} is kept as {made.name}", opened.note)

    def go_back(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Make the bank again what it was at the event's `old` version."""
        from ragdiffusion.bank.versions import restore_version

        opened, old = self._curator.editing(), str(event.get("old"))
        edit = restore_version(opened.bank, old, author=author_of(login, event))
        if edit is None:
            return self._done(login, f"Nothing differs from {old}", opened.note)
        return self._done(login, f"The bank is again what it was at {old}; Undo takes that back", opened.note)

    def _done(self, login: str, message: str, note: str = "") -> dict[str, Any]:
        return {"bank": self._states.view(login), "message": ". ".join(filter(None, (note.rstrip("."), message)))}


def _name(event: dict[str, Any]) -> str:
    """Read a name.

    Raises:
        ValueError: if it is empty or too long.
    """
    name = " ".join(str(event.get("name") or "").split())
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise ValueError(f"a name has 1 to {_LONGEST_NAME} letters, got {len(name)}")
    return name
