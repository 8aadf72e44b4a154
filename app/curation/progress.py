"""How far a long change is, for the page that waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ProgressNotes:
    """Keeps how far each change under way is. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._far: dict[str, tuple[int, int]] = {}

    @contextmanager
    def of(self, token: str) -> Iterator[Callable[[int, int], None]]:
        """Keep how far a change is while it lasts.

        Args:
            token: what the page calls it.

        Yields:
            Takes how many entries are done, and how many there are.
        """

        def note(done: int, entries: int) -> None:
            with self._lock:
                self._far[token] = done, entries

        try:
            yield note
        finally:
            with self._lock:
                self._far.pop(token, None)

    def far(self, token: str) -> tuple[int, int] | None:
        """Entries done and all of them; None before the first are done, and when it is over."""
        with self._lock:
            return self._far.get(token)
