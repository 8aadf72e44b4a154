"""Which tabs are open, and freeing what closed ones held: photos, guides, drafts, and values of components."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from gradio.state_holder import StateHolder

from ragdiffusion.memory import give_back

GRACE = timedelta(seconds=30)
"""How long a tab may be silent: one that loses its line for a moment keeps its bench."""


class Tabs:
    """Open tabs by their session. A tab keeps a request open, its heartbeat, for as long as it lives.

    Args:
        clock: the time of day, as the web library notes when a session was used.
    """

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._left: dict[str, datetime] = {}

    @contextmanager
    def beating(self, session: str) -> Iterator[None]:
        """Hold a session open."""
        with self._lock:
            self._open[session] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[session] -= 1
                self._open += Counter()  # without what fell to nothing
                self._left[session] = self._clock()

    def free(self, holder: StateHolder) -> list[str]:
        """Forget sessions whose tab is closed, and those of programs that went away.

        Args:
            holder: of the sessions.

        Returns:
            Those that are forgotten.
        """
        now, gone = self._clock(), []
        with self._lock:
            for session in list(holder.session_data):
                used = holder.time_last_used.get(session, datetime.min)
                if session not in self._open and now - max(used, self._left.get(session, datetime.min)) > GRACE:
                    gone.append(session)
            self._left = {name: left for name, left in self._left.items() if now - left <= GRACE}
        for session in gone:
            holder.delete_state(session)
            with holder.lock:
                holder.session_data.pop(session, None)
                holder.time_last_used.pop(session, None)
        if gone:
            gc.collect()
            give_back()
        return gone
