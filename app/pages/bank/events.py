"""What the Bank page's questions hold."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ragdiffusion.attributes import ATTRIBUTES

if TYPE_CHECKING:
    from ragdiffusion.bank.browsing import Filter

LONGEST_AUTHOR = 60
LONGEST_TAG = 60
_SORTS = {
    "oldest": "oldest",
    "newest": "newest",
    "use": "use",
    "similar": "similarity",
    "uneven": "uneven",
    "even": "symmetry",
    "changed": "changed",
}
_ENABLED = {"enabled": True, "disabled": False}


def entry_of(event: Mapping[str, Any]) -> int:
    """Return the entry that an event names.

    Raises:
        ValueError: if it names none.
    """
    return entry_number(event.get("id"))


def entries_of(event: Mapping[str, Any]) -> list[int]:
    """Return the entries that an event lists.

    Raises:
        ValueError: if one of them is no entry, or there is none.
    """
    found = [entry_number(value) for value in event.get("ids") or []]
    if not found:
        raise ValueError("no entry is selected: click one, or tick several")
    return found


def entry_number(value: object) -> int:
    """Check the number of an entry.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no entry of the bank: reload the page")
    return value


def author_of(login: str, event: Mapping[str, Any]) -> str:
    """Return whose change an event is: the login's, or else the name that was given once."""
    return login or " ".join(str(event.get("author") or "").split())[:LONGEST_AUTHOR]


def tag_of(value: object) -> str:
    """Check a tag.

    Raises:
        ValueError: if it is empty or too long.
    """
    tag = " ".join(str(value or "").split())
    if not 1 <= len(tag) <= LONGEST_TAG:
        raise ValueError(f"a tag has 1 to {LONGEST_TAG} letters, got {len(tag)}")
    return tag


def attributes_of(value: object) -> dict[str, str]:
    """Check attributes by key.

    Raises:
        ValueError: if Table 6 has no such attribute.
    """
    known = {attribute.key for attribute in ATTRIBUTES}
    if not isinstance(value, Mapping) or not set(value) <= known:
        raise ValueError("the attributes did not arrive whole: reload the page")
    return {str(key): str(each) for key, each in value.items()}


def measure_of(value: object) -> tuple[str, float]:
    """Read by how much which measure is to be moved.

    Raises:
        ValueError: if that is no measure and a number.
    """
    given = value if isinstance(value, Mapping) else {}
    try:
        by = float(given.get("by") or 0)
    except (TypeError, ValueError):
        by = float("nan")
    if not given.get("key") or not math.isfinite(by) or by == 0:
        raise ValueError(f"a measure is moved by a number such as 5 or -2.5, got {str(given.get('by'))[:20]!r}")
    return str(given["key"]), by


def filter_of(fields: object) -> Filter:
    """Read the fields of the filters.

    Raises:
        ValueError: if one of them cannot be used.
    """
    from ragdiffusion.bank.browsing import Filter

    given = fields if isinstance(fields, Mapping) else {}
    chosen = given.get("attributes")
    attributes = {str(key): tuple(map(str, values)) for key, values in dict(chosen or {}).items()}
    state, use = given.get("state"), given.get("use")
    ids = given.get("ids")
    return Filter(
        attributes=attributes,
        origins=(str(given["source"]),) if given.get("source") else (),
        tags=(str(given["tag"]),) if given.get("tag") else (),
        enabled=_ENABLED.get(str(state)),
        deleted=state == "bin",
        used=None if not use else use != "unused",
        text=str(given.get("text") or "")[:200],
        ids=None if ids is None else [entry_number(value) for value in ids],
        added_from=_day(given.get("since")),
        added_before=_day(given.get("until"), after=1),
    )


def sort_of(fields: object, near: object) -> tuple[str, int | None]:
    """Return the order that the filters ask for, and the entry that "similar" means.

    Raises:
        ValueError: if there is no such order, or nothing to be similar to.
    """
    wanted = str(fields.get("sort") or "oldest") if isinstance(fields, Mapping) else "oldest"
    if wanted not in _SORTS:
        raise ValueError(f"entries cannot be sorted by {wanted!r}: reload the page")
    if wanted == "similar" and near is None:
        raise ValueError("click an entry first: the others are sorted by how like it they are")
    return _SORTS[wanted], entry_number(near) if wanted == "similar" else None


def packed(values: np.ndarray, kind: str) -> str:
    """Whole numbers as the page reads many of them: little endian, in base 64."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()


def _day(text: object, *, after: int = 0) -> datetime | None:
    """When a day begins here, or one so many days after it; None if none is given."""
    try:
        return (datetime.strptime(str(text), "%Y-%m-%d") + timedelta(days=after)).astimezone() if text else None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{str(text)[:20]!r} is no date: write it as 2026-12-31") from error
