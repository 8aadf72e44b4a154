"""`launch.py worker`: it makes the runs of a shared log, and says in one line why it cannot."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app import opening, worker
from app.files.image_store import ImageStore
from app.options import StudioOptions
from app.runs.engine import Engine
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.team import Team
from ragdiffusion.api import RAGDiffusion


@pytest.fixture
def shared(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: RAGDiffusion) -> list[str]:
    """The words that a worker is started with; its model is the small one."""
    monkeypatch.setattr(opening, "load_model", lambda settings: model)
    return ["--log", postgres_url, "--pictures", str(tmp_path / "pictures")]


@pytest.fixture
def log(postgres_url: str) -> Iterator[SessionLog]:
    opened = SessionLog(make_url(postgres_url))
    yield opened
    opened.close()


def line(words: list[str], capsys: pytest.CaptureFixture) -> str:
    """The one line in which a worker says why it does not start."""
    assert worker.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("worker: ") and error.count("\n") == 1 and "Traceback" not in error
    return error


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to be caught")
def test_a_worker_makes_what_a_studio_is_asked_for_until_it_is_stopped(
    shared: list[str], log: SessionLog, tmp_path: Path, photo_bytes: Callable[..., bytes], model: RAGDiffusion
) -> None:
    page = Services(Engine(lambda: model), log, ImageStore(tmp_path / "pictures", shared=True), tmp_path)
    runs = Runs(page.engine, log, page.images, page.queue, page.past)
    (run,) = runs.start_batch("ana", [("a.png", photo_bytes())], Sampling(7, 1, 1.0, 1.0), k=2, alpha=0.5).runs

    def stop_when_done() -> None:
        while log.get(run.id, owner="ana").status in ("queued", "running"):
            waited.wait(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    waited, before = threading.Event(), signal.getsignal(signal.SIGTERM)
    watcher = threading.Thread(target=stop_when_done)
    watcher.start()
    try:
        assert worker.main(shared) == 0
    finally:
        watcher.join()
        signal.signal(signal.SIGTERM, before)
    found = log.get(run.id, owner="ana")
    assert found.status == "done" and page.images.read(found.result_path)
    log.team.join("another, now that nobody works")


_ELSEWHERE = """
import base64, hashlib, json, sys
from pathlib import Path

from app.files.bucket import BucketStore
from app.opening import open_services
from app.options import StudioOptions
from app.pages.history.handlers import HistoryHandlers
from app.pages.shared.context import PageContext
from app.runs.bench import Bench

log, pictures, workspace, run = sys.argv[1:]
services = open_services(StudioOptions(log=log, pictures=pictures, workspace=Path(workspace)))
assert isinstance(services.images, BucketStore)
given = PageContext(services)
page = HistoryHandlers(
    given.log, given.images, given.runs, given.files, given.run_presenter, given.bench_presenter, given.status
)
bench = Bench(services.engine, "ana")
(card,) = page.search(bench, {})["history_page"]["cards"]
shown = page.inspect(bench, {"run": card["run"]})["history_detail"]
data = base64.b64decode(shown["image"].partition(",")[2])
print(json.dumps([card["run"], hashlib.sha256(data).hexdigest(), bool(shown["photo"])]))
services.close()
"""


def test_another_processs_history_shows_the_pictures_that_lie_at_an_address(
    shared: list[str], tmp_path: Path, photo_bytes: Callable[..., bytes]
) -> None:
    """An address that fsspec serves, and two processes: what one wrote the other reads back."""
    address = f"dir::file://{tmp_path / 'bucket'}"
    options = StudioOptions(log=shared[1], pictures=address, workspace=tmp_path / "here")
    page = opening.open_services(options)
    page.engine.model()
    runs = Runs(page.engine, page.log, page.images, page.queue, page.past)
    (run,) = runs.start_batch("ana", [("a.png", photo_bytes())], Sampling(7, 1, 1.0, 1.0), k=2, alpha=0.5).runs
    page.engine._run(page.queue.take(threading.Event()))
    made = page.images.read(page.log.get(run.id, owner="ana").result_path)
    page.close()
    words = [shared[1], address, str(tmp_path / "there"), str(run.id)]
    told = subprocess.run([sys.executable, "-c", _ELSEWHERE, *words], capture_output=True, text=True, timeout=600)
    assert told.returncode == 0, told.stderr[-2000:]
    assert json.loads(told.stdout.splitlines()[-1]) == [run.id, hashlib.sha256(made).hexdigest(), True]


def test_a_worker_with_another_checkpoint_is_refused(
    shared: list[str], log: SessionLog, capsys: pytest.CaptureFixture
) -> None:
    log.team.join("c0ffee")
    error = line(shared, capsys)
    assert f"and {socket.gethostname()} works on this log with c0ffee: start both with the same --checkpoint" in error


def test_clocks_that_differ_are_one_line_and_no_more(
    shared: list[str], log: SessionLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = StudioOptions(**vars(worker.read_options(shared)))
    for seconds, said in ((-240.0, ["4.0 minutes behind the database's"]), (20.0, [])):
        monkeypatch.setattr(Team, "clock_difference", lambda team, seconds=seconds: seconds)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            opening.open_services(settings).close()
        assert [words for record in caplog.records for words in said if words in record.message] == said
        assert len(caplog.records) == len(said)


def test_pictures_that_cannot_be_kept_are_said_before_the_model_is_loaded(
    shared: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "pictures").write_text("a file, no folder")
    assert "a picture cannot be kept in" in line(shared, capsys)
    assert "cannot be kept in nobody://key" in line([*shared[:2], "--pictures", "nobody://key/x"], capsys)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--log sqlite:///x --pictures p", "--log is the address of a PostgreSQL database: postgresql+psycopg://"),
        ("--log postgresql+psycopg://ana:secret@127.0.0.1:1/x --pictures p", "cannot be used (connection failed"),
        ("--log postgresql+psycopg://host:port/x --pictures p", "--log cannot be read as an address"),
    ],
)
def test_a_log_that_cannot_be_is_one_line(words: str, expected: str, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed: requirements-postgres.txt")
    error = line(words.split(), capsys)
    assert expected in error and "secret" not in error
