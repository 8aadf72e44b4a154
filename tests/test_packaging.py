"""What `pip install .` gives, and that the lists of packages say the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parent.parent
_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_POSIX_ONLY = ("curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")


def _requirements(name: str) -> list[Requirement]:
    lines = (_ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if re.match(r"[A-Za-z]", line)]


@pytest.fixture(scope="module")
def project() -> dict:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader of TOML")
    return tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


# ---- one list


def test_requirement_files_name_what_the_project_declares(project: dict) -> None:
    core = _names([Requirement(text) for text in project["dependencies"]])
    extras = {
        name: _names([Requirement(text) for text in texts]) for name, texts in project["optional-dependencies"].items()
    }
    assert "gradio" not in core and "gradio" in extras["studio"]
    assert _names(_requirements("requirements.txt")) == core | extras.pop("studio")
    for extra, names in extras.items():
        assert _names(_requirements(f"requirements-{extra}.txt")) == names, extra


@pytest.mark.parametrize("python", _PYTHONS)
def test_every_requirement_has_one_pin_within_the_declared_range(project: dict, python: str) -> None:
    environment = {**default_environment(), "python_version": python}
    pins: dict[str, str] = {}
    for pin in _requirements("constraints.txt"):
        if pin.marker is None or pin.marker.evaluate(environment):
            (exact,) = pin.specifier
            assert exact.operator == "==" and canonicalize_name(pin.name) not in pins, str(pin)
            pins[canonicalize_name(pin.name)] = exact.version
    declared = [
        Requirement(text)
        for texts in (project["dependencies"], *project["optional-dependencies"].values())
        for text in texts
    ]
    assert set(pins) == _names(declared), "nothing unpinned, and no pin that nothing asks for"
    outside = [str(each) for each in declared if not each.specifier.contains(pins[canonicalize_name(each.name)])]
    assert outside == []


def test_requirement_files_take_the_pins(project: dict) -> None:
    files = sorted(_ROOT.glob("requirements*.txt"))
    assert len(files) >= 3
    for file in files:
        assert "-c constraints.txt" in file.read_text(encoding="utf-8").splitlines(), file.name
        assert all(not requirement.specifier for requirement in _requirements(file.name)), "names only"


# ---- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, but for the pictures and weights of assets/, built where nothing else lies."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, source)
    for name in ("ragdiffusion", "app", "tests", "docs", "tools"):
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "assets").mkdir()
    shutil.copy(_ROOT / "assets" / "patterns.npz", source / "assets")
    program = "import setuptools.build_meta as build; print(build.build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (built,) = (source / "dist").glob("*.whl")
    return built


def test_the_wheel_needs_no_gradio_unless_the_studio_is_asked_for(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        headers = HeaderParser().parsestr(archive.read(name).decode())
    needed = [Requirement(text) for text in headers.get_all("Requires-Dist")]
    core = _names([each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})])
    studio = _names([each for each in needed if each.marker is None or each.marker.evaluate({"extra": "studio"})])
    assert {"torch", "diffusers", "transformers", "faiss-cpu", "sqlalchemy"} <= core
    assert not core & {"gradio", "tensorboard", "matplotlib", "pytest"} and studio - core == {"gradio"}
    assert {"studio", "train", "test"} <= set(headers.get_all("Provides-Extra"))


def test_the_wheel_holds_the_packages_and_their_data_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"ragdiffusion", "app", "assets"}
    assert {"ragdiffusion/api.py", "ragdiffusion/bank/store.py", "assets/patterns.npz"} <= set(names)
    sources = {
        path.relative_to(_ROOT).as_posix()
        for path in (_ROOT / "app").rglob("*")
        if path.suffix in (".py", ".js", ".css", ".html")
    }
    assert sources <= set(names), "every page needs its script and its style"


_IMPORT_ALL = """
import builtins, importlib, json, sys
from pathlib import Path

root, packages, absent, ours_only = sys.argv[1], *map(json.loads, sys.argv[2:])
sys.path.insert(0, root)
real = builtins.__import__

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if level == 0 and name.partition(".")[0] in absent:
        if not ours_only or importer.partition(".")[0] in packages:
            raise ModuleNotFoundError(f"{importer} imports {name}", name=name)
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = guarded
count = 0
for package in packages:
    for path in sorted((Path(root) / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] != "__main__":
            importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
            count += 1
print(f"IMPORTED {count}")
"""


def _import_all(root: Path, packages: list[str], absent: tuple[str, ...], *, ours_only: bool) -> str:
    """Import every module of packages where some modules are absent: for all, or for these packages' own code."""
    given = [json.dumps(value) for value in (packages, absent, ours_only)]
    call = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-c", _IMPORT_ALL, str(root), *given]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else done.stderr


def test_the_model_package_imports_where_gradio_is_absent(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    found = _import_all(tmp_path, ["ragdiffusion"], ("gradio", "gradio_client", "app"), ours_only=False)
    assert re.fullmatch(r"IMPORTED \d{3,}", found), found


def test_the_studio_says_what_it_lacks_where_gradio_is_absent(tmp_path: Path) -> None:
    program = "import sys; sys.modules['gradio'] = None; from app.__main__ import main; sys.exit(main(sys.argv[1:]))"
    call = [sys.executable, "-c", program, "--no-browser", "--workspace", str(tmp_path)]
    done = subprocess.run(call, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        'studio: gradio is not installed: start it by launch.py, or pip install "ragdiffusion-studio[studio]"\n'
    )


def test_everything_imports_where_the_modules_of_posix_are_absent() -> None:
    found = _import_all(_ROOT, ["ragdiffusion", "app"], _POSIX_ONLY, ours_only=True)
    assert re.fullmatch(r"IMPORTED \d{3,}", found), found


@pytest.mark.parametrize(
    ("source", "absent"), [("import resource", "resource"), ("from gradio import Blocks", "gradio")]
)
def test_an_import_of_something_absent_is_seen(tmp_path: Path, source: str, absent: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text(source)
    assert f"mine imports {absent}" in _import_all(tmp_path, ["mine"], (absent,), ours_only=True)
