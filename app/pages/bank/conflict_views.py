"""Two people changed one entry: both versions side by side, for the one who came second to choose."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from app.pages.bank.events import attributes_of, entry_number
from app.pages.bank.views import change_text, shape_url, state_of
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank, BankEntry, EntryUpdate
    from ragdiffusion.bank.conflicts import Conflict, ConflictError

Wanted = Callable[["BankEntry"], "BankEntry"]
"""From an entry as it is to what an action would make of it."""
_STATES = {"enabled": "in use", "disabled": "hidden from retrieval", "bin": "in the bin"}


def seen_of(event: Mapping[str, Any]) -> dict[int, int]:
    """Read the revisions of the entries that a person saw when they acted, by entry.

    Raises:
        ValueError: if one of them is no number.
    """
    given = event.get("seen") or {}
    if not isinstance(given, Mapping) or not all(str(key).isdecimal() for key in given):
        raise ValueError("what you saw of the entries did not arrive: reload the page")
    return {int(key): entry_number(value) for key, value in given.items()}


def wanted_by(action: str, value: Any) -> Wanted:
    """What an action of the page would make of an entry."""
    if action == "attributes":
        new = attributes_of(value)
        return lambda entry: replace(entry, attributes={**entry.attributes, **new})
    if action == "delete":
        return lambda entry: replace(entry, deleted_at=datetime.now(timezone.utc))
    if action == "measure":  # the garment is drafted anew when they say so
        return lambda entry: entry
    return lambda entry: replace(entry, enabled=action == "enable")


def updated(update: EntryUpdate) -> Wanted:
    """What new values would make of an entry."""
    given = {name: getattr(update, name) for name in ("silhouette", "attributes", "tags")}
    new = {name: value for name, value in given.items() if value is not None}
    return lambda entry: replace(entry, **new)


def conflict_view(error: ConflictError, wanted: Wanted, bank: Bank) -> dict[str, Any]:
    """The entries that somebody else changed meanwhile, each as it is and as it would be."""
    entries = [_entry(each, wanted, bank) for each in error.conflicts]
    return {"message": f"Nothing was changed: {error}", "entries": entries}


def _entry(conflict: Conflict, wanted: Wanted, bank: Bank) -> dict[str, Any]:
    from ragdiffusion.bank.history import of_entry

    meanwhile = {edit.revision for edit in conflict.edits}
    done = [each for each in reversed(of_entry(bank, conflict.theirs.id)) if each.edit.revision in meanwhile]
    theirs = conflict.theirs
    mine = wanted(theirs)
    other = not np.array_equal(_pixels(theirs.silhouette), _pixels(mine.silhouette))
    rows = [[name, then, now] for name, then, now in _fields(theirs, mine) if then != now]
    return {
        "id": theirs.id,
        "revision": theirs.revision,
        "by": next((edit.author for edit in reversed(conflict.edits) if edit.author), "somebody else"),
        "edits": [change_text(each) for each in done],
        "theirs": shape_url(theirs.silhouette),
        "mine": shape_url(mine.silhouette),
        "rows": rows,
        "redrawn": other,
        "gone": theirs.deleted_at is not None,
    }


def _fields(theirs: BankEntry, mine: BankEntry) -> list[tuple[str, str, str]]:
    """Name and both values of all that can differ."""
    pairs = [
        (attribute.name, *(entry.attributes.get(attribute.key, UNKNOWN) for entry in (theirs, mine)))
        for attribute in ATTRIBUTES
    ]
    tags = [", ".join(entry.tags) or "none" for entry in (theirs, mine)]
    states = [
        _STATES[state_of(enabled=entry.enabled, deleted=entry.deleted_at is not None)] for entry in (theirs, mine)
    ]
    return [*pairs, ("tags", *tags), ("state", *states)]


def _pixels(silhouette: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(silhouette)) as image:
        return np.asarray(image)
