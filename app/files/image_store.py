"""Pictures on disk, named by the hash of their content: written once, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.errors import WorkspaceError

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,8}")


@dataclass(frozen=True)
class ImageStore:
    """A folder of pictures, ``ab/ab12….png``.

    Args:
        folder: made at the first `put`.
    """

    folder: Path

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
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest[:2]}/{digest}.{suffix}"
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

    def remove(self, name: str) -> None:
        """Forget a file; one that is gone already is no error."""
        self._path(name).unlink(missing_ok=True)

    def check(self) -> None:
        """See that pictures can be kept and read here, before anybody works.

        Raises:
            WorkspaceError: if they cannot.
        """
        self.read(self.put(b"RAGDiffusion Studio keeps pictures here.", "txt"))

    def _write(self, target: Path, data: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
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
