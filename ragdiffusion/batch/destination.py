"""Where a batch puts its pictures and its report: a folder, or a bucket under any address that fsspec knows."""

from __future__ import annotations

import csv
import io
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ragdiffusion.batch.report import (
    REPORT,
    ReportRow,
    has_other_columns,
    lines_of,
    open_journal,
    parsed,
    read_report,
    write_report,
)
from ragdiffusion.files import sweep, write_pictures

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from PIL import Image

AddRow = Callable[[ReportRow], None]
_PARTS = "report.parts"
_ROWS_A_PART, _SECONDS_A_PART = 50, 5.0
_SECRETS = re.compile(r"//[^/@]*@")


class Destination(Protocol):
    """Keeps pictures and the report of a batch; travels to worker processes."""

    @property
    def root(self) -> Path:
        """What all paths of the batch begin with; a path of the disk for a folder only."""

    @property
    def report(self) -> str:
        """Where the report is, for people."""

    def prepare(self, folders: Iterable[Path]) -> None:
        """Make ready for pictures in some folders; what killed processes left there is removed."""

    def save(self, pictures: Mapping[Path, Image.Image]) -> None:
        """Keep pictures as PNG."""

    def has(self, path: Path) -> bool:
        """Whether a picture is there."""

    def rows(self) -> dict[str, tuple[ReportRow, ...]]:
        """Return what the report says of each photo."""

    def journal(self) -> Any:
        """Return a context in which rows are added to the report; each is kept when a stopped batch goes on."""

    def finish(self, rows: Iterable[ReportRow]) -> None:
        """Write the whole report, one line a picture."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that all machines reach under the same path.

    What is written raises `ValueError` where the disk is full or refuses it.
    """

    root: Path

    @property
    def report(self) -> str:
        """As `Destination.report`."""
        return str(self.root / REPORT)

    def prepare(self, folders: Iterable[Path]) -> None:
        """As `Destination.prepare`."""
        with self._told():
            for folder in {self.root, *folders}:
                sweep(folder)
            self.root.mkdir(parents=True, exist_ok=True)

    def save(self, pictures: Mapping[Path, Image.Image]) -> None:
        """As `Destination.save`; each appears whole or not at all."""
        with self._told():
            for path in pictures:
                path.parent.mkdir(parents=True, exist_ok=True)
            write_pictures(pictures)

    def has(self, path: Path) -> bool:
        """As `Destination.has`."""
        return path.is_file()

    def rows(self) -> dict[str, tuple[ReportRow, ...]]:
        """As `Destination.rows`."""
        return read_report(self.root / REPORT)

    @contextmanager
    def journal(self) -> Iterator[AddRow]:
        """As `Destination.journal`: each line is on the disk before the next picture is made."""
        path = self.root / REPORT
        if has_other_columns(path):  # of an earlier version, or there is only its Parquet
            self.finish(row for rows in self.rows().values() for row in rows)
        with open_journal(path) as journal:

            def add(row: ReportRow) -> None:
                with self._told():
                    journal.add(row)

            yield add

    def finish(self, rows: Iterable[ReportRow]) -> None:
        """As `Destination.finish`."""
        with self._told():
            write_report(self.root / REPORT, rows)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line that this folder can't be written to."""
        try:
            yield
        except OSError as error:
            raise ValueError(
                f"{self.root} cannot be written to ({error.strerror or error}): check its free space and your rights"
            ) from error


