"""A gate that many may be behind at once, until somebody has to be alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Gate:
    """Lets threads in, or one alone. A thread that is in may come in again, however many wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: dict[int, int] = {}  # thread to how often it is in
        self._closed = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be in; wait while somebody is alone."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._closed or me in self._inside)
            self._inside[me] = self._inside.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[me] -= 1
                if not self._inside[me]:
                    del self._inside[me]
                self._changed.notify_all()

    @contextmanager
    def alone(self, seconds: float) -> Iterator[None]:
        """Keep others out, from when all who are in have left.

        Args:
            seconds: to wait for them.

        Raises:
            TimeoutError: if somebody stays in for longer, as this thread itself would.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._wait(until, lambda: not self._closed)
            self._closed = True
            try:
                self._wait(until, lambda: not self._inside)
            except TimeoutError:
                self._open()
                raise
        try:
            yield
        finally:
            with self._changed:
                self._open()

    def _wait(self, until: float, ready: Callable[[], bool]) -> None:
        if not self._changed.wait_for(ready, max(0.0, until - time.monotonic())):
            raise TimeoutError("somebody stays in")

    def _open(self) -> None:
        self._closed = False
        self._changed.notify_all()
