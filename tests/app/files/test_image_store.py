"""Pictures by content hash: whole or not at all, and only inside their folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from app.errors import WorkspaceError
from app.files.image_store import ImageStore


def test_the_same_bytes_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    name = store.put(b"picture", "png")
    digest = hashlib.sha256(b"picture").hexdigest()
    assert name == f"{digest[:2]}/{digest}.png" == store.put(b"picture", "png")
    assert store.read(name) == b"picture"
    assert [path.name for path in store.folder.rglob("*.*")] == [f"{digest}.png"]


def test_a_write_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = ImageStore(tmp_path)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WorkspaceError, match="cannot be kept .*No space left on device.*: check free space"):
        store.put(b"picture", "png")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "ab/../../x.png", "", "ab/" + "0" * 64 + ".p/g"])
def test_only_its_own_names_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a stored picture"):
        ImageStore(tmp_path).read(name)


def test_a_lost_picture_is_named(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    name = store.put(b"picture", "png")
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match="cannot be read .* was it moved out of"):
        store.read(name)
