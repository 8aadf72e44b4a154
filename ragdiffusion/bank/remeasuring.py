"""A measure of many entries moved at once: their garments are drafted anew, and embedded as they are drawn then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank.entries import BankEntry, EntryUpdate
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.reading import named
from ragdiffusion.garments.patterns import MeasureError, draft
from ragdiffusion.garments.patterns.attributes import attributes_of

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank
    from ragdiffusion.bank.making import EntryMaker


def move_measure(
    bank: Bank,
    maker: EntryMaker,
    ids: Sequence[int],
    measure: str,
    by: float,
    *,
    author: str = "",
    expected: Mapping[int, int] | None = None,
) -> None:
    """Make one measure of many entries larger or smaller, all or none, as one action.

    Outline, embedding and those attributes follow of which the measures say something else then; all others stay.

    Args:
        bank: that holds the entries.
        maker: of the bank's encoder.
        ids: entries that were drawn by measures, and not by hand since.
        measure: its key, such as "body_length".
        by: what is added to it, in its unit.
        author: who does it.
        expected: entry -> its revision when the caller looked at it; those that are missing are as they are now.

    Raises:
        ConflictError: if an entry was changed since.
        MeasureError: if a garment would be none: a measure is out of its range or contradicts another.
        ValueError: if an entry is unknown or deleted, was not drawn by measures, or has no such measure.
        RuntimeError: if the bank is read-only or locked.
    """
    entries = [bank.entry(number) for number in dict.fromkeys(ids)]
    patterns = bank.patterns(ids)
    without = [entry.id for entry in entries if measure not in getattr(patterns.get(entry.id), "measures", ())]
    if without:
        words = measure.replace("_", " ")
        raise ValueError(f"entry {named(without)} has no measure {words} that could be moved: leave it out")
    updates = [_moved(maker, entry, patterns[entry.id], measure, by) for entry in entries]
    bank.update(updates, author=author, expected={entry.id: entry.revision for entry in entries} | dict(expected or {}))


def _moved(maker: EntryMaker, entry: BankEntry, pattern: PatternSpec, measure: str, by: float) -> EntryUpdate:
    measures = {**pattern.measures, measure: pattern.measures[measure] + by}
    try:
        before, after = (attributes_of(draft(pattern.kind, each)) for each in (pattern.measures, measures))
    except MeasureError as error:
        raise MeasureError(f"entry {entry.id}: {error}") from error
    known = {**entry.attributes, **{key: value for key, value in after.items() if value != before[key]}}
    attributes = {key: value for key, value in known.items() if value != UNKNOWN}
    made = maker.from_measures(pattern.kind, measures, attributes=attributes, source=entry.source, tags=entry.tags)
    return EntryUpdate(
        entry.id,
        embedding=made.embedding,
        silhouette=made.silhouette,
        attributes=attributes,
        thumbnail=made.thumbnail,
        pattern=made.pattern,
    )
