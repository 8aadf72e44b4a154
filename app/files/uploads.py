"""Files on their way through the web server: received ones, and those that are handed out.

The web server keeps a received file under the hash of its content, so the same photo sent twice is one file with two
readers. So nobody removes what they read: files go when they are old, or when the folder is full.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_UPLOADS = 4 << 30
"""Bytes that the folder holds at most: the largest batch of ordinary photos fits."""
KEPT_SECONDS = 3600.0
"""How long a file stays that nobody asks for any more."""
SAFE_SECONDS = 60.0
"""How long a file stays for sure, so that whoever it was sent for can read it."""


class FolderFullError(RuntimeError):
    """There is no room for another upload now."""


class Uploads:
    """The folder of received and handed out files: bounded in size and age. Safe to use from several threads.

    Args:
        folder: of the files; it may be missing.
        limit: bytes in it at most.
        clock: the time, as the system notes when files were used.
    """

    def __init__(self, folder: Path, limit: int = MAX_UPLOADS, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._expected: dict[Receipt, int] = {}

    @contextmanager
    def receiving(self, size: int) -> Iterator[Receipt]:
        """Keep room for an upload while it is received.

        Args:
            size: of it, bytes.

        Raises:
            FolderFullError: if there is none, also without all that may go.
        """
        receipt = Receipt(self, size)
        with self._lock:
            room = self._limit - sum(self._expected.values()) - size
            if self._make_room(room) > room:
                raise FolderFullError(
                    f"the studio has no room for another {size / 1e6:.0f} MB now: wait a minute, or send fewer files"
                )
            self._expected[receipt] = size
        try:
            yield receipt
        finally:
            with self._lock:
                self._expected.pop(receipt, None)

    def sweep(self) -> None:
        """Remove what is old, and the oldest of what is too much."""
        with self._lock:
            self._make_room(self._limit - sum(self._expected.values()))

    def _arrived(self, receipt: Receipt, size: int) -> None:
        with self._lock:
            if receipt in self._expected:
                self._expected[receipt] = max(0, self._expected[receipt] - size)

    def _make_room(self, room: int) -> int:
        """Remove files until so many bytes are left, none that may still be waited for; returns how many are left."""
        now = self._clock()
        files = sorted(_files(self._folder))
        held = sum(size for _, size, _ in files)
        for used, size, path in files:
            if now - used > KEPT_SECONDS or (held > room and now - used > SAFE_SECONDS):
                with suppress(OSError):
                    path.unlink()
                    held -= size
        if not self._expected:  # else a folder could go between its making and its first file
            for folder, _, _ in os.walk(self._folder, topdown=False):
                if Path(folder) != self._folder:
                    with suppress(OSError):  # not empty
                        if now - os.stat(folder).st_mtime > SAFE_SECONDS:
                            os.rmdir(folder)
        return held


class Receipt:
    """An upload that is being received.

    Args:
        uploads: that receive it.
        size: of it, bytes.
    """

    def __init__(self, uploads: Uploads, size: int) -> None:
        self._uploads = uploads
        self.left = size

    def arrived(self, size: int) -> None:
        """Note that bytes of it have arrived, and so lie in the folder from now on.

        Raises:
            FolderFullError: if it is larger than was said.
        """
        self.left -= size
        if self.left < 0:
            raise FolderFullError("more was sent than was said: send it again")
        self._uploads._arrived(self, size)


def read_upload(path: str | Path) -> tuple[bytes, str]:
    """Return the bytes and the name of a received file. It stays, as others may read it too, until it is swept.

    Raises:
        ValueError: if it was swept.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{path.name} was received too long ago: send it again") from error
    with suppress(OSError):
        os.utime(path)
    return data, path.name


def hand_out(files: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write files where the web server may hand them out; they are swept within the hour.

    Args:
        files: name and bytes of each.

    Returns:
        Their paths.
    """
    root = os.environ.get("GRADIO_TEMP_DIR") or None
    if root is not None:  # nothing may have been received yet
        Path(root).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root))
    paths = [(folder / name, data) for name, data in files]
    for path, data in paths:
        path.write_bytes(data)
    return [str(path) for path, _ in paths]


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each file was used last, its size, and its path."""
    for inner, _, names in os.walk(folder):
        for name in names:
            path = Path(inner, name)
            with suppress(OSError):
                found = path.lstat()
                yield max(found.st_mtime, found.st_ctime), found.st_size, path
