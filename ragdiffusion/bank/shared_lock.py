"""A lock that many hold at once, or one alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class SharedLock:
    """Held by threads together, or by one alone. A thread that shares it may take it again, whoever waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[int, int] = {}  # thread to how often it has it
        self._taken = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Share it; wait while somebody has it alone."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or me in self._holders)
            self._holders[me] = self._holders.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._holders[me] -= 1
                if not self._holders[me]:
                    del self._holders[me]
                self._changed.notify_all()

    @contextmanager
    def exclusive(self, seconds: float) -> Iterator[None]:
        """Have it alone, from when all who share it have given it back.

        Args:
            seconds: to wait for them.

        Raises:
            TimeoutError: if somebody keeps it for longer, as this thread itself would.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._wait(until, lambda: not self._taken)
            self._taken = True
            try:
                self._wait(until, lambda: not self._holders)
            except TimeoutError:
                self._give_back()
                raise
        try:
            yield
        finally:
            with self._changed:
                self._give_back()

    def _wait(self, until: float, ready: Callable[[], bool]) -> None:
        if not self._changed.wait_for(ready, max(0.0, until - time.monotonic())):
            raise TimeoutError("somebody keeps the lock")

    def _give_back(self) -> None:
        self._taken = False
        self._changed.notify_all()
