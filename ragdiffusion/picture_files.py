"""The pictures of a folder: what the decoder reads by its ending; what else lies there is named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.decoding import SUFFIXES

_LITTER = frozenset({"thumbs.db", "desktop.ini"})  # that file managers leave; what begins with a dot is theirs too


@dataclass(frozen=True)
class FoundPictures:
    """What a folder holds, sorted by path.

    Attributes:
        pictures: files that are pictures by their endings.
        left_out: other files.
    """

    pictures: tuple[Path, ...]
    left_out: tuple[Path, ...]


def pictures_in(folder: Path, *, recursive: bool = False) -> FoundPictures:
    """List a folder's pictures.

    Hidden files and folders, such as the `._IMG.jpg` that a Mac leaves on other systems, are passed over.

    Args:
        folder: that must be there.
        recursive: whether the folders in it are looked into; links to folders are not followed.
    """
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        files += [Path(place, name) for name in names if not name.startswith(".") and name.lower() not in _LITTER]
    files = sorted(path for path in files if path.is_file())
    pictures = tuple(path for path in files if is_picture(path))
    taken = set(pictures)
    return FoundPictures(pictures, tuple(path for path in files if path not in taken))


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its ending."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._")


def name_left_out(paths: Sequence[Path], root: Path, *, most: int = 5) -> str:
    """What was left out, in one line for a person; empty if nothing was.

    Args:
        paths: of it.
        root: that the paths are shown from.
        most: named at most.
    """
    if not paths:
        return ""
    shown = ", ".join(str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in paths[:most])
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return f"left out, as they are no pictures that can be read: {shown}{more}"