@dataclass(frozen=True)
class Bucket:
    """A place that fsspec writes to. What is kept there appears whole; nothing can be appended.

    So while a batch runs its rows are kept as small files, some at a time; a row whose file is not there is made again.

    Args:
        address: such as s3://bucket/folder.
    """

    address: str

    @property
    def root(self) -> Path:
        """As `Destination.root`."""
        return Path(self.address)

    @property
    def report(self) -> str:
        """As `Destination.report`."""
        return f"{_SECRETS.sub('//***@', self.address)}/{REPORT}"

    def prepare(self, folders: Iterable[Path]) -> None:
        """As `Destination.prepare`: see that something can be written, before models are loaded."""
        name = f"{_PARTS}/.probe-{uuid.uuid4().hex}"
        self._write(name, b"")
        with suppress(Exception):
            system, root = self._open()
            system.rm_file(f"{root}/{name}")

    def save(self, pictures: Mapping[Path, Image.Image]) -> None:
        """As `Destination.save`."""
        for path, picture in pictures.items():
            stream = io.BytesIO()
            picture.save(stream, format="PNG")
            self._write(path.relative_to(self.root).as_posix(), stream.getvalue())

    def has(self, path: Path) -> bool:
        """As `Destination.has`."""
        system, root = self._open()
        return system.isfile(f"{root}/{path.relative_to(self.root).as_posix()}")

    def rows(self) -> dict[str, tuple[ReportRow, ...]]:
        """As `Destination.rows`: the report and what was added to it since."""
        system, root = self._open()
        try:
            texts = [system.cat_file(f"{root}/{REPORT}")] if system.exists(f"{root}/{REPORT}") else []
            texts += [system.cat_file(path) for path in self._parts(system, root)]
        except Exception as error:
            raise ValueError(f"{self.report} cannot be read ({_reason(error)}): check your rights there") from error
        return parsed(line for text in texts for line in lines_of(text.decode("utf-8", "replace")))

    @contextmanager
    def journal(self) -> Iterator[AddRow]:
        """As `Destination.journal`."""
        waiting: list[ReportRow] = []
        kept, run = 0, f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        written = time.monotonic()

        def keep() -> None:
            nonlocal kept, written
            if waiting:
                self._write(f"{_PARTS}/{run}-{kept:08d}.csv", csv_bytes(waiting))
                waiting.clear()
                kept += 1
            written = time.monotonic()

        def add(row: ReportRow) -> None:
            waiting.append(row)
            if len(waiting) >= _ROWS_A_PART or time.monotonic() - written >= _SECONDS_A_PART:
                keep()

        try:
            yield add
        finally:
            keep()

    def finish(self, rows: Iterable[ReportRow]) -> None:
        """As `Destination.finish`."""
        self._write(REPORT, csv_bytes(rows))
        system, root = self._open()
        for path in self._parts(system, root):
            system.rm_file(path)

    def _parts(self, system: AbstractFileSystem, root: str) -> list[str]:
        return sorted(system.glob(f"{root}/{_PARTS}/*.csv"))

    def _write(self, name: str, data: bytes) -> None:
        try:
            system, root = self._open()
            path = f"{root}/{name}"
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(path, data)
        except ValueError:
            raise
        except Exception as error:  # each kind of bucket raises its own
            shown = _SECRETS.sub("//***@", self.address)
            raise ValueError(f"{shown} cannot be written to ({_reason(error)}): check your rights there") from error

    def _open(self) -> tuple[AbstractFileSystem, str]:
        from fsspec.core import url_to_fs

        try:
            return url_to_fs(self.address)
        except (ImportError, ValueError) as error:  # no such kind of address, or its package is missing
            raise ValueError(f"{self.address.partition('://')[0]}:// cannot be opened: {_reason(error)}") from error


def open_destination(text: str) -> Folder | Bucket:
    """Where a batch is to go.

    Args:
        text: a folder, also as file:///folder, or an address such as s3://bucket/folder.
    """
    kind, found, rest = text.partition("://")
    if not found:
        return Folder(Path(text))
    return Folder(Path(rest)) if kind in ("file", "local") else Bucket(text.rstrip("/"))


def csv_bytes(rows: Iterable[ReportRow]) -> bytes:
    """Rows as a whole CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(ReportRow.columns())
    writer.writerows(row.words() for row in rows)
    return text.getvalue().encode("utf-8")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
