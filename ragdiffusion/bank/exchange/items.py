"""What an import finds, one garment at a time: an entry to add, or why it can't be one."""

from __future__ import annotations

from dataclasses import dataclass

from ragdiffusion.bank.entries import NewEntry


@dataclass(frozen=True, eq=False)
class Item:
    """One garment of a source.

    Attributes:
        name: what to call it in a report.
        entry: to add; None where it can't be made.
        problem: why.
        foreign: fields of its description that a bank has no place for; they are left out.
        embedded: whether it was embedded anew, as the embedding that came with it is another encoder's.
    """

    name: str
    entry: NewEntry | None
    problem: str | None = None
    foreign: tuple[str, ...] = ()
    embedded: bool = False
