"""One studio per workspace; a killed one leaves it free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.files.workspace import claimed

_ROOT = Path(__file__).resolve().parents[3]
_HOLD = """
import sys, time
from pathlib import Path
from app.files.workspace import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_studio_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "workspace"
    call = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(call, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as first:
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
