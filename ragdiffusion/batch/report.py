"""The report of a batch: one line a photo, by which a batch that was stopped goes on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from ragdiffusion.files import whole

REPORT = "report.csv"


@dataclass(frozen=True)
class Row:
    """A line of the report.

    Attributes:
        photo: as it was given.
        status: done or failed.
        picture: relative to the report's folder; "" if there is none.
        sha256: of the photo's bytes, "" if it could not be read.
        settings: fingerprint of everything that was asked for.
        seconds: that it took.
        seed: of the noise.
        k: candidates.
        alpha: share of the reconstruction.
        similarity: of the nearest bank entry, "" if it failed.
        category: as read or given.
        checkpoint: fingerprint of the weights.
        bank_version: of the bank.
        error: one line, of a photo that failed.
    """

    photo: str
    status: str
    picture: str = ""
    sha256: str = ""
    settings: str = ""
    seconds: str = ""
    seed: str = ""
    k: str = ""
    alpha: str = ""
    similarity: str = ""
    category: str = ""
    checkpoint: str = ""
    bank_version: str = ""
    error: str = ""


_COLUMNS = [field.name for field in fields(Row)]


def photo_name(photo: Path) -> str:
    """A photo's path as the report has it: text that every program can write down."""
    return printable(str(photo))


def printable(text: str) -> str:
    """Text that can be written as UTF-8; bytes of a file name that are not are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_report(path: Path) -> dict[str, Row]:
    """The newest line of each photo; a line that was cut off is passed over."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if set(line) == set(_COLUMNS) and None not in line.values()]
    except (FileNotFoundError, UnicodeDecodeError, csv.Error):
        return {}
    return {line["photo"]: Row(**line) for line in lines}


def write_report(path: Path, rows: Iterable[Row]) -> None:
    """Write the report whole or not at all, one line a photo."""
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Append to a report, line by line."""
    with open(path, "a+b") as file:
        yield Journal(file)


class Journal:
    """Appends lines to a report, each on the disk before the next is made.

    Args:
        file: the report, open to append and to read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        if file.seek(0, os.SEEK_END) == 0:
            self._write(_COLUMNS)
        else:  # ends a line that was cut off
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\r\n")

    def add(self, row: Row) -> None:
        """Append a line."""
        self._write(list(asdict(row).values()))

    def _write(self, words: list[str]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerow(words)
        self._file.write(text.getvalue().encode("utf-8"))
        self._file.flush()
        os.fsync(self._file.fileno())
