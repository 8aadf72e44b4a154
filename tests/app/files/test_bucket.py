"""Pictures of a team: in a bucket that fsspec knows, or in a folder that several machines share."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from app.errors import WorkspaceError
from app.files.bucket import BucketStore, open_images
from app.files.image_store import ImageStore


@pytest.fixture
def store() -> BucketStore:
    return BucketStore(f"memory://team-{uuid.uuid4().hex}/pictures/")


def test_a_bucket_keeps_what_a_folder_keeps_under_the_same_names(store: BucketStore, tmp_path: Path) -> None:
    folder = ImageStore(tmp_path)
    for data, suffix in ((b"one", "png"), (b"two", "photo"), (b"one", "png")):
        assert store.put(data, suffix) == folder.put(data, suffix) == store.name(data, suffix)
    assert store.read(store.name(b"two", "photo")) == b"two" and store.has(store.name(b"two", "photo"))
    assert not store.has(store.name(b"three", "png"))
    store.check()


def test_what_was_cut_off_is_written_again(store: BucketStore) -> None:
    name = store.put(b"a whole picture", "png")
    store._system.pipe_file(store._path(name), b"a who")
    assert store.put(b"a whole picture", "png") == name and store.read(name) == b"a whole picture"


def test_nothing_is_removed_that_another_machine_may_count_on(store: BucketStore, tmp_path: Path) -> None:
    for shared in (store, open_images(str(tmp_path)), open_images(f"file://{tmp_path}")):
        name = shared.put(b"one", "png")
        shared.remove(name)
        assert shared.read(name) == b"one"


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab/short.png", ""])
def test_only_names_that_were_given_are_read(store: BucketStore, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a stored picture"):
        store.read(name)


def test_a_bucket_without_rights_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied:\n no rights")

    store = BucketStore("memory://key:secret@team/pictures")
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    with pytest.raises(WorkspaceError) as raised:
        store.put(b"one", "png")
    message = str(raised.value)
    assert "kept in memory://***@team/pictures (Access Denied: no rights): check the address and your rights" in message
    assert "secret" not in message and "\n" not in message
    with pytest.raises(ValueError, match="cannot be read from"):
        store.read(store.name(b"none", "png"))
