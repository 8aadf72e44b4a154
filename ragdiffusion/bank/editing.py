"""What the bank's edits share: checks at the door, merged attributes and tags, and who looked at which revision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, validate
from ragdiffusion.bank.conflicts import Conflict, ConflictError
from ragdiffusion.bank.duplicates import describe_repeats
from ragdiffusion.bank.edit_log import Recorder
from ragdiffusion.bank.entries import Edit, EntryUpdate, NewEntry, checked_fields
from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.history import edits_of
from ragdiffusion.bank.patterns import store_patterns
from ragdiffusion.bank.reading import entry_rows, to_entry


def checked_entries(entries: Sequence[NewEntry], dimension: int, precision: str) -> list[dict[str, Any]]:
    """New entries as the database takes them.

    Args:
        entries: to add.
        dimension, precision: the bank's.

    Raises:
        ValueError: if one is not as `NewEntry` says; the message names its place in the list.
    """
    values = []
    for place, new in enumerate(entries):
        try:
            checked = checked_fields(new, dimension, precision)
            values.append({"enabled": new.enabled, "deleted_at": None, "thumbnail": None, **checked})
        except ValueError as error:
            raise ValueError(f"entry {place} of {len(entries)} cannot be added: {error}") from error
    return values


def repeated(session: Session, values: Sequence[Mapping[str, Any]], dimension: int, precision: str) -> dict[int, str]:
    """Which of some entries, as `checked_entries` gives them, a bank holds already: place in the list -> why."""
    return describe_repeats(
        session,
        [value["silhouette"] for value in values],
        [value["embedding"] for value in values],
        dimension=dimension,
        precision=precision,
    )


def refuse_repeats(session: Session, values: Sequence[Mapping[str, Any]], dimension: int, precision: str) -> None:
    """Let entries through that are in the bank neither already nor twice.

    Raises:
        ValueError: if one is; the message names its place in the list.
    """
    twice = repeated(session, values, dimension, precision)
    if twice:
        place = min(twice)
        more = f" ({len(twice) - 1} more are duplicates too)" if len(twice) > 1 else ""
        raise ValueError(f"entry {place} of {len(values)} cannot be added: {twice[place]}{more}")


def add_entries(edit: Recorder, entries: Sequence[NewEntry], values: Sequence[dict[str, Any]]) -> tuple[int, ...]:
    """Add entries in an edit, with the patterns they were drawn from, and return their ids.

    Args:
        edit: that adds them.
        entries: N of them.
        values: the same as `checked_entries` gives them.
    """
    ids = edit.create(values)
    store_patterns(edit.session, ids, [new.pattern for new in entries], [value["silhouette"] for value in values])
    return ids


def checked_updates(updates: Sequence[EntryUpdate], dimension: int, precision: str) -> dict[int, dict[str, Any]]:
    """What is to change, by entry and field, as the database takes it.

    Raises:
        ValueError: if an entry is named twice, or a value is not as `NewEntry` says.
    """
    changes: dict[int, dict[str, Any]] = {}
    for new in updates:
        if new.id in changes:
            raise ValueError(f"entry {new.id} is named twice: merge its updates into one")
        changes[new.id] = checked_fields(new, dimension, precision)
    return changes


def update_entries(edit: Recorder, updates: Sequence[EntryUpdate], changes: Mapping[int, dict[str, Any]]) -> None:
    """Give entries new values in an edit.

    Raises:
        ValueError: if an id is unknown or deleted.
    """
    rows = edit.rows(changes)
    for row in rows:
        edit.set(row, changes[row.id])
    patterns = {new.id: new.pattern for new in updates}
    store_patterns(
        edit.session, [row.id for row in rows], [patterns[row.id] for row in rows], [r.silhouette for r in rows]
    )


def with_attributes(held: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Attributes as an entry stores them, some of them with new values; "Unknown" takes one away.

    Args:
        held: what it has.
        new: Table 6 values by key.

    Raises:
        ValueError: if Table 6 does not have one.
    """
    values = validate(new)  # which refuses what is unknown
    merged = {**held, **{attribute.key: values[attribute.key] for attribute in ATTRIBUTES if attribute.key in new}}
    return {key: value for key, value in merged.items() if value != UNKNOWN}


def with_tags(held: Sequence[str], add: Collection[str], remove: Collection[str]) -> list[str]:
    """An entry's tags, in their order, less some and with others at the end.

    Raises:
        ValueError: if a tag is no word.
    """
    if isinstance(add, str) or isinstance(remove, str) or not all(isinstance(tag, str) and tag.strip() for tag in add):
        raise ValueError(f"tags must be lists of words, got {add!r} and {remove!r}")
    kept = [tag for tag in held if tag not in remove]
    return kept + [tag for tag in dict.fromkeys(tag.strip() for tag in add) if tag not in kept]


def hold_to(
    edit: Recorder, expected: Mapping[int, int] | None, mine: Mapping[int, EntryUpdate], follower: IndexFollower
) -> None:
    """Refuse an edit of entries that are no more what its author saw.

    Args:
        edit: that is about to be made.
        expected: entry -> its revision when they looked.
        mine: what they want, by entry.
        follower: reads embeddings.

    Raises:
        ConflictError: if somebody changed one since.
        ValueError: if one is not in the bank.
    """
    rows = entry_rows(edit.session, expected or ())
    conflicts = tuple(
        Conflict(
            mine.get(row.id),
            to_entry(row, follower),
            tuple(edits_of(edit.session, row.id, since=expected[row.id])),
        )
        for row in rows
        if expected is not None and row.revision != expected[row.id]
    )
    if conflicts:
        raise ConflictError(conflicts)


def meant(edit: Edit, expected: int | None) -> Edit:
    """Let an action through that an undo or redo found.

    Args:
        edit: that was found.
        expected: the revision of the one that the person means; None: any.

    Raises:
        ValueError: if it is another.
    """
    if expected is not None and edit.revision != expected:
        by = f" by {edit.author}" if edit.author else ""
        raise ValueError(
            f"action {edit.revision} ({edit.action}{by}) came meanwhile, and you meant {expected}: look at what would "
            "be taken back now, and press again"
        )
    return edit
