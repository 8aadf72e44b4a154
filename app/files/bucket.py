"""Pictures of several machines: in a folder that all of them reach, or in a bucket that fsspec knows."""

from __future__ import annotations

import hashlib
import re
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import WorkspaceError
from app.files.image_store import ImageStore, check_name

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SECRETS = re.compile(r"//[^/@]*@")


class BucketStore:
    """Pictures under an address, named as `ImageStore` names them and used as it is. Safe to use from several threads.

    Nothing is opened before the first picture is kept or read.

    Args:
        address: such as s3://bucket/folder or gs://bucket/folder.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.shown = _SECRETS.sub("//***@", self.address)

    def keeping(self) -> AbstractContextManager[None]:
        """As `ImageStore.keeping`; nothing is ever removed here, so nothing is to be held."""
        return nullcontext()

    def removing(self) -> AbstractContextManager[None]:
        """As `ImageStore.removing`."""
        return nullcontext()

    def name(self, data: bytes, suffix: str) -> str:
        """Return the name that `put` gives."""
        digest = hashlib.sha256(data).hexdigest()
        return f"{digest[:2]}/{digest}.{suffix}"

    def put(self, data: bytes, suffix: str) -> str:
        """Keep a file, as `ImageStore.put` does; one that was cut off is written again.

        Raises:
            WorkspaceError: if the address cannot be written to.
        """
        name = self.name(data, suffix)
        try:
            if not self._has(name, len(data)):
                system, path = self._system, self._path(name)
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
                system.pipe_file(path, data)
        except Exception as error:  # each kind of bucket raises its own
            raise WorkspaceError(
                f"a picture cannot be kept in {self.shown} ({_reason(error)}): check the address and your rights there"
            ) from error
        return name

    def read(self, name: str) -> bytes:
        """Return the bytes of a kept file.

        Raises:
            ValueError: if it is not there any more, or is no name that `put` gave.
        """
        check_name(name)
        try:
            return self._system.cat_file(self._path(name))
        except Exception as error:
            raise ValueError(
                f"the picture {name} cannot be read from {self.shown} ({_reason(error)}): was it moved?"
            ) from error

    def has(self, name: str) -> bool:
        """Tell whether a file is kept under a name."""
        check_name(name)
        return self._system.exists(self._path(name))

    def remove(self, name: str) -> None:
        """Keep it all the same: another machine may be about to count on it."""

    def check(self) -> None:
        """See that pictures can be kept and read here, before anybody works.

        Raises:
            WorkspaceError: if they cannot.
        """
        data = b"RAGDiffusion Studio keeps pictures here."
        if self.read(self.put(data, "txt")) != data:
            raise WorkspaceError(f"what is kept in {self.shown} comes back changed: choose another --pictures")

    def _has(self, name: str, size: int) -> bool:
        try:
            return self._system.info(self._path(name))["size"] == size
        except FileNotFoundError:
            return False

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        return url_to_fs(self.address)

    @property
    def _system(self) -> AbstractFileSystem:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1]


def open_images(address: str) -> ImageStore | BucketStore:
    """Open the pictures of a team.

    Args:
        address: a folder, also as file:///folder, or an address that fsspec knows.
    """
    kind, found, rest = address.partition("://")
    if not found:
        return ImageStore(Path(address).expanduser(), shared=True)
    return ImageStore(Path(rest), shared=True) if kind in ("file", "local") else BucketStore(address)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
