"""The one door: what it runs, when it installs, and what it says; nothing is downloaded here."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_LAUNCH = _ROOT / "launch.py"
_spec = importlib.util.spec_from_file_location("launch", _LAUNCH)
launch = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(launch)


class _Machine:
    """A folder for .venv, two requirement files, and an installer that only counts."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".venv"
        self.base, self.extra = root / "requirements.txt", root / "requirements-test.txt"
        self.base.write_text("torch==1\n")
        self.extra.write_text("pytest==1\n")
        self.made, self.installed = 0, []

    def make(self, folder: Path) -> None:
        self.made += 1
        venv.create(folder, clear=True, symlinks=os.name != "nt", prompt=launch.PROMPT)

    def install(self, python: Path, files: list[Path]) -> None:
        assert python.exists()
        assert not (self.folder / launch.STAMP).exists(), "a stamp during an installation would outlive a crash"
        self.installed.append([path.name for path in files])

    def prepare(self, *extra: Path, install=None) -> Path:
        return launch.prepare(self.folder, [self.base, *extra], self.make, install or self.install)


@pytest.fixture
def machine(tmp_path: Path) -> _Machine:
    return _Machine(tmp_path)


# ---- the command line


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], (True, "studio", [])),
        (["--port", "7000", "--listen", "--odd"], (True, "studio", ["--port", "7000", "--listen", "--odd"])),
        (["studio", "-h"], (True, "studio", ["-h"])),
        (["test", "-k", "x", "-h"], (True, "test", ["-k", "x", "-h"])),
        (["generate", "a.jpg", "--no-venv"], (True, "generate", ["a.jpg", "--no-venv"])),
        (["--no-venv"], (False, "studio", [])),
        (["--no-venv", "bank", "list"], (False, "bank", ["list"])),
        (["--no-venv", "-h"], (False, "help", [])),
        (["--help"], (True, "help", [])),
    ],
)
def test_parse(argv: list[str], expected: tuple) -> None:
    assert launch.parse(argv) == expected


def test_command_lines() -> None:
    start = ["py", "-P"] if sys.version_info >= (3, 11) else ["py"]
    assert launch.command_line("py", "studio", ["--port", "1"]) == [*start, "-m", "app", "--port", "1"]
    assert launch.command_line("py", "test", ["tests/app", "-q"]) == [*start, "-m", "pytest", "tests/app", "-q"]
    assert launch.command_line("py", "retrieve", ["a"]) == [*start, "-m", "ragdiffusion", "retrieve", "a"]


@pytest.mark.parametrize(
    ("arguments", "cores", "spread"),
    [
        ([], 2, ["-n", "3", "--dist", "loadfile"]),
        (["-m", "browser", "-x"], 64, ["-n", "4", "--dist", "loadfile"]),
        ([], None, []),
        (["--pdb"], 2, []),
        (["tests/test_launch.py::test_parse"], 2, []),
    ],
)
def test_a_whole_test_run_takes_more_than_one_core(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], cores: int | None, spread: list[str]
) -> None:
    monkeypatch.setattr(launch.os, "cpu_count", lambda: cores)
    assert launch.workers(arguments) == spread


@pytest.mark.parametrize(
    ("line", "extras"),
    [
        ("studio --port 1", []),
        ("generate photo.jpg", []),
        ("unknown", []),
        ("test -q", ["train", "postgres", "test"]),
        ("studio --log postgresql+psycopg://h/d", ["postgres"]),
        ("batch IN OUT --ray=local --bank=postgresql://h/d", ["cluster", "postgres"]),
        ("train flow", ["train"]),
        ("data", []),
        ("data import viton-hd", []),
        ("data realism --json", ["train"]),
        ("bank add BANK", []),
        ("bank build OUT", ["train"]),
    ],
)
def test_each_command_asks_for_its_files_and_they_exist(line: str, extras: list[str]) -> None:
    command, *arguments = line.split()
    files = launch.requirement_files(command, arguments)
    assert [path.name for path in files] == ["requirements.txt", *(f"requirements-{name}.txt" for name in extras)]
    assert all(path.is_file() for path in files)


# ---- when it installs


def test_the_second_start_installs_nothing(machine: _Machine) -> None:
    python = machine.prepare()
    assert machine.prepare() == python and python == launch.python_of(machine.folder)
    assert machine.made == 1 and machine.installed == [["requirements.txt"]]


