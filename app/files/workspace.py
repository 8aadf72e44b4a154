"""The workspace folder: one studio at a time may write to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LOCK_NAME = "studio.lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the workspace for this process; the system lets go of it even when the process is killed.

    Raises:
        ValueError: if it cannot be made or written to, or another studio has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / _LOCK_NAME, "a+b")
    except OSError as error:
        raise ValueError(
            f"the workspace {folder} cannot be written to ({error.strerror}): choose another --workspace"
        ) from error
    with file:
        if not _lock(file):
            raise ValueError(
                f"another studio has the workspace {folder} open: use its page, or choose another --workspace"
            )
        yield


def _lock(file: IO[bytes]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
