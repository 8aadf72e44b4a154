"""What the command line asks for, and what is refused before anything starts."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from app.__main__ import main, read_options
from app.options import StudioOptions, read_logins


def test_the_defaults_are_local_and_private() -> None:
    settings = read_options([])
    assert (settings.host, settings.port, settings.logins) == ("127.0.0.1", None, ())
    assert settings.open_browser and settings.preset == "studio"
    assert settings.database.parent == settings.workspace == settings.images.parent


@pytest.fixture
def logins(tmp_path: Path) -> Path:
    """A file of logins that only its owner can read."""
    path = tmp_path / "my logins"
    path.write_text("# who may come in\nana:a:b\n\nben:c\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_every_option_arrives(tmp_path: Path, logins: Path) -> None:
    words = "--port 0 --no-browser --listen --host Studio.example.org --preset sdxl --checkpoint c --bank b"
    words += " --device cpu --reader http://127.0.0.1:8000#qwen"
    settings = read_options([*words.split(), "--auth", str(logins), "--workspace", str(tmp_path / "x" / "..")])
    assert settings.names[0] == "Studio.example.org" and socket.gethostname() in settings.names
    assert settings == StudioOptions(
        workspace=tmp_path,
        host="0.0.0.0",
        names=settings.names,
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
        ("--listen", "lets others on the network in: name a file of lines USER:PASSWORD by --auth FILE"),
        ("--listen --auth ana:secret", "a password on the command line can be read by everyone on this machine"),
        ("--auth nowhere", "the logins cannot be read from nowhere (No such file or directory)"),
        ("--host studio.example.org:80", "is no name of a host: write --host studio.example.org"),
        ("--host http://x", "is no name of a host"),
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


def test_logins_of_the_environment_count_where_no_file_is_named(logins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGDIFFUSION_LOGINS", "cleo:d\ndora:e f")
    assert read_logins(None) == (("cleo", "d"), ("dora", "e f"))
    assert read_logins(str(logins)) == (("ana", "a:b"), ("ben", "c"))
    monkeypatch.delenv("RAGDIFFUSION_LOGINS")
    assert read_logins(None) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"hunter2", "needs a colon between user and password"),
        (b":hunter2", "lacks its user or its password"),
        (b"ana:", "lacks its user or its password"),
        (b"ana:hunter2\nana:hunter3", "two logins have the same user"),
        (b"# ana:hunter2\n", "there is no login in"),
        (b"ana:hunter2\xff", "it is no text in UTF-8"),
    ],
)
def test_a_file_of_logins_that_cannot_be_used_is_said_without_its_passwords(
    text: bytes, expected: str, logins: Path
) -> None:
    logins.write_bytes(text)
    with pytest.raises(ValueError, match=expected) as caught:
        StudioOptions(logins=read_logins(str(logins)))
    assert "hunter" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
def test_a_file_of_logins_that_others_can_read_is_refused(logins: Path) -> None:
    logins.chmod(0o640)
    with pytest.raises(ValueError, match=r"others on this machine can read the passwords in .*: run `chmod 600"):
        read_logins(str(logins))


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
