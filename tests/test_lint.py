"""The linters find nothing: `python tools/lint.py` is what to run, with --fix for what a machine can mend."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("lint", _ROOT / "tools" / "lint.py")
lint = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lint)


def _command(name: str) -> list[str]:
    command = lint.command_of(lint.CHECKS[name])
    tool = lint.CHECKS[name][0]
    if command[1] == "-m" and importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed: python -m pip install -r requirements-test.txt")
    return command


@pytest.mark.parametrize("name", lint.CHECKS)
def test_nothing_is_found(name: str) -> None:
    command = _command(name)
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ruff", "import os\n"),
        ("format", "x = ( 1 )\n"),
        ("mypy", "def f(x: int) -> str:\n    return x\n"),
        ("oxlint", "export const x = 1;\nx = 2;\n"),
    ],
)
def test_the_checks_have_teeth(tmp_path: Path, name: str, source: str) -> None:
    command = _command(name)
    file = tmp_path / ("wrong.js" if name == "oxlint" else "wrong.py")
    file.write_text(source)
    if name == "oxlint":
        command = [*command[:-2], str(_ROOT / command[-2])]  # the file in place of the folder
    if name == "mypy":
        command += ["--config-file", str(_ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run([*command, str(file)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and file.name in done.stdout, done.stdout + done.stderr


def test_unknown_checks_are_refused_and_all_results_are_told(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        lint.main(["spelling"])
    assert "no check spelling: choose any of ruff" in capsys.readouterr().err
    called: list[list[str]] = []
    monkeypatch.setattr(lint, "run", lambda call: called.append(call) or call[0] == "ruff")
    assert lint.main([]) == 1 and [call[0] for call in called] == [
        "ruff",
        "ruff",
        "mypy",
        "oxlint",
    ]  # none stops the next
    assert lint.main(["mypy"]) == 0
    called.clear()
    lint.main(["format", "--fix"])
    assert called == [["ruff", "format"]]
