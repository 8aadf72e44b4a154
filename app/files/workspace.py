"""The workspace folder: one studio at a time may write to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_LOCK_NAME = "studio.lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the workspace for this process; the system lets go of it even when the process is killed.

    Nobody but its owner may look into it, nor into what is made while it is held.

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
        _make_private(folder)
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)


def _make_private(folder: Path) -> None:
    """Close a folder to others; not a shared place that somebody took for a workspace, as /tmp is."""
    with suppress(OSError):  # some disks have no permissions
        found = folder.stat()
        if not found.st_mode & stat.S_ISVTX and folder != Path.home():
            folder.chmod(0o700)


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
