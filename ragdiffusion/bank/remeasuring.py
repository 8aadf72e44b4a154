"""A measure of many entries moved at once: their garments are drafted anew, and embedded as they are drawn then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank.bank import Bank
from ragdiffusion.bank.entries import BankEntry, EntryUpdate
from ragdiffusion.bank.making import EntryMaker, measured_lay
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.reading import entry_rows, named, to_entry
from ragdiffusion.garments.patterns import MeasureError, draft
from ragdiffusion.garments.patterns.attributes import attributes_of


@dataclass(frozen=True)
class _Redrawn:
    """An entry as it is to be.

    Attributes:
        entry: as it is.
        pattern: as it is to be drawn.
        attributes: Table 6 values that are known of it then.
    """

    entry: BankEntry
    pattern: PatternSpec
    attributes: dict[str, str]


def move_measure(
    bank: Bank,
    maker: EntryMaker,
    ids: Sequence[int],
    measure: str,
    by: float,
    *,
    author: str = "",
    expected: Mapping[int, int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Make one measure of many entries larger or smaller, all or none, as one action.

    Outline, embedding and those attributes follow of which the measures say something else then; all others stay.

    Args:
        bank: that holds the entries.
        maker: of the bank's encoder.
        ids: N entries that were drawn by measures, and not by hand since.
        measure: its key, such as "body_length".
        by: what is added to it, in its unit.
        author: who does it.
        expected: entry -> its revision when the caller looked at it; those that are missing are as they are now.
        on_progress: called with entries drawn and embedded, and N.

    Raises:
        ConflictError: if an entry was changed since.
        MeasureError: if a garment would be none: a measure is out of its range or contradicts another.
        ValueError: if an entry is unknown or deleted, was not drawn by measures, or has no such measure.
        RuntimeError: if the bank is read-only or locked.
    """
    with bank.access.following() as view:
        entries = [to_entry(row, view.follower) for row in entry_rows(view.session, ids)]
    patterns = bank.patterns(ids)
    without = [entry.id for entry in entries if measure not in getattr(patterns.get(entry.id), "measures", ())]
    if without:
        words = measure.replace("_", " ")
        raise ValueError(f"entry {named(without)} has no measure {words} that could be moved: leave it out")
    redrawn = [_redrawn(entry, patterns[entry.id], measure, by) for entry in entries]  # all, before one is embedded
    updates: list[EntryUpdate] = []
    for start in range(0, len(redrawn), maker.BATCH):
        updates += _embedded(maker, redrawn[start : start + maker.BATCH])
        if on_progress is not None:
            on_progress(len(updates), len(redrawn))
    bank.update(updates, author=author, expected={entry.id: entry.revision for entry in entries} | dict(expected or {}))


def _redrawn(entry: BankEntry, pattern: PatternSpec, measure: str, by: float) -> _Redrawn:
    measures = {**pattern.measures, measure: pattern.measures[measure] + by}
    try:
        before, after = (attributes_of(draft(pattern.kind, each)) for each in (pattern.measures, measures))
    except MeasureError as error:
        raise MeasureError(f"entry {entry.id}: {error}") from error
    known = {**entry.attributes, **{key: value for key, value in after.items() if value != before[key]}}
    attributes = {key: value for key, value in known.items() if value != UNKNOWN}
    return _Redrawn(entry, PatternSpec(pattern.kind, measures), attributes)


def _embedded(maker: EntryMaker, redrawn: Sequence[_Redrawn]) -> list[EntryUpdate]:
    lays = [measured_lay(each.pattern.kind, each.pattern.measures, source=each.entry.source) for each in redrawn]
    made = maker.embed([replace(lay, attributes=each.attributes) for lay, each in zip(lays, redrawn, strict=True)])
    return [
        EntryUpdate(
            each.entry.id,
            embedding=new.embedding,
            silhouette=new.silhouette,
            attributes=each.attributes,
            thumbnail=new.thumbnail,
            pattern=new.pattern,
        )
        for each, new in zip(redrawn, made, strict=True)
    ]
