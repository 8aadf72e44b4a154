"""Files on their way through the web server: received ones, and those that are handed out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def read_upload(path: str | Path) -> tuple[bytes, str]:
    """Return the bytes and the name of a received file, which is then removed from where it was received."""
    path = Path(path)
    data = path.read_bytes()
    path.unlink(missing_ok=True)
    return data, path.name


def hand_out(files: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write files where the web server may hand them out; it takes them away within the hour.

    Args:
        files: name and bytes of each.

    Returns:
        Their paths.
    """
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR") or None))
    paths = [(folder / name, data) for name, data in files]
    for path, data in paths:
        path.write_bytes(data)
    return [str(path) for path, _ in paths]