def test_tests_add_to_the_same_environment(machine: _Machine) -> None:
    machine.prepare()
    machine.prepare(machine.extra)
    machine.prepare(machine.extra)
    machine.prepare()
    assert machine.made == 1
    assert machine.installed == [["requirements.txt"], ["requirements.txt", "requirements-test.txt"]]


def test_two_first_starts_at_once_follow_each_other(machine: _Machine, capsys: pytest.CaptureFixture) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(python: Path, files: list[Path]) -> None:
        begun.set()
        assert go_on.wait(60)
        machine.install(python, files)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(machine.prepare, install=slowly)
        assert begun.wait(60)
        second = pool.submit(machine.prepare, machine.extra)
        said = ""
        while "waiting for it" not in said:
            assert not second.done()
            said += capsys.readouterr().out
        assert machine.installed == []
        go_on.set()
        assert first.result(60) == second.result(60)
    assert machine.made == 1  # the second found the first one's environment, and added to it
    assert machine.installed == [["requirements.txt"], ["requirements.txt", "requirements-test.txt"]]


def test_a_changed_file_is_installed_again_without_a_new_environment(machine: _Machine) -> None:
    machine.prepare()
    machine.base.write_text("torch==2\n")
    machine.prepare()
    assert machine.made == 1 and len(machine.installed) == 2


def test_another_pin_is_a_change_of_the_file_that_names_it(machine: _Machine) -> None:
    pins = machine.base.with_name("constraints.txt")
    pins.write_text("torch==1\n")
    machine.base.write_text("-c constraints.txt\ntorch\n")
    machine.prepare()
    machine.prepare()
    assert len(machine.installed) == 1
    pins.write_text("torch==2\n")
    machine.prepare()
    assert len(machine.installed) == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_installation_starts_anew(machine: _Machine, stop: type[BaseException]) -> None:
    def interrupted(python: Path, files: list[Path]) -> None:
        raise stop

    machine.prepare()
    with pytest.raises(stop):
        machine.prepare(machine.extra, install=interrupted)
    assert not (machine.folder / launch.STAMP).exists()
    machine.prepare()
    assert machine.made == 2


def test_a_failed_addition_leaves_a_working_studio(machine: _Machine) -> None:
    def offline(python: Path, files: list[Path]) -> None:
        raise launch.LaunchError("no network")

    with pytest.raises(launch.LaunchError):
        machine.prepare(install=offline)
    assert not (machine.folder / launch.STAMP).exists(), "a first installation that failed is not whole"
    machine.prepare()
    with pytest.raises(launch.LaunchError):
        machine.prepare(machine.extra, install=offline)
    machine.prepare()
    assert machine.made == 2 and machine.installed == [["requirements.txt"]]


def test_a_moved_a_foreign_and_a_broken_environment_are_made_again(machine: _Machine) -> None:
    machine.prepare()
    moved = machine.folder.parent / "elsewhere"
    shutil.copytree(machine.folder, moved, symlinks=True)
    assert launch.installed(moved) is None
    stamp = machine.folder / launch.STAMP
    whole = stamp.read_text()
    for damage in ("{", "[]", "{}", json.dumps({**json.loads(whole), "identity": {"python": "2.7"}})):
        stamp.write_text(damage)
        assert launch.installed(machine.folder) is None
    stamp.write_text(whole)
    assert launch.installed(machine.folder) is not None
    launch.python_of(machine.folder).unlink()
    assert launch.installed(machine.folder) is None
    machine.prepare()
    assert machine.made == 2 and launch.python_of(machine.folder).exists()


