"""Checkpoints on disk: whole or not at all, and without a word of where their parts lay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragdiffusion.files import read_object, sweep, whole, write_json


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes `out` when all went well, and is gone when not.

    Raises:
        ValueError: if `out` is there already, or can't be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: there is something already; move it away or give another folder")
    sweep(out.parent)
    with whole(out) as partial:
        try:
            partial.mkdir(parents=True)
        except OSError as error:
            raise ValueError(f"{out}: can't be written ({error.strerror}); give another folder") from error
        yield partial
        if out.exists():
            out.rmdir()


def forget_places(folder: Path) -> None:
    """Take out of a checkpoint's configs where its parts lay on this machine, which is nobody else's business."""
    for file in folder.glob("*/config.json"):
        kept = {key: value for key, value in read_object(file).items() if key != "_name_or_path"}
        write_json(file, kept, indent=2)
