"""The container does what launch.py does: it installs the same files and starts the same commands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import launch
from app import __main__ as studio
from app import worker
from app.options import LOGINS_VARIABLE

yaml = pytest.importorskip("yaml", reason="PyYAML came with an earlier Gradio")
ROOT = Path(__file__).resolve().parent.parent
_VALUES = {"STUDIO_LOGIN": "anna:secret", "STUDIO_DATABASE_PASSWORD": "long"}


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instruction and rest of every step of the Dockerfile."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]  # type: ignore[misc]


@pytest.fixture(scope="module")
def services() -> dict:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for name, value in _VALUES.items():
        text = re.sub(rf"\$\{{{name}:\?[^}}]*\}}", value, text)
    text = text.replace("${STUDIO_HOST:-localhost}", "studio.example.org")
    assert "${" not in text, "a value that nobody sets"
    return yaml.safe_load(text)["services"]


def _of(steps: list[tuple[str, str]], instruction: str) -> list[str]:
    return [rest for name, rest in steps if name == instruction]


def test_the_image_installs_what_launch_installs(steps: list[tuple[str, str]], services: dict) -> None:
    (install,) = (line for line in _of(steps, "RUN") if "pip install" in line)
    wanted = {
        path.name
        for each in ("studio", "worker")
        for path in launch.requirement_files(services[each]["command"][0], services[each]["command"][1:])
    }
    assert set(re.findall(r"-r (\S+)", install)) == wanted
    call: list[str] = []
    original, launch.subprocess.call = launch.subprocess.call, lambda words: call.extend(words) or 0
    try:
        launch.pip_install(Path("python"), [Path(name) for name in sorted(wanted)])
    finally:
        launch.subprocess.call = original
    assert set(call) - {"-r"} <= set(install.split()), "pip is called as launch.py calls it"


def test_the_image_starts_by_launch_and_holds_all_that_is_needed(steps: list[tuple[str, str]]) -> None:
    (entry,), (command,) = _of(steps, "ENTRYPOINT"), _of(steps, "CMD")
    assert json.loads(entry) == ["python", "launch.py", "--no-venv"]
    assert launch.parse([*json.loads(entry)[2:], *json.loads(command)])[:2] == (False, "studio")
    copied = {name for line in _of(steps, "COPY") for name in line.split()[:-1]}
    assert {"launch.py", "constraints.txt", "ragdiffusion", "app", "assets"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied
    (base,) = _of(steps, "FROM")
    version = tuple(map(int, re.search(r"python:(\d+)\.(\d+)", base).groups()))
    assert launch.OLDEST_PYTHON <= version <= (3, 13)
    order = [name for name, _ in steps]
    assert order.index("USER") < order.index("ENTRYPOINT"), "nothing runs as root"


def test_the_services_can_be_started_so(services: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGINS_VARIABLE, services["studio"]["environment"][LOGINS_VARIABLE])
    page = studio.read_options(services["studio"]["command"][1:])
    work = worker.read_options(services["worker"]["command"][1:])
    assert (page.log, page.pictures) == (work.log, work.pictures)
    assert page.logins == (("anna", "secret"),) and page.host == "0.0.0.0" and not page.open_browser
    assert "studio.example.org" in page.names
    mounts = {name: dict(line.split(":") for line in services[name]["volumes"]) for name in ("studio", "worker")}
    assert mounts["studio"]["pictures"] == mounts["worker"]["pictures"] == page.pictures
    assert mounts["studio"]["workspace"] == str(page.workspace)
    assert services["studio"]["ports"] == [f"{page.port}:{page.port}"]
    database = services["database"]["environment"]
    assert page.log == f"postgresql+psycopg://{database['POSTGRES_USER']}@database/{database['POSTGRES_DB']}"
    assert services["studio"]["environment"]["PGPASSWORD"] == database["POSTGRES_PASSWORD"]


@pytest.mark.skipif(sys.platform == "win32", reason="paths of the image")
def test_launch_starts_what_the_services_name(services: dict) -> None:
    for name, module in (("studio", "app"), ("worker", "app.worker")):
        command, *arguments = services[name]["command"]
        assert launch.command_line("python", command, arguments)[-len(arguments) - 2 :][:2] == ["-m", module]
