"""The front end's modules as text: linted, type-checked, 120 columns wide, and one with what Python listens to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.web import files
from ragdiffusion.config import KEPT_NEIGHBOURS

_ROOT = Path(__file__).resolve().parent.parent
_ASKS = re.compile(r"export const ASKS = [^\[]*\[([^\]]*)\]")
_PURE = (
    "affine contours handles mask png rle slle svg view".split(),
    "web/shared/selection.js web/shared/seeds.js web/shared/events.js web/shared/views.js".split(),
)


def _tool(name: str, variable: str) -> str | None:
    """Where a tool is: a variable of the environment says it, or it lies beside Python, or on the PATH."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    return os.environ.get(variable) or beside or shutil.which(name)


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_of_the_comments_hold() -> None:
    tsc = _tool("tsc", "RAGDIFFUSION_TSC")
    if tsc is None:
        pytest.skip("no TypeScript: npm install --global typescript@5.9.3, or set RAGDIFFUSION_TSC to its tsc")
    _run(tsc, "--project", "jsconfig.json")


@pytest.mark.parametrize("name", files.modules())
def test_a_module_is_read_without_scrolling(name: str) -> None:
    lines = files.modules()[name].decode().splitlines()
    assert [i for i, line in enumerate(lines, 1) if len(line) > 120] == [] and len(lines) <= 400


@pytest.mark.parametrize("name", [*(f"landmark_editor/{stem}.js" for stem in _PURE[0]), *_PURE[1]])
def test_what_is_pure_touches_no_page(name: str) -> None:
    code = re.sub(r"/\*.*?\*/|//.*", "", files.modules()[name].decode(), flags=re.S)
    assert not re.search(r"\b(document|window|localStorage|HTML\w*Element|DOMParser)\b", code)


def test_each_candidate_that_there_may_be_has_a_key() -> None:
    keys = re.search(
        r"label: 'Pick a candidate',\s+keys: \[([^\]]*)\]", files.modules()["web/shared/masthead.js"].decode()
    )
    assert re.findall(r"'(\w)'", keys[1]) == [str(number) for number in range(1, KEPT_NEIGHBOURS + 1)]
    assert f"Keys 1 to {KEPT_NEIGHBOURS} pick" in (_ROOT / "README.md").read_text(encoding="utf-8")


def test_python_listens_to_what_the_panels_ask() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in files.ROOT.rglob("*.py"))
    names = set(re.findall(r"@property \{[^\n]*\} (\w+)", files.modules()["web/shared/events.js"].decode()))
    for module, text in files.modules().items():
        for asked in _ASKS.findall(text.decode()):
            for name in re.findall(r"'(\w+)'", asked):
                assert re.search(rf"\.{name}\b,", code), f"{module} asks for {name}, and no page listens"
                assert name in names, f"{name} of {module} is not among the requests in events.js"
