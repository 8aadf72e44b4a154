"""A table of pairs, CSV or JSONL: one row a pair, pictures named relative to the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.datasets.records import Record, known_attributes
from ragdiffusion.garments.spreadsheets import column_name, numbered_rows, read_heading, read_text

_PICTURES = ("photo", "standard", "silhouette", "photo_mask")
_WORDS = ("name", "split", "category", "caption")
_KNOWN_TABLES = (".csv", ".tsv")
_ATTRIBUTES = {attribute.key for attribute in ATTRIBUTES if attribute.key != "category"}


def read_table(path: Path) -> Iterator[tuple[str, Record | str]]:
    """Read the rows of a table.

    `photo` must be given, and `standard` (its flat-lay) or `photo_mask` (the flat-lay is then cut out of the photo).
    `silhouette`, `name`, `split` (train by default), `category`, `caption` and the attributes of Table 6 may be. A
    category of Table 6 counts as the attribute too. A JSONL row may hold the attributes in an object `attributes`.
    Names of columns may be in any case, and paths may have `\\` as on Windows.

    Args:
        path: a .csv or .tsv with a heading (commas, semicolons or tabs, UTF-8 or UTF-16), or a .jsonl.

    Yields:
        The row's place, and its record or what is wrong with it.

    Raises:
        ValueError: it can't be read, is neither UTF-8 nor UTF-16, has another ending, or a column that is not among
            those.
    """
    known = {*_PICTURES, *_WORDS, *_ATTRIBUTES}
    if path.suffix.lower() in _KNOWN_TABLES:
        names = read_heading(path, known)
        unknown = sorted(set(names) - known - {""})
        if unknown or "photo" not in names:
            wrong = f"unknown columns {unknown}" if unknown else "there is no column photo"
            raise ValueError(
                f"{path}: {wrong}; {', '.join((*_PICTURES, *_WORDS))} and the attributes of Table 6 "
                f"({', '.join(sorted(_ATTRIBUTES))}) are known"
            )
        for number, row in numbered_rows(path, known):
            yield f"{path.name}, line {number}", _record(row, path.parent)
    elif path.suffix.lower() == ".jsonl":
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if line.strip():
                yield f"{path.name}, line {number}", _json_record(line, path.parent)
    else:
        raise ValueError(f"{path}: a table of pairs ends in .csv, .tsv or .jsonl")


def _json_record(line: str, folder: Path) -> Record | str:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        return f"not JSON ({error})"
    if not isinstance(row, dict):
        return f"a {type(row).__name__}: an object was wanted"
    row = {column_name(key): value for key, value in row.items()}
    attributes = row.pop("attributes", {})
    if not isinstance(attributes, dict):
        return f"attributes is a {type(attributes).__name__}: an object was wanted"
    return _record({**{column_name(key): value for key, value in attributes.items()}, **row}, folder)


def _record(row: dict[str | None, Any], folder: Path) -> Record | str:
    unknown = sorted(str(key) for key in row if key not in {*_PICTURES, *_WORDS, *_ATTRIBUTES})
    if unknown:
        return f"unknown fields {unknown}; a row holds more words than the heading, or a misspelt key"
    given = {key: value for key, value in row.items() if value not in (None, "")}
    wrong = sorted(key for key, value in given.items() if not isinstance(value, str))
    if wrong:
        return f"{wrong[0]} is {given[wrong[0]]!r}: a text was wanted"
    given = {key: _ref(value, folder) if key in _PICTURES else value for key, value in given.items()}
    if "photo" not in given:
        return "there is no photo"
    if "standard" not in given and "photo_mask" not in given:
        return "the pair has one half only: standard, or photo_mask to cut it out by, is missing"
    attributes = {key: given[key] for key in _ATTRIBUTES if key in given}
    category = given.get("category", "unknown")
    try:
        attributes = known_attributes(attributes)
    except ValueError as error:
        return str(error)
    try:
        attributes = known_attributes({"category": category, **attributes})
    except ValueError:  # a category of the user's own: kept as such, no value of Table 6
        pass
    return Record(
        name=given.get("name", Path(given["photo"]).with_suffix("").as_posix()),
        split=given.get("split", "train"),
        category=category,
        caption=given.get("caption", ""),
        attributes=attributes,
        **{key: given.get(key) for key in _PICTURES},
    )


def _ref(words: str, folder: Path) -> str:
    """A picture's path with `/`, as it is written in the table of whatever system."""
    if "\\" in words and not (folder / words).is_file():
        words = words.replace("\\", "/")
    return words.removeprefix("./")
