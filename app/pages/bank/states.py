"""How the bank that lies open stands: its name and version, what can be undone, and which others there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.curation.curator import GIVEN, Curator
from app.pages.bank.views import edit_text

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.entries import Edit

_BACK_AND_FORTH = ("undo", "redo")
_LOOKED_THROUGH = 200  # edits, for the one that would be undone


class BankStates:
    """Makes the view of the bank that lies open.

    Args:
        curator: knows it.
    """

    def __init__(self, curator: Curator) -> None:
        self._curator = curator
        self._known: dict[tuple[str, str], bool] = {}

    def view(self, login: str) -> dict[str, Any]:
        """Return it for a person."""
        from ragdiffusion.bank.library import BUNDLED

        curator = self._curator
        bank, key = curator.bank, curator.key
        edits = bank.edits(_LOOKED_THROUGH)
        undo, redo = undoable(edits), redoable(edits)
        every = curator.banks()
        banks = [
            {"id": info.key, "name": info.name, "entries": info.entries, "bundled": info.bundled}
            for info in every
            if info.problem is None
        ]
        if key == GIVEN:
            banks.insert(0, {"id": GIVEN, "name": bank.name, "entries": len(bank), "bundled": False})
        return {
            "id": key,
            "name": bank.name,
            "version": bank.version,
            "entries": len(bank),
            "bundled": key == BUNDLED,
            "undo": None if bank.read_only or undo is None else _step(undo),
            "redo": None if bank.read_only or redo is None else _step(redo),
            "author": login,
            "banks": banks,
            "unusable": [
                {
                    "id": info.key,
                    "name": info.name,
                    "why": info.problem.replace(str(info.path), info.path.name),
                    "foreign": info.foreign,
                }
                for info in sorted(every, key=lambda info: not info.foreign)  # what can be done about it comes first
                if info.problem is not None
            ],
            "encoding": self.encoding(),
        }

    def encoding(self) -> str:
        """Tell in a line how far the encoding of a bank is; "" before there was one."""
        at = self._curator.encoder.at
        if at is None:
            return ""
        if at.problem:
            return f"{at.name} could not be encoded: {at.problem}"
        if at.ended:
            return f"{at.name} is encoded for this checkpoint: choose it above"
        far = f"{at.done:,} of {at.entries:,} entries"
        return f"Encoding {at.name}: {far}; with its old checkpoint it can be used meanwhile"

    def belongs(self, bank: Bank, version: str) -> bool:
        """Tell whether a version, as runs name it, is of a bank's own past, or of what it was copied from."""
        from ragdiffusion.bank.versions import has_version

        known = (bank.version, version)
        if known not in self._known:
            self._known[known] = has_version(bank, version)
        return self._known[known]


def _step(edit: Edit) -> dict[str, Any]:
    return {"revision": edit.revision, "text": edit_text(edit)}


def undoable(edits: list[Edit]) -> Edit | None:
    """Return the edit that Undo would take back; `edits` newest first."""
    return next((edit for edit in edits if edit.action not in _BACK_AND_FORTH and not edit.undone), None)


def redoable(edits: list[Edit]) -> Edit | None:
    """Return the edit that Redo would do again; `edits` newest first."""
    for edit in edits:
        if edit.action not in _BACK_AND_FORTH:
            return None
        if edit.action == "undo" and not edit.undone:
            return next((other for other in edits if other.revision == edit.target), edit)
    return None
