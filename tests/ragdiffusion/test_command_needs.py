"""Each command runs with what launch.py installs for it, and nothing else.

What is installed is told from the requirement files by the metadata of the packages that are here, so that no
environment has to be made: the import closure of each command is compared with it, and small cases run in a process
in which everything else cannot be found.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ragdiffusion.cli import COMMANDS

_ROOT = Path(__file__).resolve().parents[2]
_RUNNER = Path(__file__).with_name("fresh_environment.py")


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


launch = _load("launch", _ROOT / "launch.py")
command_parsers = _load("command_lines", _ROOT / "tests" / "command_lines.py").command_parsers


# ---- what an environment holds


def _required(files: Sequence[Path]) -> list[Requirement]:
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if re.match(r"[A-Za-z]", line)]


@cache
def _distributions(files: tuple[Path, ...]) -> frozenset[str]:
    """The packages of requirement files and all that they need."""
    found: set[str] = set()
    waiting = [(requirement, "") for requirement in _required(files)]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # this machine has no use for it
        waiting += [(Requirement(need), each) for need in needs for each in ("", *requirement.extras)]
    return frozenset(found)


@cache
def _owners() -> dict[str, frozenset[str]]:
    """The importable modules of this Python, each with the packages that bring it."""
    return {
        module: frozenset(canonicalize_name(owner) for owner in owners)
        for module, owners in metadata.packages_distributions().items()
        if module.isidentifier()
    }


def _absent(command: str, *arguments: str) -> list[str]:
    """The importable modules of this Python that a command's environment lacks."""
    held = _distributions(tuple(launch.requirement_files(command, list(arguments))))
    return sorted(module for module, owners in _owners().items() if not held & owners)


# ---- what a command imports, wherever in its code


def _file_of(module: str) -> Path | None:
    path = _ROOT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(file: Path) -> tuple[str, ...]:
    return tuple(_imported(file))


