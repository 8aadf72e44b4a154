"""A table of pairs, CSV or JSONL: one row a pair, pictures named relative to the table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.datasets.records import Record, known_attributes

_PICTURES = ("photo", "standard", "silhouette", "photo_mask")
_WORDS = ("name", "split", "category", "caption")
_ATTRIBUTES = {attribute.key for attribute in ATTRIBUTES if attribute.key != "category"}


def read_table(path: Path) -> Iterator[tuple[str, Record | str]]:
    """Read the rows of a table.

    `photo` must be given, and `standard` (its flat-lay) or `photo_mask` (the flat-lay is then cut out of the photo).
    `silhouette`, `name`, `split` (train by default), `category`, `caption` and the attributes of Table 6 may be. A
    category of Table 6 counts as the attribute too. A JSONL row may hold the attributes in an object `attributes`.

    Args:
        path: a .csv with a heading, or a .jsonl.

    Yields:
        The row's place, and its record or what is wrong with it.

    Raises:
        ValueError: it can't be read, is not UTF-8, has another ending, or a column that is not among those.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read as UTF-8 text ({error})") from error
    if path.suffix.lower() == ".csv":
        rows = csv.DictReader(io.StringIO(text, newline=""))
        unknown = sorted(set(rows.fieldnames or ()) - {*_PICTURES, *_WORDS, *_ATTRIBUTES})
        if unknown or "photo" not in (rows.fieldnames or ()):
            wrong = f"unknown columns {unknown}" if unknown else "there is no column photo"
            raise ValueError(f"{path}: {wrong}; {', '.join((*_PICTURES, *_WORDS))} and the attributes of Table 6 "
                             f"({', '.join(sorted(_ATTRIBUTES))}) are known")
        for row in rows:
            place = f"{path.name}, line {rows.line_num}"
            yield place, _record(row)
    elif path.suffix.lower() == ".jsonl":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"{path.name}, line {number}", _json_record(line)
    else:
        raise ValueError(f"{path}: a table of pairs ends in .csv or .jsonl")


def _json_record(line: str) -> Record | str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return f"not JSON ({error})"
    if not isinstance(row, dict):
        return f"a {type(row).__name__}: an object was wanted"
    attributes = row.pop("attributes", {})
    if not isinstance(attributes, dict):
        return f"attributes is a {type(attributes).__name__}: an object was wanted"
    return _record({**attributes, **row})


def _record(row: dict[str, Any]) -> Record | str:
    unknown = sorted(str(key) for key in row if key not in {*_PICTURES, *_WORDS, *_ATTRIBUTES})
    if unknown:
        return f"unknown fields {unknown}; a row holds more words than the heading, or a misspelt key"
    given = {key: value for key, value in row.items() if value not in (None, "")}
    wrong = sorted(key for key, value in given.items() if not isinstance(value, str))
    if wrong:
        return f"{wrong[0]} is {given[wrong[0]]!r}: a text was wanted"
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
        name=given.get("name", Path(given["photo"]).with_suffix("").as_posix()), split=given.get("split", "train"),
        category=category, caption=given.get("caption", ""), attributes=attributes,
        **{key: given.get(key) for key in _PICTURES})
