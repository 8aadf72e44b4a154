"""Strangers' files, bent at random: each is taken or refused in words, and nothing else ever happens."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import WorkspaceError
from app.files.bundle import pack, unpack
from app.files.embedded import embed, read_settings, settings_of
from app.files.finished import FinishedRuns
from app.files.image_store import ImageStore
from app.landmark_editor.state import EditorState
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.search import RunFilter
from app.session_log.values import FinishedRun, Run, RunInputs

JUNK = (None, True, False, -1, 0, 3, 10**30, 1.5, float("nan"), float("inf"), "", "x", "\ud800", [], [[]], {}, {"a": 1})


def bent(data: bytes, count: int) -> Iterator[bytes]:
    """The same bytes with some changed, cut off, repeated or left out."""
    chance = np.random.default_rng(0)
    for _ in range(count):
        made = bytearray(data)
        for at in chance.integers(0, len(made), 1 + chance.integers(4)):
            made[at] = chance.integers(0, 256)
        start, end = sorted(chance.integers(0, len(made), 2))
        kind = chance.integers(5)
        if kind == 0:
            del made[start:]
        elif kind == 1:
            del made[start : min(end, start + 40)]
        elif kind == 2:
            made[start:start] = made[start : min(end, start + 40)]
        yield bytes(made)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SessionLog]:
    opened = SessionLog(tmp_path / "studio.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def run(log: SessionLog, images: ImageStore) -> Run:
    photo = png(Image.new("RGB", (20, 30), "red"))
    made = log.add(
        RunInputs(
            owner="ana",
            photo_sha256=hashlib.sha256(photo).hexdigest(),
            photo_name="a.png",
            photo_path=images.put(photo, "photo"),
            sampling=Sampling(7, 30, 0.5, 1.5),
            k=1,
            alpha=0.25,
            attributes={"collar": "Polo"},
            checkpoint="c",
            bank_version="b",
            candidates=[{"id": 7, "similarity": 0.9, "weight": 1.0, "iou": 0.5}],
            landmark_path=images.put(png(Image.new("L", (16, 16), 255)), "png"),
        )
    )
    log.finish(made.id, result_path=images.put(png(Image.new("RGB", (16, 16))), "png"), timings_ms={"total": 1.0})
    return log.get(made.id, owner="ana")


def test_bundles(run: Run, log: SessionLog, images: ImageStore) -> None:
    before = run
    for data in bent(pack([run], images), 250):
        count = len(log.latest(1000, owner="ben"))
        try:
            taken = unpack(data, "b.zip", owner="ben", log=log, images=images)
        except ValueError as refused:
            assert str(refused).startswith("b.zip ") and len(str(refused)) < 600
            assert len(log.latest(1000, owner="ben")) == count
            continue
        for each in taken:
            assert all(images.read(name) for name in each.pictures)
    assert log.get(run.id, owner="ana") == before


def test_settings_inside_pictures(run: Run) -> None:
    for data in bent(embed(Image.new("RGB", (16, 16)), settings_of(run)), 250):
        try:
            found = read_settings(data, "flat.png")
        except ValueError as refused:
            assert "flat.png" in str(refused)
            continue
        assert found is None or (1 <= found.k <= 1000 and 0 <= found.alpha <= 1)


def test_notes_of_finished_runs(run: Run, images: ImageStore) -> None:
    notes, path = FinishedRuns(images), images.folder / "finished" / "1.json"
    notes.note(FinishedRun(1, run.created_at, run.result_path, {"total": 1.0}))
    whole = path.read_bytes()
    ((found, picture),) = notes.left()
    assert (found.run, found.result_path) == (1, run.result_path) and picture == images.read(run.result_path)
    for data in bent(whole, 150):
        path.write_bytes(data)
        for _, picture in notes.left():
            assert picture == images.read(run.result_path)


def test_logs(run: Run, log: SessionLog, tmp_path: Path) -> None:
    """A damaged log is refused, or read; what cannot be read of it is said."""
    path = tmp_path / "copy.sqlite3"
    with sqlite3.connect(tmp_path / "studio.sqlite3") as source, sqlite3.connect(path) as target:
        source.backup(target)
    whole = path.read_bytes()
    for data in bent(whole, 25):
        for old in tmp_path.glob("copy.sqlite3*"):
            old.unlink()
        path.write_bytes(data)
        try:
            opened = SessionLog(path)
        except (ValueError, WorkspaceError):
            continue
        try:
            opened.latest(9, owner="ana")
            opened.search.find(RunFilter(text="polo"), owner="ana", count=9)
        except (ValueError, WorkspaceError):
            pass
        finally:
            opened.close()


def test_what_a_page_sends_of_its_canvas() -> None:
    good = {"token": 1, "serial": 2, "k": 4, "alpha": 0.5, "choice": None, "mask": None}
    for key in (*good, "source", "other"):
        for junk in JUNK:
            try:
                EditorState.read({**good, key: junk}, 64)
            except ValueError as refused:
                assert str(refused)
    for junk in JUNK:
        try:
            EditorState.read(junk, 64)
        except ValueError as refused:
            assert str(refused)


def test_what_a_page_asks_of_its_history() -> None:
    for key in ("text", "status", "mark", "category", "collection", "since", "until", "bin"):
        for junk in JUNK:
            try:
                RunFilter.read({key: junk})
            except ValueError as refused:
                assert str(refused)
