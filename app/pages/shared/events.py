"""What events of the browser hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.session_log.framing import Box


def run_of(event: Mapping[str, Any]) -> int:
    """Return the run that an event names.

    Raises:
        ValueError: if it names none.
    """
    return run_number(event.get("run"))


def runs_of(event: Mapping[str, Any]) -> list[int]:
    """Return the runs that an event lists.

    Raises:
        ValueError: if one of them is no run.
    """
    return [run_number(value) for value in event.get("runs") or []]


def garment_number(value: object) -> int:
    """Check the index of a garment.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no garment: reload the page")
    return value


def whole_number(value: object) -> int:
    """Check a whole number.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{str(value)[:40]!r} is no whole number: reload the page")
    return value


def box_in(value: object, size: tuple[int, int]) -> Box | None:
    """Return a box in pixels of a photo.

    Args:
        value: left, top, right and bottom in shares of the photo's sides; None is the whole.
        size: (width, height).

    Returns:
        None where it leaves nothing out.

    Raises:
        ValueError: if it is no box.
    """
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4 or not all(isinstance(share, int | float) for share in value):
        raise ValueError(f"{str(value)[:60]!r} is no box: reload the page")
    width, height = size
    left, top, right, bottom = (
        round(min(max(share, 0.0), 1.0) * side) for share, side in zip(value, (width, height) * 2, strict=True)
    )
    return None if (left, top, right, bottom) == (0, 0, width, height) else (left, top, right, bottom)


def run_number(value: object) -> int:
    """Check the number of a run.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{repr(value)[:40]} is no run: reload the page")
    return value
