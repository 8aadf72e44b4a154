"""What events of the browser hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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


def run_number(value: object) -> int:
    """Check the number of a run.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{repr(value)[:40]} is no run: reload the page")
    return value
