"""The report of a batch: one line a picture, by which a batch that was stopped goes on."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from ragdiffusion.batch.table import read_table, write_table
from ragdiffusion.files import whole
from ragdiffusion.garments.spreadsheets import decoded, delimiter_of

REPORT = "report.csv"


@dataclass(frozen=True)
class ReportRow:
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
        garment: what it is called in the picture's name, where each garment of a photo has its own; else "".
        garments: how many pictures the photo has.
        turned: degrees clockwise by which the photo was turned.
        looks_turned: degrees clockwise by which it should be turned yet, as it seems; 0 where it looks upright, ""
            where nobody was asked.
        notes: what a person should be told of the garment and its picture.
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
    garment: str = ""
    garments: str = "1"
    turned: str = "0"
    looks_turned: str = ""
    notes: str = ""

    @classmethod
    def columns(cls) -> list[str]:
        """Names of the columns."""
        return [field.name for field in fields(cls)]

    def words(self) -> list[str]:
        """The line's words, in the order of the columns."""
        return list(asdict(self).values())


_COLUMNS = ReportRow.columns()
_LATER = {"garment": "", "garments": "1", "turned": "0", "looks_turned": "", "notes": ""}
"""Columns that earlier reports lack, and what those would have in them."""


def photo_name(photo: Path) -> str:
    """A photo's path as the report has it: text that every program can write down."""
    return printable(str(photo))


def printable(text: str) -> str:
    """Text that can be written as UTF-8; bytes of a file name that are not are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_report(path: Path) -> dict[str, tuple[ReportRow, ...]]:
    """The newest lines of each photo, whatever spreadsheet saved it; a line that was cut off is passed over."""
    try:
        return parsed(lines_of(decoded(path.read_bytes(), "replace")))
    except FileNotFoundError:
        return parsed(_whole_lines(read_table(path.with_suffix(".parquet"))))


def lines_of(text: str) -> Iterator[ReportRow]:
    """The whole lines of a report's text, those of earlier versions too; reading ends where it cannot be understood."""
    with suppress(csv.Error):
        delimiter = delimiter_of(text.partition("\n")[0], _COLUMNS)
        yield from _whole_lines(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def _whole_lines(lines: Iterable[dict[str, str]]) -> Iterator[ReportRow]:
    for line in lines:
        words = {**_LATER, **line}
        if set(words) == set(_COLUMNS) and None not in words.values():
            yield ReportRow(**words)


def parsed(rows: Iterable[ReportRow]) -> dict[str, tuple[ReportRow, ...]]:
    """The newest lines of each photo: where its settings change or a garment comes again, they begin anew."""
    found: dict[str, tuple[ReportRow, ...]] = {}
    for row in rows:
        before = found.get(row.photo, ())
        together = all(
            (each.settings, each.sha256, each.garments) == (row.settings, row.sha256, row.garments)
            and each.garment != row.garment
            for each in before
        )
        found[row.photo] = (*before, row) if together else (row,)
    return found


def write_report(path: Path, rows: Iterable[ReportRow]) -> None:
    """Write the report whole or not at all, one line a picture; as Parquet too where pyarrow is installed."""
    rows = list(rows)
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(row.words() for row in rows)
    write_table(path.with_suffix(".parquet"), _COLUMNS, [row.words() for row in rows])


def has_other_columns(path: Path) -> bool:
    """Whether lines cannot just be added to a report: it has other columns than now, or only its Parquet is left."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            first = file.readline().strip()
    except FileNotFoundError:
        return path.with_suffix(".parquet").is_file()
    return first != ",".join(_COLUMNS)


@contextmanager
def open_journal(path: Path) -> Iterator[ReportJournal]:
    """Append to a report, line by line."""
    with open(path, "a+b") as file:
        yield ReportJournal(file)


class ReportJournal:
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

    def add(self, row: ReportRow) -> None:
        """Append a line."""
        self._write(row.words())

    def _write(self, words: list[str]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerow(words)
        self._file.write(text.getvalue().encode("utf-8"))
        self._file.flush()
        os.fsync(self._file.fileno())
