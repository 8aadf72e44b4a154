"""What the command line asks for, and what is refused before anything starts."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from app.__main__ import main, read_options
from app.options import StudioOptions, parse_login


def test_the_defaults_are_local_and_private() -> None:
    settings = read_options([])
    assert (settings.host, settings.port, settings.logins) == ("127.0.0.1", None, ())
    assert settings.open_browser and settings.preset == "studio"
    assert settings.database.parent == settings.workspace == settings.images.parent


def test_every_option_arrives(tmp_path: Path) -> None:
    words = "--port 0 --no-browser --listen --auth ana:a:b --auth ben:c --preset sdxl --checkpoint c --bank b"
    words += " --device cpu --reader http://127.0.0.1:8000#qwen"
    settings = read_options([*words.split(), "--workspace", str(tmp_path / "x" / "..")])
    assert settings == StudioOptions(
        workspace=tmp_path,
        host="0.0.0.0",
        port=0,
        logins=(("ana", "a:b"), ("ben", "c")),
        open_browser=False,
        preset="sdxl",
        checkpoint="c",
        bank="b",
        device="cpu",
        reader="http://127.0.0.1:8000#qwen",
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--listen", "lets others on the network in: add --auth USER:PASSWORD"),
        ("--listen --auth ana", "needs a colon between user and password"),
        ("--auth :secret", "lacks its user or its password"),
        ("--auth ana:a --auth ana:b", "two logins have the same user"),
        ("--reader oracle", "there is no reader 'oracle': write heads, qwen:FOLDER_OR_HUB_ID"),
        ("--log sqlite:///x", "--log is the address of a PostgreSQL database"),
        ("--log postgresql://h/d", "--log needs --pictures: a folder or bucket"),
        ("--overseer eva", "--overseer eva has no login"),
        ("--port 70000", "port 70000 does not exist: choose one from 1 to 65535"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    words: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([*words.split(), "--workspace", str(tmp_path / "w")]) == 2
    message = capsys.readouterr().err
    assert expected in message and message.startswith("studio: ") and message.count("\n") == 1
    assert not (tmp_path / "w").exists()


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ValueError) as caught:
        parse_login("hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_taken_port_is_named_and_the_studio_closes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        options = ["--port", port, "--no-browser", "--workspace", str(tmp_path)]
        assert main(options) == 2
        assert f"studio: port {port} is taken: choose another with --port" in capsys.readouterr().err
        assert main(options) == 2, "the workspace was let go of"


def test_mcp_wants_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_options([]).mcp
    monkeypatch.setitem(sys.modules, "mcp", None)  # as where it is not installed
    with pytest.raises(ValueError, match=r'--mcp needs the package mcp.*pip install "gradio\[mcp\]==6'):
        read_options(["--mcp"])