def _imported(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _libraries(module: str) -> dict[str, str]:
    """The libraries that a module and all of ours that it imports may import: name, and where."""
    seen, waiting, found = set(), [module], {}
    while waiting:
        file = _file_of(waiting.pop())
        if file is None or file in seen:
            continue
        seen.add(file)
        for name in _imports(file):
            top = name.partition(".")[0]
            if top == "ragdiffusion":
                waiting.append(name)
            elif name.startswith("torch.utils.tensorboard"):
                found["tensorboard"] = str(file)
            elif top not in sys.stdlib_module_names:
                found[top] = str(file)
    return found


def test_the_table_names_every_command() -> None:
    assert {line.split()[0] for line in launch.EXTRAS} == {*COMMANDS, "studio", "test", "worker"}
    assert {*COMMANDS, "studio", "test", "worker"} <= {*launch.EXTRAS}, "a command's other actions need a line too"
    known = {" ".join(names) for names, _ in command_parsers()}
    assert {line for line in launch.EXTRAS if " " in line} <= known, "an action that there is not"
    for line, extras in launch.EXTRAS.items():
        assert all((_ROOT / f"requirements-{extra}.txt").is_file() for extra in extras), line


@pytest.mark.parametrize("command", COMMANDS)
def test_all_that_a_command_may_import_is_installed_for_it_or_for_one_of_its_actions(command: str) -> None:
    actions = [line.split()[1:] for line in launch.EXTRAS if line.split()[0] == command]
    lacking = set.intersection(*({*_absent(command, *action)} for action in actions))
    imported = _libraries(COMMANDS[command][0])
    assert "torch" in imported and "numpy" in imported, "or the closure is not one"
    # What an argument asks for is installed with it.
    asked = {"ray", "pyarrow", "psycopg"}
    assert {name: where for name, where in imported.items() if name in lacking - asked} == {}


def test_the_closure_sees_imports_inside_functions() -> None:
    assert {"matplotlib", "sklearn"} <= set(_libraries(COMMANDS["evaluate"][0]))
    assert "tensorboard" in _libraries(COMMANDS["train-all"][0]) and "gradio" in _libraries("app.studio")
    assert not {"matplotlib", "sklearn", "tensorboard"} & set(_libraries(COMMANDS["generate"][0]))


def test_an_environment_without_an_extra_lacks_it() -> None:
    assert {"tensorboard", "sklearn", "matplotlib", "pytest"} <= set(_absent("generate"))
    assert not {"torch", "gradio", "cv2", "PIL", "tokenizers"} & set(_absent("generate"))
    assert not {"tensorboard", "sklearn", "matplotlib"} & set(_absent("train-all"))


# ---- small cases


def _run(lines: list[str], folder: Path) -> dict[str, str]:
    """Run each command line with what is installed for it; those that came to anything but 0, and what they said."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        alike.setdefault(tuple(_absent(*line.split()[:2])), []).append(line)
    failed = {}
    for absent, cases in alike.items():
        given = {
            "absent": absent,
            "out": str(folder / "outcomes.json"),
            "cases": {case: case.split() for case in cases},
        }
        call = [sys.executable, str(_RUNNER), json.dumps(given)]
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        outcomes = json.loads((folder / "outcomes.json").read_text())
        failed |= {case: done.stderr[-3000:] for case, code in outcomes.items() if code != 0}
    return failed


@pytest.fixture
def bench(tmp_path: Path, tiny_checkpoint: Path, photo_path: Path) -> Path:
    """A folder with what the command lines below name."""
    shutil.copytree(tiny_checkpoint, tmp_path / "TINY")
    (tmp_path / "photos").mkdir()
    shutil.copy(photo_path, tmp_path / "photo.png")
    shutil.copy(photo_path, tmp_path / "photos")
    return tmp_path


_MODEL = "--checkpoint TINY --device cpu"
_BRIEF = "--minutes 5 --steps 1 --batch-size 2 --workers 0"


def test_every_command_explains_itself_and_does_its_smallest_case(bench: Path) -> None:
    assert (
        _run(
            [
                *(f"{name} --help" for name in COMMANDS),
                f"retrieve photo.png {_MODEL}",
                f"generate photo.png --out flat.png --steps 1 {_MODEL}",
                f"batch photos pictures --steps 1 {_MODEL}",
                f"benchmark --limit 1 {_MODEL}",
                "describe --preset studio",
                f"checkpoint assemble NEW --parts {_ROOT / 'assets' / 'checkpoints' / 'studio'} --half",
                "data preview synthetic sheet.png --count 1 --cell 64",
                "data benchmark --pairs 1 --size 64",
                "bank add TINY/bank.sqlite3 photos --checkpoint TINY",
                "bank benchmark --sizes 100 --queries 2 --dimension 8",
                "bank build BANK.sqlite3 --checkpoint TINY --drawn 8 --size 4 --report report.png",
                f"train flow --out runs/flow {_BRIEF}",
                f"train autoencoder --out runs/autoencoder --perceptual 0.2 --crop 64 {_BRIEF}",
                f"train denoiser --out runs/denoiser --checkpoint TINY {_BRIEF}",
                f"train-all --out all --parts silhouette --device cpu --bank-size 2 {_BRIEF}",
                f"evaluate retrieval --limit 6 --plots plots {_MODEL}",
                f"evaluate generation --limit 2 --steps 1 {_MODEL}",
                "ablation --out ablation --train-preset studio --steps 1 --autoencoder-steps 1 --perceptual 0 --pool 2 "
                f"--batch-size 2 --limit 2 --sampling-steps 1 {_MODEL}",
            ],
            bench,
        )
        == {}
    )


def test_a_package_that_the_table_forgot_is_missed(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(launch.EXTRAS, "train", [])
    line = f"train structure --out runs/structure {_BRIEF}"
    (said,) = _run([line], bench).values()
    assert 'tensorboard is not installed: start it by launch.py, or pip install "ragdiffusion-studio[train]"' in said
