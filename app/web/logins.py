"""Logins: who guesses passwords waits longer and longer, then is locked out for a while; each wrong one is logged."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from fastapi import HTTPException

FREE_GUESSES = 5
"""Wrong passwords in a row, of one name from one address, before it is locked out."""
FREE_GUESSES_OF_ADDRESS = 20
"""The same of all names from one address."""
FIRST_LOCK, LONGEST_LOCK = 60.0, 3600.0
"""Seconds of a lock-out; each further wrong password doubles it."""
_FIRST_DELAY = 0.25  # seconds after the first wrong password; each further one doubles it
_FORGOTTEN = 24 * 3600.0  # seconds after which wrong passwords are forgotten
_MOST = 10_000  # names and addresses that are remembered
_LONGEST = 1024  # characters of a name or password that are looked at
HINT = "After five wrong passwords a name has to wait a minute, and longer each time."
"""For the login page, which can only say that a password was wrong."""
_LOG = logging.getLogger(__name__)

address_of_login: ContextVar[str] = ContextVar("address_of_login", default="")
"""Address of whoever logs in; the web library does not pass it on."""


@dataclass
class _Guesses:
    wrong: int = 0
    last: float = 0.0
    locked_until: float = 0.0


class Logins:
    """Names and passwords, and who got them wrong.

    Args:
        logins: pairs of name and password.
        clock: seconds that only grow.
    """

    def __init__(self, logins: Iterable[tuple[str, str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._passwords = dict(logins)
        self._clock = clock
        self._guesses: dict[tuple[str, ...], _Guesses] = {}

    async def check(self, name: str, password: str) -> bool:
        """Tell whether a password is right, a moment later where there were wrong ones before.

        Raises:
            HTTPException: if there were so many that nobody is let in for a while.
        """
        address = address_of_login.get()
        keys = ((name[:_LONGEST], address), (address,))
        left = max(self._guesses[key].locked_until for key in keys if key in self._guesses) if self._known(keys) else 0
        if left > (now := self._clock()):
            seconds = math.ceil(left - now)
            _LOG.warning("login of %r from %s refused: locked out for %d s more", name[:80], address, seconds)
            raise HTTPException(
                400, f"too many wrong passwords: wait {seconds} s", headers={"Retry-After": str(seconds)}
            )
        if self._right(name, password):
            self._guesses.pop(keys[0], None)
            _LOG.info("login of %r from %s", name[:80], address)
            return True
        # Counted before the wait, or many at once would all be let off with the first one's.
        wrong = self._count(keys[0], FREE_GUESSES)
        self._count(keys[1], FREE_GUESSES_OF_ADDRESS)
        _LOG.warning("wrong password number %d for %r from %s", wrong, name[:80], address)
        await asyncio.sleep(min(_FIRST_DELAY * 2 ** (wrong - 1), 4.0))
        return False

    def _right(self, name: str, password: str) -> bool:
        wanted = self._passwords.get(name, "")
        # Compared for unknown names too, so that the time does not tell which are known.
        same = hmac.compare_digest(password[:_LONGEST].encode(), wanted[:_LONGEST].encode())
        return same and name in self._passwords and len(password) == len(wanted)

    def _known(self, keys: Iterable[tuple[str, ...]]) -> bool:
        return any(key in self._guesses for key in keys)

    def _count(self, key: tuple[str, ...], free: int) -> int:
        now = self._clock()
        found = self._guesses.pop(key, None)
        if found is None or now - found.last > _FORGOTTEN:
            found = _Guesses()
        while len(self._guesses) >= _MOST:  # the longest untouched first
            self._guesses.pop(next(iter(self._guesses)))
        found.wrong, found.last = found.wrong + 1, now
        if found.wrong >= free:
            found.locked_until = now + min(FIRST_LOCK * 2 ** min(found.wrong - free, 16), LONGEST_LOCK)
        self._guesses[key] = found
        return found.wrong
