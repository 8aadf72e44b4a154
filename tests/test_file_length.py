"""A file that can be read in one go: at most 400 lines, or it says at its top why it is long."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_MOST = 400
_REASON = "Long because "


def _unexplained(text: str) -> bool:
    """Whether a file is long, and the first lines of it do not say why."""
    lines = text.splitlines()
    return len(lines) > _MOST and not any(line.lstrip("/* ").startswith(_REASON) for line in lines[:12])


def test_no_file_is_long_without_a_reason():
    files = [
        path
        for room in ("app", "ragdiffusion", "tools")
        for path in (_ROOT / room).rglob("*")
        if path.suffix in (".py", ".js", ".css")
    ]
    assert len(files) > 300
    long = [path.relative_to(_ROOT).as_posix() for path in files if _unexplained(path.read_text(encoding="utf-8"))]
    assert not long, f"split them by sense, or say at the top: '{_REASON}...'"


def test_the_measure_has_teeth():
    line, reason = "x = 1\n", '"""A table.\n\nLong because it is one table.\n"""\n'
    assert not _unexplained(line * 400)
    assert _unexplained(line * 401)
    assert not _unexplained(reason + line * 401)
    assert not _unexplained("/* Long because it draws everything. */\n" + line * 401)
    assert _unexplained(line * 401 + reason)
