"""One name, one thing; and one dialect: what a function does is said in the imperative."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_NOUNS = {
    "As",
    "Names",
    "Places",
    "Measures",
    "Steps",
    "Means",
    "Times",
    "Numbers",
    "Shares",
    "Pictures",
    "Labels",
    "Sides",
}
"""First words that only look like that."""
_USUAL = 3  # docstrings that begin with a verb in the imperative make its third person a slip


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for room in ("app", "ragdiffusion", "tools"):
        for path in sorted((_ROOT / room).rglob("*.py")):
            yield path.relative_to(_ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _first_words() -> Iterator[tuple[str, str]]:
    """Where a function stands, and the first word of what it says of itself."""
    for file, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (said := ast.get_docstring(node)):
                yield f"{file}:{node.lineno}", said.split()[0]


def _third_person(words: list[tuple[str, str]]) -> list[tuple[str, str]]:
    counted = Counter(word for _, word in words)
    slips = {f"{word}{end}" for word, count in counted.items() if count >= _USUAL for end in ("s", "es")}
    return [(place, word) for place, word in words if word in slips - _NOUNS]


def test_no_two_classes_have_one_name():
    places = defaultdict(list)
    for file, tree in _trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file)
    assert len(places) > 300
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_functions_say_what_they_do_in_the_imperative():
    assert _third_person(list(_first_words())) == []


def test_the_measure_has_teeth():
    found = [(f"a.py:{line}", word) for line, word in enumerate(("Make", "Make", "Make", "Makes", "Rows", "Means"))]
    assert _third_person(found) == [("a.py:3", "Makes")]


_SHAPE = re.compile(r"(?<![\w)\]])\[(?:[A-Z]|\.\.\.)(?:, ?[\w/*+ ]+)*\]")


def _bracketed(text: str) -> list[str]:
    """Shapes as a list: "[B, C, H, W]"; ranges and indices are none."""
    return _SHAPE.findall(text)


def test_shapes_are_written_as_tuples():
    said = [
        (file, shape)
        for file, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for shape in _bracketed(ast.get_docstring(node) or "")
    ]
    assert not said
    assert _bracketed("x: float [B, 3, H, W] in [0, 1], rows[K], ids [M]") == ["[B, 3, H, W]", "[M]"]
