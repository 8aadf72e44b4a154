"""How often the entries of a bank were candidates of runs, and landmarks, counted from the session log."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.session_log.retrieved import Retrieved, RetrievedEntries

if TYPE_CHECKING:
    from ragdiffusion.bank.browsing import Uses


class UseCounter:
    """Counts uses; it reads each run once.

    Args:
        entries: reads the log.
    """

    def __init__(self, entries: RetrievedEntries) -> None:
        self._entries = entries
        self._lock = threading.Lock()
        self._last = 0
        self._counts: dict[str, tuple[Counter[int], Counter[int]]] = {}

    def uses(self, belongs: Callable[[str], bool]) -> dict[int, Uses]:
        """Return the uses of a bank's entries.

        Args:
            belongs: whether a version, as runs name it, is one of the bank's.
        """
        from ragdiffusion.bank.browsing import Uses

        with self._lock:
            for run in self._entries.since(self._last):
                self._count(run)
            own = [counts for version, counts in self._counts.items() if belongs(version)]
            retrieved = sum((counts[0] for counts in own), Counter())
            chosen = sum((counts[1] for counts in own), Counter())
        return {entry: Uses(retrieved[entry], chosen[entry]) for entry in retrieved}

    def _count(self, run: Retrieved) -> None:
        self._last = max(self._last, run.id)
        retrieved, chosen = self._counts.setdefault(run.bank_version, (Counter(), Counter()))
        retrieved.update(run.entries)
        if run.landmark is not None:
            chosen[run.landmark] += 1
