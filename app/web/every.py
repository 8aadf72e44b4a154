"""Something that is done now and then, beside all else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class Every:
    """Calls a function in a thread of its own, again and again; what goes wrong is logged and does not end it.

    Args:
        seconds: between two calls.
        function: what is called.
    """

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self._seconds = seconds
        self._function = function
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=function.__qualname__, daemon=True)

    def start(self) -> None:
        """Begin; return at once."""
        self._thread.start()

    def close(self) -> None:
        """Call it no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._function()
            except Exception:
                _LOG.exception("%s failed", self._thread.name)
