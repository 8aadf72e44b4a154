"""Runs commands where only some packages can be imported, as in an environment that launch.py has just made.

Arguments: JSON with `absent` (modules that cannot be found), `cases` (name: command line) and `out` (where the JSON
with the exit code, or the error, of each case goes). The preset is the tests' tiny one.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any


def main() -> None:
    """Hide the modules, run the cases, write what came of them."""
    given = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from conftest import tiny_preset

    hide(frozenset(given["absent"]))
    from ragdiffusion.commands import benchmark, data_benchmark
    from ragdiffusion.config import PRESETS

    tiny = tiny_preset()
    assert tiny.flow is not None and tiny.silhouette is not None
    PRESETS["studio"] = replace(
        tiny,
        flow=replace(tiny.flow, input_size=64),  # the least that the engine draws
        silhouette=replace(tiny.silhouette, input_size=64),
    )
    benchmark._cold_start = lambda *_: 0.0  # a process of its own, in which nothing is hidden
    data_benchmark._WARM_UP = 1
    results = {name: outcome(words) for name, words in given["cases"].items()}
    Path(given["out"]).write_text(json.dumps(results))


def hide(absent: frozenset[str]) -> None:
    """Let no module of these names be found; what is loaded already is forgotten."""

    class Finder(PathFinder):
        @classmethod
        def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return None if name.partition(".")[0] in absent else PathFinder.find_spec(name, path, target)

    sys.meta_path = [Finder if finder is PathFinder else finder for finder in sys.meta_path]
    for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
        del sys.modules[name]


def outcome(words: list[str]) -> int | str:
    """The exit code of a command line, with the error where it is no plain success."""
    from ragdiffusion.cli import main as run

    logging.disable(logging.INFO)
    try:
        code = run([*words, "--debug"])
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        return traceback.format_exc()
    return code


if __name__ == "__main__":
    main()
