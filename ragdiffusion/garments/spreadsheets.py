"""Tables as spreadsheets write them: commas, semicolons or tabs, UTF-8 or UTF-16, headings in any case."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

_DELIMITERS = (",", ";", "\t", "|")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def read_text(path: Path) -> str:
    """Read a text of UTF-8, or of UTF-16 as spreadsheets save "Unicode text".

    Raises:
        ValueError: it can't be read, or has another encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} can't be read ({error.strerror}): check the path and its rights") from error
    try:
        text = decoded(content)
        if (place := text.find("\0")) >= 0:
            raise UnicodeError(f"a zero byte at character {place}")
    except UnicodeError as error:
        raise ValueError(f'{path} can\'t be read as UTF-8 or UTF-16 text ({error}): save it as "CSV UTF-8"') from error
    return text if "\n" in text else text.replace("\r", "\n")


def decoded(content: bytes, errors: str = "strict") -> str:
    """The text that a file holds, in whichever Unicode.

    Args:
        content: of the file.
        errors: as `bytes.decode` takes it.

    Raises:
        UnicodeError: it is no Unicode.
    """
    return content.decode(_encoding(content), errors)


def _encoding(content: bytes) -> str:
    if content.startswith(_UTF32):  # one of them begins as UTF-16 does
        return "utf-32"
    if content.startswith(_UTF16):
        return "utf-16"
    if b"\0" in content[:2]:  # two bytes a letter without a mark at the beginning
        return "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig"


def read_rows(path: Path) -> Iterator[dict[str | None, str]]:
    """Read the rows of a table with a heading, as `numbered_rows` does."""
    return (row for _, row in numbered_rows(path))


def numbered_rows(path: Path, known: Collection[str] = ()) -> Iterator[tuple[int, dict[str | None, str]]]:
    """Read a table with a heading, and say where each row stands.

    Args:
        path: of the table.
        known: names of columns that may be there, by which the delimiter is found; else the commonest is taken.

    Yields:
        The line that a row ends in, and the row: names of columns in lower case, `_` for spaces and hyphens. Words
        beyond the heading's stand under None.

    Raises:
        ValueError: it can't be read, or a name stands twice in its heading.
    """
    skipped, text = _from_heading(read_text(path))
    delimiter = delimiter_of(text.split("\n", 1)[0], known)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [column_name(word) for word in next(reader, [])]
        twice = sorted(name for name, count in Counter(names).items() if name and count > 1)
        if twice:
            raise ValueError(f"{path}: the heading names {twice[0]} twice")
        yield from ((reader.line_num + skipped, _row(names, words)) for words in reader if any(map(str.strip, words)))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num + skipped}: {error}") from error


def read_heading(path: Path, known: Collection[str] = ()) -> list[str]:
    """The names of a table's columns, as `numbered_rows` gives them.

    Raises:
        ValueError: it can't be read.
    """
    first = _from_heading(read_text(path))[1].split("\n", 1)[0]
    try:
        words = next(csv.reader([first], delimiter=delimiter_of(first, known)), [])
    except csv.Error as error:
        raise ValueError(f"{path}, heading: {error}") from error
    return [column_name(word) for word in words]


def _from_heading(text: str) -> tuple[int, str]:
    """How many lines stand before the heading (empty ones, a spreadsheet's note to itself), and the text from it on."""
    place = 0
    for skipped, line in enumerate(io.StringIO(text, newline="\n")):
        if line.strip("".join(_DELIMITERS) + " \r\n") and not line.strip().lower().startswith("sep="):
            return skipped, text[place:]
        place += len(line)
    return 0, ""


def column_name(word: str) -> str:
    """A column's name as the code knows it."""
    return "_".join(word.strip().lower().replace("-", " ").split())


def _row(names: list[str], words: list[str]) -> dict[str | None, str]:
    row: dict[str | None, str] = {
        name: words[place].strip() if place < len(words) else "" for place, name in enumerate(names) if name
    }
    more = [word for word in words[len(names) :] if word.strip()]
    return row | ({None: " ".join(more)} if more else {})


def delimiter_of(heading: str, known: Collection[str]) -> str:
    """The delimiter of a table, by its heading: it parts most names that are known, else most words."""

    def fitting(delimiter: str) -> tuple[int, int]:
        try:
            words = [column_name(word) for word in next(csv.reader([heading], delimiter=delimiter), [])]
        except csv.Error:  # a word would be too long
            return 0, 0
        return sum(word in known for word in words), len(words)

    return max(_DELIMITERS, key=fitting)
