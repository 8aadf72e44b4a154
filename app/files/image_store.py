"""Pictures on disk, named by the hash of their content: written once, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import WorkspaceError
from ragdiffusion.files import sync

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,8}")


@dataclass(frozen=True)
class ImageStore:
    """A folder of pictures, ``ab/ab12….png``.

    Args:
        folder: made at the first `put`.
        shared: whether other machines keep pictures in it too. Then none is removed: one that is not needed here may be
            counted on there.
    """

    folder: Path
    shared: bool = False
    _turn: threading.Condition = field(default_factory=threading.Condition, repr=False, compare=False)
    _keepers: list[int] = field(default_factory=list, repr=False, compare=False)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Let nothing be removed meanwhile; held from the first `put` until the log names what was put.

        Else a picture that is there already, and counted on, could go before that. Any number of threads may hold it.
        """
        thread = threading.get_ident()
        with self._turn:
            self._keepers.append(thread)
        try:
            yield
        finally:
            with self._turn:
                self._keepers.remove(thread)
                self._turn.notify_all()

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Wait until nobody is `keeping`, and let nobody begin; held from a look into the log to the removal."""
        with self._turn:
            own = threading.get_ident()
            self._turn.wait_for(lambda: all(keeper == own for keeper in self._keepers))
            yield

    def name(self, data: bytes, suffix: str) -> str:
        """Return the name that `put` gives."""
        digest = hashlib.sha256(data).hexdigest()
        return f"{digest[:2]}/{digest}.{suffix}"

    def put(self, data: bytes, suffix: str) -> str:
        """Keep a file.

        Args:
            data: its bytes.
            suffix: lower-case letters and digits, without the dot.

        Returns:
            Its name, to be given to `read`; the same bytes get the same name.

        Raises:
            WorkspaceError: if the disk is full or sealed; nothing is left behind.
        """
        name = self.name(data, suffix)
        target = self._path(name)
        if target.exists():
            return name
        try:
            self._write(target, data)
        except OSError as error:
            raise WorkspaceError(
                f"a picture cannot be kept in {self.folder} ({error.strerror}): check free space and permissions"
            ) from error
        return name

    def read(self, name: str) -> bytes:
        """Return the bytes of a kept file.

        Raises:
            ValueError: if it is not there any more, or is no name that `put` gave.
        """
        path = self._path(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ValueError(
                f"the picture {name} cannot be read ({error.strerror}): was it moved out of {self.folder}?"
            ) from error

    def has(self, name: str) -> bool:
        """Tell whether a file is kept under a name."""
        return self._path(name).exists()

    def remove(self, name: str) -> None:
        """Forget a file; one that is gone already is no error."""
        if not self.shared:
            self._path(name).unlink(missing_ok=True)

    def check(self) -> None:
        """See that pictures can be kept and read here, before anybody works.

        Raises:
            WorkspaceError: if they cannot.
        """
        self.read(self.put(b"RAGDiffusion Studio keeps pictures here.", "txt"))

    def sweep(self) -> None:
        """Remove what a process that is gone was writing; none other may be writing now."""
        for path in self.folder.glob("??/.*.part"):
            path.unlink(missing_ok=True)

    def _write(self, target: Path, data: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
            sync(target.parent)
            sync(self.folder)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _path(self, name: str) -> Path:
        check_name(name)
        return self.folder / name


def check_name(name: str) -> None:
    """See that a name is one that `ImageStore.put` gives.

    Raises:
        ValueError: if it is another.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a stored picture")
