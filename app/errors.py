"""What can go wrong beside the input, and what a person is told of any error."""

from __future__ import annotations

import logging

_LOG = logging.getLogger(__name__)


class WorkspaceError(RuntimeError):
    """The workspace cannot be written to or read from; one line that says what to do."""


class RunGoneError(ValueError):
    """A run is not in the log any more, so what became of it cannot be written."""


def explain(error: Exception) -> str:
    """Return one line for a person.

    What was meant for them says it itself; anything else is logged whole and told in short.
    """
    if isinstance(error, ValueError | WorkspaceError):
        return str(error)
    _LOG.error("unexpected", exc_info=error)
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line[:200]} (the whole of it is in the terminal)"