def test_a_real_environment_is_made_and_someone_elses_is_left_alone(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    launch.create(ours)
    (ours / "leftover").write_text("of a broken one")
    result = subprocess.run([launch.python_of(ours), "-m", "pip", "--version"], capture_output=True, text=True)
    assert result.returncode == 0 and str(ours) in result.stdout
    launch.create(ours)
    assert not (ours / "leftover").exists()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    with pytest.raises(launch.LaunchError, match="was not made by launch.py: move it away, or use --no-venv"):
        launch.create(theirs)
    venv.create(theirs, symlinks=os.name != "nt")
    with pytest.raises(launch.LaunchError, match="was not made by launch.py"):
        launch.create(theirs)
    assert (theirs / "notes.txt").read_text() == "mine"


def test_pip_failure_is_reported(machine: _Machine, capfd: pytest.CaptureFixture) -> None:
    machine.base.write_text("this is not a requirement\n")
    with pytest.raises(launch.LaunchError, match="installation failed .*: check network and disk"):
        launch.pip_install(Path(sys.executable), [machine.base])
    assert "not a requirement" in capfd.readouterr().err.replace("\n", " ")


# ---- with this Python as it is


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    present, absent = tmp_path / "present.txt", tmp_path / "absent.txt"
    present.write_text("# comment\npillow==1\nopencv-python-headless==1; python_version < '4'\n\ntorch\n")
    launch.check_current([present])
    absent.write_text("torch==1\nno-such-package==1\nno_such_either>=2\n")
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_current([absent])
    message = str(caught.value)
    assert message.startswith("This Python lacks no-such-package, no_such_either: run `")
    assert "-m pip install -r absent.txt`, or start without --no-venv" in message


def test_this_python_has_what_the_requirement_files_name() -> None:
    launch.check_current(launch.requirement_files("test", []))


def test_help_runs_without_a_set_up(tmp_path: Path) -> None:
    copy = shutil.copy(_LAUNCH, tmp_path / "launch.py")
    for arguments in (["--no-venv", "-h"], ["-h"]):
        result = subprocess.run([sys.executable, copy, *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode == 0 and result.stderr == ""
        assert "python launch.py test" in result.stdout and "--workspace" in result.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A checkout in miniature: launch.py, no requirements, and packages that report how they were started."""
    root = tmp_path / "product"
    root.mkdir()
    shutil.copy(_LAUNCH, root)
    for name in ("requirements.txt", "requirements-test.txt", "requirements-train.txt", "requirements-postgres.txt"):
        (root / name).write_text("# nothing\n")
    report = "import json, os, sys\nprint(json.dumps([__package__, sys.argv[1:], os.getcwd()]))\nsys.exit(7)\n"
    for package in ("app", "ragdiffusion"):
        (root / package).mkdir()
        (root / package / "__init__.py").write_text("")
        (root / package / "__main__.py").write_text(report)
    return root


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "1", "--listen"], ["app", ["--port", "1", "--listen"]]),
        (["generate", "a b.jpg", "-h"], ["ragdiffusion", ["generate", "a b.jpg", "-h"]]),
    ],
)
def test_the_child_gets_everything_and_its_exit_code_comes_back(
    product: Path, tmp_path: Path, arguments: list[str], expected: list
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if sys.version_info >= (3, 11):  # an `app` where the person stands must not be taken for ours
        (elsewhere / "app").mkdir(parents=True)
        (elsewhere / "app" / "__main__.py").write_text("raise SystemExit('the wrong app')")
    elsewhere.mkdir(exist_ok=True)
    call = [sys.executable, str(product / "launch.py"), "--no-venv", *arguments]
    result = subprocess.run(call, capture_output=True, text=True, cwd=elsewhere)
    assert result.returncode == 7, result.stderr
    assert json.loads(result.stdout) == [*expected, str(elsewhere)]


def test_pytest_runs_in_the_checkout(product: Path, tmp_path: Path) -> None:
    (product / "test_here.py").write_text("def test_here():\n    open('was_here', 'w').close()\n")
    call = [sys.executable, str(product / "launch.py"), "--no-venv", "test", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (product / "was_here").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_ends_the_child_quietly(product: Path, number: int, code: int) -> None:
    (product / "app" / "__main__.py").write_text(
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nprint('up', flush=True)\nsignal.pause()\n"
    )
    call = [sys.executable, str(product / "launch.py"), "--no-venv"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(call, start_new_session=True, **pipes) as child:
        assert child.stdout.readline() == "up\n"
        if number == signal.SIGINT:
            os.killpg(child.pid, number)  # a terminal sends Ctrl+C to the whole group
        else:
            child.send_signal(number)
        assert child.wait(300) == code
        assert child.stderr.read() == ""


def test_an_old_python_can_read_the_file_and_is_turned_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    ast.parse(_LAUNCH.read_text(encoding="utf-8"), feature_version=(3, 6))
    monkeypatch.setattr(launch.sys, "version_info", (3, 8, 10))
    assert launch.main([]) == 2
    assert "needs Python 3.10 or newer, and this is 3.8.10" in capsys.readouterr().err


def test_set_up_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(launch, "HERE", tmp_path)
    (tmp_path / "requirements.txt").write_text("no-such-package==1\n")
    assert launch.main(["--no-venv"]) == 1
    assert "lacks no-such-package" in capsys.readouterr().err
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "mine").write_text("")
    assert launch.main([]) == 1
    assert "was not made by launch.py" in capsys.readouterr().err
