"""One studio per workspace; a killed one leaves it free."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.files.workspace import claimed
from app.session_log.log import SessionLog

_ROOT = Path(__file__).resolve().parents[3]
_HOLD = """
import sys
from pathlib import Path
from app.files.workspace import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()  # until it is killed
"""


def test_a_second_studio_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "workspace"
    call = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(call, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="another studio has the workspace .* open"), claimed(folder):
            pass
        first.kill()
    with claimed(folder):
        pass


def test_a_workspace_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written to .* choose another --workspace"):
        with claimed(tmp_path / "file" / "workspace"):
            pass


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
@pytest.mark.parametrize("before", [None, 0o777], ids=["made anew", "open to all before"])
def test_a_workspace_and_its_database_are_its_owners_alone(tmp_path: Path, before: int | None) -> None:
    folder, mask = tmp_path / "workspace", os.umask(0)
    try:
        if before is not None:
            folder.mkdir(mode=before)
            (folder / "studio.sqlite3").touch(mode=0o666)
        with claimed(folder):
            log = SessionLog(folder / "studio.sqlite3")
            (folder / "images").mkdir()
            (folder / "images" / "picture").touch()
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
            log.close()
        assert os.umask(0) == 0, "the process is as it was"
    finally:
        os.umask(mask)
    assert modes.pop("workspace") == modes.pop("images") == 0o700
    assert modes.pop("studio.lock") is not None  # there is nothing in it
    assert {"studio.sqlite3", "studio.sqlite3-wal", "picture"} <= set(modes)
    assert set(modes.values()) == {0o600}
