"""Received files: shared by their readers, swept by age and size, never from under whoever they were sent for."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from app.files.uploads import KEPT_SECONDS, SAFE_SECONDS, FolderFullError, Uploads, hand_out, read_upload


class Clock:
    def __init__(self, path: Path) -> None:
        path.write_bytes(b"")
        self.now = path.stat().st_ctime  # as the disk counts
        path.unlink()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "now")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    made.mkdir()
    return made


def received(folder: Path, name: str, size: int) -> Path:
    path = folder / name / "photo.png"
    path.parent.mkdir()
    path.write_bytes(b"x" * size)
    return path


def test_a_file_has_as_many_readers_as_want_it(folder: Path) -> None:
    path = received(folder, "ab", 10)
    found: list[tuple[bytes, str]] = []
    readers = [threading.Thread(target=lambda: found.append(read_upload(path))) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [(b"x" * 10, "photo.png")] * 20 and path.exists()
    path.unlink()
    with pytest.raises(ValueError, match="photo.png was received too long ago: send it again"):
        read_upload(path)


def test_old_files_go_and_used_ones_stay(folder: Path, clock: Clock) -> None:
    uploads = Uploads(folder, 1000, clock)
    old, used = received(folder, "ab", 10), received(folder, "cd", 10)
    uploads.sweep()
    assert old.exists() and used.exists()
    clock.now += KEPT_SECONDS + 60
    os.utime(used, (clock.now, clock.now))
    uploads.sweep()
    assert not old.exists() and not old.parent.exists() and used.exists() and folder.exists()


def test_room_is_made_by_what_is_oldest_and_no_longer_waited_for(folder: Path, clock: Clock) -> None:
    uploads = Uploads(folder, 1000, clock)
    files = [received(folder, name, 300) for name in ("a", "b", "c")]
    for index, path in enumerate(files):
        os.utime(path, (clock.now + index, clock.now + index))
    with pytest.raises(FolderFullError, match="no room for another .* wait a minute"), uploads.receiving(200):
        pass
    assert all(path.exists() for path in files), "what was just received may still be read"
    clock.now += SAFE_SECONDS + 10
    with uploads.receiving(500):
        assert [path.exists() for path in files] == [False, False, True], "the oldest first"
        with pytest.raises(FolderFullError), uploads.receiving(501):
            pass
    with uploads.receiving(300):
        pass
    with pytest.raises(FolderFullError), uploads.receiving(1001):
        pass


def test_what_has_arrived_is_counted_once(folder: Path, clock: Clock) -> None:
    uploads = Uploads(folder, 1000, clock)
    with uploads.receiving(600) as receipt:
        (folder / "tmp1").write_bytes(b"x" * 500)
        receipt.arrived(500)
        with uploads.receiving(300):
            pass
        with pytest.raises(FolderFullError, match="more was sent than was said"):
            receipt.arrived(101)


def test_a_folder_is_not_taken_away_from_an_upload(folder: Path, clock: Clock) -> None:
    uploads = Uploads(folder, 1000, clock)
    with uploads.receiving(10):
        (folder / "ab").mkdir()
        clock.now += KEPT_SECONDS
        uploads.sweep()
        assert (folder / "ab").exists(), "its first file may be on its way"
    uploads.sweep()
    assert not (folder / "ab").exists()
    Uploads(folder / "missing").sweep()


def test_files_are_handed_out_before_any_was_received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "not" / "yet"))
    first, second = hand_out([("a.png", b"a")]) + hand_out([("a.png", b"b")])
    assert (Path(first).read_bytes(), Path(second).read_bytes()) == (b"a", b"b")
