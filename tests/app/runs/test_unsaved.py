"""A finished run that cannot be written: kept in memory, tried again, told to page and program, never lost."""

from __future__ import annotations

import io
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.api.handlers import ApiHandlers
from app.errors import RunGoneError, WorkspaceError
from app.files.image_store import ImageStore
from app.pages.design.run_handlers import RunHandlers
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.runs import Runs, Started
from app.runs.services import Services
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from ragdiffusion.api import RAGDiffusion

SAMPLING = Sampling(seed=3, steps=1, strength=1.0, guidance=1.0)
Place = Callable[..., Bench]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock or between two tries for as long as in earnest."""
    monkeypatch.setattr("app.runs.unsaved.FIRST_WAIT", 0.02)
    monkeypatch.setattr("app.session_log.database.BUSY_TIMEOUT_MS", 20)


@contextmanager
def disk_full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        yield


@contextmanager
def locked(services: Services) -> Iterator[None]:
    """Another program holds the log."""
    with closing(sqlite3.connect(services.log.path, isolation_level=None, timeout=30)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def wait_for(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < patience
        time.sleep(0.01)


def begun(services: Services, runs: Runs, bench: Bench, place: Place, *, seeds: int = 2) -> Started:
    """Runs that wait for `resume`."""
    place(bench)
    services.queue.pause("ana")
    return runs.start(bench, SAMPLING, seeds=seeds)


def stored(services: Services, run_id: int) -> np.ndarray:
    run = services.log.get(run_id, owner="ana")
    return np.asarray(Image.open(io.BytesIO(services.images.read(run.result_path))))


def test_a_full_disk_loses_no_picture(
    bench: Bench,
    runs: Runs,
    services: Services,
    run_handlers: RunHandlers,
    context: PageContext,
    placed: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = begun(services, runs, bench, placed)
    number, api = started.runs[0].id, ApiHandlers(services)
    with disk_full(monkeypatch):
        services.queue.resume("ana")
        last = [*started.jobs[0].progress()][-1]
        assert last.status == "done" and "No space left on device): check free space" in last.unsaved
        assert services.queue.paused("ana") and not services.queue.paused("ben"), "the others are not burnt"
        ((told,), pictures) = api.runs("ana", [number])
        assert told["status"] == "done" and "No space left" in told["unsaved"] and told["timings_ms"]["total"] > 0
        picture = Image.open(io.BytesIO(pictures[0][1]))
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(last.result.image))
        views = next(run_handlers.follow(bench))
        while "status" not in views:
            views = next(run_handlers.follow(bench))
        assert f"Run {number} is done, but not saved yet" in views["status"]["message"]
        assert views["result"]["image"] and views["result"]["saved"] and views["history"]["going"]
        assert context.status.view("")["warning"] and "leave the studio running" in context.status.view("")["message"]
        look = run_handlers.look(bench, {"run": number})
        assert look["result"]["note"].startswith("not saved yet") and look["result"]["image"]
        with pytest.raises(ValueError, match="no run"):
            api.runs("ben", [number])
    wait_for(lambda: not services.queue.all_unsaved())
    np.testing.assert_array_equal(stored(services, number), np.asarray(last.result.image))
    assert [*started.jobs[1].progress()][-1].status == "done", "the queue goes on by itself"
    ((told,), _) = api.runs("ana", [number])
    assert (told["status"], told["unsaved"]) == ("done", None)
    assert not context.status.view("")["warning"]
    assert run_handlers.refresh(bench, None)["status"]["message"] == f"Run {number} is saved"
    assert "status" not in run_handlers.refresh(bench, None), "said once"


def test_a_log_that_is_locked_for_long_stops_nothing_that_runs(
    bench: Bench, runs: Runs, services: Services, placed: Place
) -> None:
    started = begun(services, runs, bench, placed, seeds=1)
    number = started.runs[0].id
    with locked(services):
        services.queue.resume("ana")
        last = [*started.jobs[0].progress()][-1]
        assert last.status == "done" and "database is locked" in last.unsaved
        assert services.queue.unsaved(number, "ana") is not None and services.queue.unsaved(number, "ben") is None
    wait_for(lambda: not services.queue.all_unsaved())
    np.testing.assert_array_equal(stored(services, number), np.asarray(last.result.image))
    assert services.queue.follow(number, "ana") is None


def test_a_run_that_failed_while_the_log_was_locked_is_not_said_to_run_for_ever(
    bench: Bench, runs: Runs, services: Services, placed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun(services, runs, bench, placed, seeds=1)
    monkeypatch.setattr(services.engine.model(), "generate", lambda *_, **__: 1 / 0)
    with locked(services):
        services.queue.resume("ana")
        assert [*started.jobs[0].progress()][-1].status == "failed"
    wait_for(lambda: services.log.get(started.runs[0].id, owner="ana").status == "failed")
    assert "division by zero" in services.log.get(started.runs[0].id, owner="ana").error


def test_closing_tries_once_more(
    bench: Bench, runs: Runs, services: Services, placed: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.runs.unsaved.FIRST_WAIT", 60)
    started = begun(services, runs, bench, placed, seeds=1)
    with disk_full(monkeypatch):
        services.queue.resume("ana")
        [*started.jobs[0].progress()]
    services.close()
    log = SessionLog(tmp_path / "studio.sqlite3")
    assert log.get(started.runs[0].id, owner="ana").status == "done"
    log.close()


def test_what_is_not_in_the_log_any_more_is_let_go_of(
    bench: Bench, runs: Runs, services: Services, placed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun(services, runs, bench, placed, seeds=1)

    def gone(*_: object, **__: object) -> None:
        raise RunGoneError("there is no run 1 in the log any more")

    with monkeypatch.context() as patch:
        patch.setattr(services.log, "finish", gone)
        services.queue.resume("ana")
        [*started.jobs[0].progress()]
        wait_for(lambda: not services.queue.all_unsaved())
    assert not services.queue.paused("ana")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("at", ["put", "finish", "forget"])
def test_a_studio_killed_between_picture_and_log_finds_both(
    at: str, model: RAGDiffusion, placed: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def services() -> Services:
        log = SessionLog(tmp_path / "studio.sqlite3")
        return Services(Engine(lambda: model), log, ImageStore(tmp_path / "images"), tmp_path)

    child = os.fork()
    if child == 0:
        try:
            made = services()
            owner = {"put": made.images, "finish": made.log, "forget": made.queue._finished}[at]
            bench = placed(Bench(made.engine, "ana"))
            runs = PageContext(made).runs
            made.queue.pause("ana")
            started = runs.start(bench, SAMPLING)
            monkeypatch.setattr(type(owner), at, lambda *_, **__: os._exit(7))
            made.start()
            made.queue.resume("ana")
            [*started.jobs[0].progress()]
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    again = services()
    (run,) = again.log.latest(9, owner="ana")
    if at == "put":  # there was no picture yet
        assert run.status == "interrupted" and run.result_path is None
    else:
        assert run.status == "done" and run.error is None and run.timings_ms["total"] > 0
        assert Image.open(io.BytesIO(again.images.read(run.result_path))).size == (400, 400)
        assert again.log.search.thumbnails([run.id], owner="ana")
    assert not [*(tmp_path / "images" / "finished").glob("*.json")], "nothing is taken up twice"
    again.close()


def test_a_note_of_another_log_or_a_broken_one_is_not_believed(
    bench: Bench, runs: Runs, services: Services, placed: Place, model: RAGDiffusion, tmp_path: Path
) -> None:
    started = begun(services, runs, bench, placed, seeds=1)
    run = started.runs[0]
    services.close()
    folder = tmp_path / "images" / "finished"
    folder.mkdir(exist_ok=True)
    picture = ImageStore(tmp_path / "images").put(b"no picture", "png")
    entry = '{"schema_version": 1, "run": %d, "created_at": "%s", "result_path": "%s", "timings_ms": {}}'
    (folder / f"{run.id}.json").write_text(entry % (run.id, "2020-01-01T00:00:00+00:00", picture))
    (folder / "2.json").write_text("[" * 100_000)
    (folder / "3.json").write_text(entry % (3, "soon", picture))
    (folder / "4.json").write_text(entry % (4, run.created_at.isoformat(), "../../studio.sqlite3"))
    (folder / "9.json").write_text('{"schema_version": 9}')
    log = SessionLog(tmp_path / "studio.sqlite3")
    again = Services(Engine(lambda: model), log, ImageStore(tmp_path / "images"), tmp_path)
    assert log.get(run.id, owner="ana").status == "queued"
    assert {path.name for path in folder.iterdir()} <= {f"{run.id}.json", "9.json"}
    again.close()


def test_the_error_of_a_locked_log_has_its_remedy(services: Services) -> None:
    with locked(services), pytest.raises(WorkspaceError, match="no other program holds it"):
        services.log.fail(1, "")
