"""Files that appear whole or not at all, and are still there after a power cut; what a killed process left is swept."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

_PARTIAL = re.compile(r"\..+\.(?P<pid>\d+)\.partial")
_ABANDONED = 24 * 3600  # seconds after which a partial file is nobody's, where processes can't be asked


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name to write a file or folder under; at the end it takes its place, and is on the disk.

    Args:
        path: to be written. A file that is there is replaced; a folder must not be there.

    Yields:
        A hidden path beside it. On any error what was written there is removed.
    """
    partial = partial_of(path)
    remove(partial)
    try:
        yield partial
        replace(partial, path)
    finally:
        remove(partial)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, content: Any, *, indent: int = 1, sort_keys: bool = False) -> None:
    """Write readable JSON whole or not at all."""
    write_whole(path, (json.dumps(content, ensure_ascii=False, indent=indent, sort_keys=sort_keys) + "\n").encode())


def read_object(path: Path, remedy: str = "take a copy that is whole") -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: of the file.
        remedy: what to do if it can't be read.

    Raises:
        ValueError: it can't be read, or is something else; in one line with the remedy.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be read as JSON ({' '.join(str(error).split())[:120]}): {remedy}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, a JSON object wanted: {remedy}")
    return content


def write_pictures(pictures: Mapping[Path, Image.Image]) -> None:
    """Write PNG files; each appears whole or not at all, and none does if one can't be made."""
    with ExitStack() as stack:
        for path, picture in pictures.items():
            picture.save(stack.enter_context(whole(path)), format="PNG")


def replace(source: Path, path: Path) -> None:
    """Rename a file or folder to its place, with all that is in it on the disk before and the new name after."""
    sync_tree(source)
    os.replace(source, path)
    sync(path.parent)


def sync_tree(path: Path) -> None:
    """Bring a file, or a folder and all that is in it, to the disk."""
    if path.is_dir():
        for inner in path.rglob("*"):
            sync(inner)
    sync(path)


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's names, from the system's memory to the disk."""
    if os.name == "nt":  # where folders can't be opened, and files only to be written
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def partial_of(path: Path) -> Path:
    """Where this process writes a file before it takes its place."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def sweep(folder: Path) -> list[Path]:
    """Remove what processes that are gone were writing in a folder.

    Args:
        folder: looked through, not the folders in it; it may be missing.

    Returns:
        What was removed.
    """
    if not folder.is_dir():
        return []
    left = [
        path
        for path in folder.iterdir()
        if (found := _PARTIAL.fullmatch(path.name)) is not None and not _is_writing(int(found["pid"]), path)
    ]
    for path in left:
        remove(path)
    return left


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_writing(pid: int, path: Path) -> bool:
    if os.name == "nt":  # where asking after a process ends it
        return time.time() - path.stat().st_mtime < _ABANDONED
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
