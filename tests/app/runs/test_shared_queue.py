"""Studios and workers on one PostgreSQL log: killed in mid-work, none of the runs is lost or made twice."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as DatabaseEngine
from sqlalchemy import create_engine, make_url, text

from app.errors import WorkspaceError
from app.files.image_store import ImageStore
from app.runs.engine import Engine
from app.runs.job import Job, Progress
from app.runs.pulse import Pulse
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.team import MAX_STARTS
from ragdiffusion.api import RAGDiffusion

SAMPLING = Sampling(7, 1, 1.0, 1.0)
RUNS, KILLS = map(int, os.environ.get("RAGDIFFUSION_TEAM_TEST", "16,4").split(","))
PROCESSES, LEASE, PATIENCE = 4, 4.0, 600.0 + 4 * RUNS


def services_at(url: str, folder: Path, model: RAGDiffusion) -> Services:
    """What a studio or a worker has that was just started."""
    log = SessionLog(make_url(url), lease_seconds=LEASE)

    def load() -> RAGDiffusion:
        log.team.join(model.checkpoint)
        return model

    return Services(Engine(load), log, ImageStore(folder), folder.parent)


@pytest.fixture
def open_services(postgres_url: str, tmp_path: Path, model: RAGDiffusion) -> Iterator[Callable[[], Services]]:
    opened: list[Services] = []

    def make() -> Services:
        opened.append(services_at(postgres_url, tmp_path, model))
        return opened[-1]

    yield make
    for services in opened:
        services.close()


def started(services: Services, photo: bytes, count: int, owner: str = "ana") -> tuple[list[int], list[Job]]:
    runs = Runs(services.engine, services.log, services.images, services.queue, services.past)
    made = runs.start_batch(owner, [(f"{i}.png", photo) for i in range(count)], SAMPLING, k=2, alpha=0.5)
    return [run.id for run in made.runs], made.jobs


# ---- one process sees what another does


def test_a_page_follows_a_run_that_another_machine_makes(
    open_services: Callable[[], Services], photo_bytes: Callable[..., bytes]
) -> None:
    page, worker = open_services(), open_services()
    worker.engine.model()
    (run_id,), (job,) = started(page, photo_bytes(), 1)
    pulse = Pulse(page.log.team, page.queue)
    assert page.queue._turns.next((), ()) is None, "whoever has not joined gets nothing"
    made = worker.queue.take(threading.Event())
    made.publish(Progress("running", step=1, steps=1))
    Pulse(worker.log.team, worker.queue).beat()
    pulse.watch()
    assert (job.latest.status, job.latest.step, job.latest.steps) == ("running", 1, 1)
    assert [entry.progress.status for entry in page.queue.entries("ana")] == ["running"]
    assert page.queue.follow(run_id, "ana") is job
    worker.engine._run(made)
    pulse.watch()
    assert job.latest.status == "done" and page.queue.follow(run_id, "ana") is None
    assert page.images.read(page.log.get(run_id, owner="ana").result_path)


def test_a_page_stops_what_another_machine_makes(
    open_services: Callable[[], Services], photo_bytes: Callable[..., bytes]
) -> None:
    page, worker = open_services(), open_services()
    worker.engine.model()
    (first, second), jobs = started(page, photo_bytes(), 2)
    made = worker.queue.take(threading.Event())
    assert page.queue.cancel(first, "ana") and page.log.get(first, owner="ana").status == "running"
    Pulse(worker.log.team, worker.queue).beat()
    assert made.cancelled
    worker.engine._run(made)
    Pulse(page.log.team, page.queue).watch()
    assert jobs[0].latest.status == "cancelled" and not page.queue.cancel(first, "ana")
    assert page.queue.cancel_all("ana") == 1 and page.log.get(second, owner="ana").status == "cancelled"


def test_a_machine_that_cannot_keep_a_picture_leaves_the_run_to_others_and_rests(
    open_services: Callable[[], Services], photo_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    full, other = open_services(), open_services()
    full.engine.model()
    other.engine.model()
    (run_id,), _ = started(full, photo_bytes(), 1)
    made = full.queue.take(threading.Event())

    def no_space(store: ImageStore, data: bytes, suffix: str) -> str:
        raise WorkspaceError("a picture cannot be kept here (No space left on device): check free space")

    with monkeypatch.context() as patched:
        patched.setattr(ImageStore, "put", no_space)
        full.engine._run(made)
    assert made.latest.status == "failed" and "No space left on device" in made.latest.error
    assert full.log.get(run_id, owner="ana").status == "queued"
    assert full.queue._turns.next((), ()) is None, "it rests"
    other.engine._run(other.queue.take(threading.Event()))
    assert full.log.get(run_id, owner="ana").status == "done"


def test_a_closed_studio_leaves_what_it_had_to_the_others(
    open_services: Callable[[], Services], photo_bytes: Callable[..., bytes]
) -> None:
    closing, other = open_services(), open_services()
    closing.engine.model()
    (run_id,), (job,) = started(closing, photo_bytes(), 1)
    closing.queue.take(threading.Event())
    closing.close()
    assert other.log.get(run_id, owner="ana").status == "queued"
    other.engine.model()
    other.engine._run(other.queue.take(threading.Event()))
    assert other.log.get(run_id, owner="ana").status == "done"


# ---- killed


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")
def test_kills_lose_nothing_and_make_nothing_twice(
    postgres_url: str, tmp_path: Path, model: RAGDiffusion, photo_bytes: Callable[..., bytes]
) -> None:
    chance = random.Random(0)
    SessionLog(make_url(postgres_url)).close()
    database = create_engine(postgres_url)
    _write_down_ends(database)
    children: set[int] = set()
    try:
        children.update(_work(postgres_url, tmp_path, model, photo_bytes(), studio=i < 2) for i in range(PROCESSES))
        killed, deadline = 0, time.monotonic() + PATIENCE
        while killed < KILLS or _count(database, "runs WHERE status IN ('queued', 'running')") or not _all_in(database):
            assert time.monotonic() < deadline, "the runs come to their end"
            at_work = _at_work(database) & children
            due = killed < KILLS and _count(database, "ends") >= RUNS * killed // (2 * KILLS)
            if due and at_work and _all_in(database):
                victim = chance.choice(sorted(at_work))
                time.sleep(chance.uniform(0, 0.05))
                os.kill(victim, signal.SIGKILL)
                os.waitpid(victim, 0)
                children.remove(victim)
                killed += 1
                children.add(_work(postgres_url, tmp_path, model, b"", studio=False))
            time.sleep(0.02)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    with database.connect() as connection:
        ends = connection.execute(text("SELECT run_id, status, path FROM ends")).all()
        runs = set(connection.scalars(text("SELECT id FROM runs")))
    database.dispose()
    assert len(runs) == RUNS and {run_id for run_id, *_ in ends} == runs, "none is lost"
    assert len(ends) == RUNS, "none is done twice"
    assert {status for _, status, _ in ends} == {"done"}
    for _, _, path in ends:
        ImageStore(tmp_path).read(path)


def _work(url: str, folder: Path, model: RAGDiffusion, photo: bytes, *, studio: bool) -> int:
    """Start a process that makes pictures, and as a studio asks for its share of them first; returns its id."""
    parent, child = os.getpid(), os.fork()
    if child == 0:
        try:
            services = services_at(url, folder, model)
            services.start()
            if studio:
                started(services, photo, RUNS // 2, f"person {os.getpid()}")
            while os.getppid() == parent:  # not for ever, if the tests are killed
                threading.Event().wait(1)
        finally:
            os._exit(1)
    return child


def _write_down_ends(database: DatabaseEngine) -> None:
    """Let the database itself note every run that comes to an end."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE ends (run_id int, status text, path text)"))
        connection.execute(
            text(
                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "INSERT INTO ends VALUES (NEW.id, NEW.status, NEW.result_path); RETURN NEW; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER note AFTER UPDATE OF status ON runs FOR EACH ROW "
                "WHEN (NEW.status NOT IN ('queued', 'running')) EXECUTE FUNCTION note()"
            )
        )


def _count(database: DatabaseEngine, what: str) -> int:
    with database.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def _all_in(database: DatabaseEngine) -> bool:
    return _count(database, "runs") == RUNS


def _at_work(database: DatabaseEngine) -> set[int]:
    """The ids of the processes that have a run which may end one more of them, and goes on."""
    held = text("SELECT worker FROM runs WHERE status = 'running' AND starts < :most")
    with database.connect() as connection:
        names = connection.scalars(held, {"most": MAX_STARTS}).all()
    return {int(name.split(":")[1]) for name in names}
