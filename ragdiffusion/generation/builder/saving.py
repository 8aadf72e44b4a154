"""Checkpoints on disk: whole or not at all, and without a word of where their parts lay."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes `out` when all went well, and is gone when not.

    Raises:
        ValueError: if `out` is there already, or can't be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: there is something already; move it away or give another folder")
    partial = out.with_name(f"{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"{out}: can't be written ({error.strerror}); give another folder") from error
    try:
        yield partial
        if out.exists():
            out.rmdir()
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def forget_places(folder: Path) -> None:
    """Take out of a checkpoint's configs where its parts lay on this machine, which is nobody else's business."""
    for file in folder.glob("*/config.json"):
        kept = {key: value for key, value in json.loads(file.read_text()).items() if key != "_name_or_path"}
        file.write_text(json.dumps(kept, indent=2) + "\n")
