"""Two people changed one entry: what one wanted, what the other made of it, and what happened in between."""

from __future__ import annotations

from dataclasses import dataclass

from ragdiffusion.bank.entries import BankEntry, Edit, EntryUpdate


@dataclass(frozen=True)
class Conflict:
    """One entry that somebody else changed since the caller looked at it.

    Attributes:
        mine: what the caller wanted; None if not an update of fields, but to enable, disable or delete.
        theirs: the entry as it is now.
        edits: what was done to it since the caller looked, the oldest first.
    """

    mine: EntryUpdate | None
    theirs: BankEntry
    edits: tuple[Edit, ...]


class ConflictError(ValueError):
    """An edit was refused, as entries are no more what the caller saw; nothing was changed.

    The choice is the caller's: to leave them as they are, or to edit again with `expected` at their new revisions.
    """

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        self.conflicts = conflicts
        first = conflicts[0]
        by = first.edits[-1].author if first.edits and first.edits[-1].author else "somebody else"
        more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        super().__init__(
            f"entry {first.theirs.id}{more} was changed by {by} meanwhile: keep that version, or apply yours to it"
        )
