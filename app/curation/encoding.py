"""Encoding a bank of another checkpoint for the one in use, while retrieval goes on with the bank that lies open."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragdiffusion.bank.making import EntryMaker

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoding:
    """How far it is.

    Attributes:
        key, name: of the bank.
        done, entries: how many of all are embedded.
        ended: whether nothing is done any more.
        problem: why it ended before it was through; "" if it did not.
    """

    key: str
    name: str
    done: int = 0
    entries: int = 0
    ended: bool = False
    problem: str = ""


class BankEncoder:
    """Encodes one bank at a time in a thread; what was embedded is kept, so a killed one is begun again and goes on.

    The bank belongs to its old encoder, and can be used with it, until the last entry is embedded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: Encoding | None = None
        self._thread: threading.Thread | None = None

    @property
    def at(self) -> Encoding | None:
        """What is encoded, or was last; None before the first."""
        with self._lock:
            return self._at

    def start(self, key: str, name: str, path: Path, maker: EntryMaker, fingerprint: str, author: str) -> None:
        """Begin.

        Args:
            key, name, path: of the bank.
            maker: of the new encoder.
            fingerprint: of the new encoder.
            author: who wants it.

        Raises:
            ValueError: if one is under way.
        """
        with self._lock:
            if self._at is not None and not self._at.ended:
                raise ValueError(f"{self._at.name} is being encoded: wait until that is done")
            self._at = Encoding(key, name)
            about = (path, maker, fingerprint, author)
            self._thread = threading.Thread(target=self._encode, args=about, name="encoding", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is under way."""
        if self._thread is not None:
            self._thread.join()

    def _encode(self, path: Path, maker: EntryMaker, fingerprint: str, author: str) -> None:
        from ragdiffusion.bank import Bank
        from ragdiffusion.bank.reencoding import encode_again

        problem = ""
        try:
            with Bank.open(path) as bank:
                encode_again(
                    bank,
                    maker,
                    fingerprint,
                    author=author,
                    on_progress=lambda done, entries: self._note(done=done, entries=entries),
                )
        except (ValueError, RuntimeError, OSError) as error:
            problem = str(error)
        except Exception:
            _LOG.exception("the bank %s could not be encoded", path)
            problem = "it failed, and the studio's log says why"
        self._note(ended=True, problem=problem)

    def _note(self, **news: int | bool | str) -> None:
        with self._lock:
            assert self._at is not None  # it was started
            self._at = replace(self._at, **news)  # type: ignore[arg-type]
