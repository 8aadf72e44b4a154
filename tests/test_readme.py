"""The README's own lines, run as they stand."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from ragdiffusion.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUNDLED = ROOT / "assets" / "checkpoints" / "studio"

pytestmark = pytest.mark.skipif(not BUNDLED.is_dir(), reason="the bundled checkpoint is not in this checkout")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [body for named, body in fences if named == language]


def commands() -> list[list[str]]:
    """Every `python launch.py COMMAND …` line."""
    lines = [line.split("#")[0].strip() for block in blocks("") for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("python launch.py")]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder with a photo.jpg, to work in."""
    shutil.copy(sorted((ROOT / "assets" / "examples").glob("*.jpg"))[0], tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_block_makes_a_picture(bench):
    (block,) = blocks("python")
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    picture = Image.open(bench / "flat.png")
    assert picture.size == (256, 256)
    colours = picture.convert("RGB").getcolors(256 * 256)
    assert len(colours) > 500, "a garment has more colours than a blank page"
    assert names["guide"].k == 4


@pytest.mark.parametrize("name", ["retrieve", "generate"])
def test_the_commands_on_a_photo_run(name, bench, capsys):
    (line,) = [line for line in commands() if line[:1] == [name]]
    assert main([*line, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["candidates"]) == 4
    assert name == "retrieve" or Path(answer["image"]).is_file()


def test_it_is_short_and_shows_what_matters():
    assert len(README.splitlines()) <= 150
    assert {line[0] for line in commands() if line} >= {"test", "retrieve", "generate", "batch", "bank", "train-all"}
    (block,) = blocks("python")
    assert len(block.splitlines()) <= 6
