"""What a finished run is, noted beside its picture until the log says so: a studio killed in between finds both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.files.image_store import ImageStore
from app.session_log.values import FinishedRun
from ragdiffusion.files import read_object, sweep, write_json

SCHEMA_VERSION = 1


class FinishedRuns:
    """Notes of finished runs, one file each.

    Args:
        images: beside whose pictures they lie.
    """

    def __init__(self, images: ImageStore) -> None:
        self._images = images
        self._folder = images.folder / "finished"

    def note(self, finished: FinishedRun) -> None:
        """Write a note; it is on the disk then.

        Raises:
            OSError: if it cannot be written.
        """
        content = {**asdict(finished), "created_at": finished.created_at.isoformat(), "schema_version": SCHEMA_VERSION}
        write_json(self._folder / f"{finished.run}.json", content)

    def forget(self, run: int) -> None:
        """Remove a note; one that is gone already is no error."""
        (self._folder / f"{run}.json").unlink(missing_ok=True)

    def left(self) -> Iterator[tuple[FinishedRun, bytes]]:
        """Yield what an earlier process could not write into the log, with its picture; remove what is of no use."""
        if not self._folder.is_dir():
            return
        sweep(self._folder)
        for path in sorted(self._folder.glob("*.json")):
            try:
                content: dict[str, Any] = read_object(path)
                if content.pop("schema_version", None) != SCHEMA_VERSION:
                    continue  # of a newer studio
                created = datetime.fromisoformat(content.pop("created_at"))
                finished = FinishedRun(created_at=created, **content)
                picture = self._images.read(finished.result_path)
                whole = hashlib.sha256(picture).hexdigest() in finished.result_path
            except (ValueError, TypeError, KeyError):
                whole = False
            if whole:
                yield finished, picture
            else:
                path.unlink(missing_ok=True)
