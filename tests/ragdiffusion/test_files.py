"""Files whole or not at all, on the disk before they are reported, and the rest swept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ragdiffusion import files


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is synced and renamed, in order; names only."""
    done: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.replace

    def spied(handle: int) -> None:
        done.append(("sync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        fsync(handle)

    def renamed(source: Path, path: Path) -> None:
        done.append(("rename", Path(path).name))
        rename(source, path)

    monkeypatch.setattr(files.os, "fsync", spied)
    monkeypatch.setattr(files.os, "replace", renamed)
    return done


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="handles are named in /proc only")


@needs_proc
def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_report(tmp_path: Path, steps: list) -> None:
    path = tmp_path / "made" / "a.bin"
    files.write_whole(path, b"content")
    partial = files.partial_of(path).name
    assert steps == [("sync", partial), ("rename", "a.bin"), ("sync", "made")]
    assert path.read_bytes() == b"content" and os.listdir(path.parent) == ["a.bin"]


@needs_proc
def test_a_folder_is_synced_with_all_that_is_in_it(tmp_path: Path, steps: list) -> None:
    with files.whole(tmp_path / "set") as partial:
        (partial / "in").mkdir(parents=True)
        (partial / "in" / "b").write_text("b")
    synced = [name for kind, name in steps[: steps.index(("rename", "set"))] if kind == "sync"]
    assert {"in", "b", partial.name} == set(synced) and steps[-1] == ("sync", tmp_path.name)


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"é": [1]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"é": [1]}
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    with pytest.raises(RuntimeError), files.whole(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text(encoding="utf-8")) == {"é": [1]} and os.listdir(tmp_path) == ["a.json"]


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    script = (
        f"import os, sys; sys.path.insert(0, {str(Path(files.__file__).parents[1])!r})\n"
        "from pathlib import Path; from ragdiffusion.files import partial_of\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "partial_of(folder / 'a.png').write_text('half'); build = partial_of(folder / 'bank.sqlite3')\n"
        "build.mkdir(); (build / 'working.sqlite3').write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    own = files.partial_of(tmp_path / "c")
    own.write_text("being written")
    for name in (".hidden.partial", "a.1.partial", "kept.png"):
        (tmp_path / name).write_text("somebody's")
    assert len(list(tmp_path.glob(".*.partial"))) == 4
    swept = files.sweep(tmp_path)
    assert sorted(path.name.split(".")[1] for path in swept) == ["a", "bank"]
    assert sorted(os.listdir(tmp_path)) == sorted([".hidden.partial", "a.1.partial", "kept.png", own.name])
    assert files.sweep(tmp_path / "none") == []
