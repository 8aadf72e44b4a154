"""Lines of words as Parquet, with numbers as numbers; where pyarrow is not installed there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from ragdiffusion.files import whole

_NUMBERS = {
    "seconds": ("double", ".2f"),
    "seed": ("int64", "d"),
    "k": ("int64", "d"),
    "alpha": ("double", "g"),
    "similarity": ("double", ".4f"),
    "garments": ("int64", "d"),
    "turned": ("int64", "d"),
    "looks_turned": ("int64", "d"),
}
"""Columns that hold numbers: of which kind, and how they are written as words."""


def write_table(path: Path, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Write lines whole or not at all.

    Args:
        path: of the Parquet file.
        columns: their names.
        lines: the words of each, in that order; "" where there is no number.
    """
    if find_spec("pyarrow") is None:
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = list(zip(*lines, strict=True)) or [()] * len(columns)
    arrays = {}
    for name, each in zip(columns, words, strict=True):
        kind, _ = _NUMBERS.get(name, ("string", ""))
        read = {"double": float, "int64": int}.get(kind, str)
        values = [None if kind != "string" and word == "" else read(word) for word in each]
        arrays[name] = pa.array(values, pa.type_for_alias(kind))
    with whole(path) as partial:
        pq.write_table(pa.table(arrays), partial)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read lines back, in words by column; none where the file is missing or cannot be read."""
    if find_spec("pyarrow") is None or not path.is_file():
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        lines = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError):
        return []
    return [{name: _word(name, value) for name, value in line.items()} for line in lines]


def _word(name: str, value: object) -> str:
    if value is None:
        return ""
    return format(value, _NUMBERS[name][1]) if name in _NUMBERS else str(value)
