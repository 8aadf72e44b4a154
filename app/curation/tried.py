"""Photos that people try on a bank: what they are given once, and asked for again whenever the bank is another."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.api import Sight

MOST = 6
"""Photos of a person that are kept."""
_PEOPLE = 8  # whose photos are kept; the ones that were given longest ago are forgotten


@dataclass(frozen=True, eq=False)
class Tried:
    """A photo that was tried.

    Attributes:
        name: of its file.
        sight: what the model sees in it.
    """

    name: str
    sight: Sight


class TriedPhotos:
    """Keeps the photos that each person tried last. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Tried, ...]] = OrderedDict()

    def keep(self, login: str, photos: Sequence[Tried]) -> None:
        """Keep a person's photos in place of those before."""
        with self._lock:
            self._kept.pop(login, None)
            self._kept[login] = tuple(photos[:MOST])
            while len(self._kept) > _PEOPLE:
                self._kept.popitem(last=False)

    def of(self, login: str) -> tuple[Tried, ...]:
        """Return a person's photos."""
        with self._lock:
            return self._kept.get(login, ())
