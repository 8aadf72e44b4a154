"""What an exported bank lies in, a ZIP file or a folder: its files by name, checked before they are read."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

MAX_FILES = 500_000
MAX_FILE = 512 << 20
"""Largest file that is read, bytes."""
MAX_TOTAL = 8 << 30
"""What an archive may unpack to, bytes."""
MAX_RATIO = 200
"""How much smaller than its content a file of more than a megabyte may be packed."""
_SMALL = 1 << 20


class Container(Protocol):
    """Files by name."""

    def names(self) -> set[str]:
        """All of them, with `/` between folders."""
        ...

    def read(self, name: str) -> bytes:
        """Read one.

        Raises:
            ValueError: if it isn't there, is too large or damaged.
        """
        ...


class FolderContainer:
    """Files of a folder and the folders in it.

    Args:
        root: of them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> set[str]:
        """All files, with `/` between folders."""
        return {path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file()}

    def read(self, name: str) -> bytes:
        """Read a file of the folder.

        Raises:
            ValueError: if it isn't there, lies elsewhere or is too large.
        """
        path = (self._root / checked_name(name)).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            raise ValueError(f"there is no file {name!r} in the folder")
        if path.stat().st_size > MAX_FILE:
            raise ValueError(f"{name} has more than {MAX_FILE >> 20} MB")
        return path.read_bytes()


class Archive:
    """Files of a ZIP, none of which is unpacked to the disk.

    Args:
        file: open for reading.
        label: what to call it in messages.

    Raises:
        ValueError: if a name climbs out, stands twice or is a link, or the content is too much.
    """

    def __init__(self, file: zipfile.ZipFile, label: str) -> None:
        self._file, self._label = file, label
        infos = [info for info in file.infolist() if not info.is_dir()]
        if len(infos) > MAX_FILES:
            raise ValueError(f"{label} holds {len(infos)} files, at most {MAX_FILES} are read")
        if sum(info.file_size for info in infos) > MAX_TOTAL:
            raise ValueError(f"{label} unpacks to more than {MAX_TOTAL >> 30} GB: it is not read")
        for info in infos:
            _check(info, label)
        self._infos = {info.filename: info for info in infos}
        if len(self._infos) < len(infos):
            raise ValueError(f"{label} holds a file twice: make the archive again")

    def names(self) -> set[str]:
        """All files."""
        return set(self._infos)

    def read(self, name: str) -> bytes:
        """Read a file of the archive.

        Raises:
            ValueError: if it isn't there, is larger than it says or damaged.
        """
        info = self._infos.get(checked_name(name))
        if info is None:
            raise ValueError(f"there is no file {name!r} in {self._label}")
        try:
            with self._file.open(info) as member:
                content = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
            raise ValueError(f"{name} in {self._label} can't be read ({error}): make the archive again") from error
        if len(content) != info.file_size:
            raise ValueError(f"{name} in {self._label} is not of the size that it says: make the archive again")
        return content


def checked_name(name: str) -> str:
    """Let a file's name through that stays within its folder.

    Raises:
        ValueError: if it doesn't.
    """
    path = PurePosixPath(name)
    climbs = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name
    if not name or climbs:
        raise ValueError(f"the name {name[:80]!r} leads out of the archive or folder: it is not read")
    return name


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """Open a folder or a ZIP.

    Raises:
        ValueError: if it is neither, or a ZIP that must not be read.
    """
    if path.is_dir():
        yield FolderContainer(path)
        return
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path} is neither a folder nor a ZIP that can be read ({error})") from error
    with file:
        yield Archive(file, path.name)


def unpack(container: Container, folder: Path) -> None:
    """Write the files of a container into a folder, for what can be read from a disk only.

    Raises:
        ValueError: if one is damaged, or two names cannot stand beside each other.
    """
    for name in sorted(container.names()):
        path = folder / checked_name(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(container.read(name))
        except OSError as error:
            raise ValueError(f"{name} can't be unpacked ({error}): make the archive again") from error


def _check(info: zipfile.ZipInfo, label: str) -> None:
    checked_name(info.filename)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"{label} holds a link ({info.filename}): links are not followed")
    if info.flag_bits & 0x1:
        raise ValueError(f"{label} is encrypted: unpack it and pack it again without a password")
    if info.file_size > MAX_FILE:
        raise ValueError(f"{info.filename} in {label} unpacks to more than {MAX_FILE >> 20} MB: it is not read")
    if info.file_size > _SMALL and info.file_size > MAX_RATIO * max(1, info.compress_size):
        raise ValueError(f"{info.filename} in {label} unpacks to {MAX_RATIO} times its size and more: it is not read")
