"""Readings kept on disk, by photo: a large model reads each photo of a data set once, whatever stops it.

A file of lines that only grows; each names the reader, for another one reads otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading


class ReadingStore:
    """Readings of one reader in a file.

    Args:
        path: of the file; it need not be there.
        reader: what the reader is called, as in `parse_reader`: its readings alone are given out.

    Raises:
        ValueError: if the file can't be read.
    """

    def __init__(self, path: Path, reader: str) -> None:
        self._path, self._reader = path, reader
        self._kept: dict[str, AttributeReading] = {}
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else []
        except OSError as error:
            raise ValueError(f"{path} can't be read ({error.strerror})") from error
        for line in lines:
            if (found := _parse(line, reader)) is not None:
                self._kept[found[0]] = found[1]

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> AttributeReading | None:
        """The reading of a photo (`photo_key`), with the time that it took; None: it has not been read."""
        return self._kept.get(key)

    def add(self, readings: Sequence[tuple[str, AttributeReading]]) -> None:
        """Keep readings by `photo_key`; on the disk when this returns. Those with a note (something failed) are not.

        Raises:
            ValueError: if the file can't be written.
        """
        whole = [(key, reading) for key, reading in readings if not reading.note]
        if not whole:
            return
        content = "".join(f"{json.dumps(self._line(key, reading))}\n" for key, reading in whole)
        try:
            with self._path.open("ab") as file:
                file.write(b"\n" if file.tell() else b"")  # ends a line that was cut off
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ValueError(f"{self._path} can't be written ({error.strerror})") from error
        self._kept.update(whole)

    def _line(self, key: str, reading: AttributeReading) -> dict[str, Any]:
        known = {name: value for name, value in reading.values.items() if value != UNKNOWN}
        return {
            "photo": key,
            "reader": self._reader,
            "values": known,
            "confidence": {name: round(reading.confidence[name], 4) for name in known},
            "milliseconds": round(reading.milliseconds, 1),
            "by": reading.reader,
        }


def _parse(line: bytes, reader: str) -> tuple[str, AttributeReading] | None:
    """A line of this reader's; None for others, and for one that a kill cut off."""
    try:
        told = json.loads(line)
        if told["reader"] != reader:
            return None
        reading = complete_reading(told["values"], told["confidence"], reader=told["by"], started=0.0)
        return str(told["photo"]), _with_time(reading, float(told["milliseconds"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _with_time(reading: AttributeReading, milliseconds: float) -> AttributeReading:
    return AttributeReading(reading.values, reading.confidence, reading.reader, milliseconds)
