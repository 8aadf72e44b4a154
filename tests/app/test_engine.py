"""The engine over a small real model: order, cancelling, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from app.bench import Services
from app.engine import Engine, Job, Progress, Request
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.images import load_photo


@pytest.fixture(scope="module")
def request_of(model: RAGDiffusion, photo_bytes: Callable[..., bytes]) -> Request:
    photo = load_photo(photo_bytes())
    guide = model.retrieve(photo, k=3)
    return Request(photo, guide, seed=5, steps=3, strength=1.0, guidance=1.0, preview=False)


def follow(engine: Engine, request: Request) -> tuple[list[Progress], list[str]]:
    recorded: list[str] = []
    job = Job(request, lambda progress: recorded.append(progress.status))
    engine.submit(job)
    return list(job.progress()), recorded


def test_it_makes_what_the_model_makes(services: Services, model: RAGDiffusion, request_of: Request) -> None:
    news, recorded = follow(services.engine, request_of)
    assert recorded == ["running", "done"] and news[-1].status == "done"
    expected = model.generate(request_of.photo, request_of.guide, seed=5, steps=3, strength=1.0, guidance=1.0)
    np.testing.assert_array_equal(np.asarray(news[-1].result.image), np.asarray(expected.image))


def test_a_running_job_stops_before_its_next_step(services: Services, request_of: Request) -> None:
    """The request of a stop arrives in mid-step: that step ends, no other begins."""
    made: list[int] = []
    job = Job(replace(request_of, steps=50), lambda progress: None)
    publish = job.publish

    def watch(progress: Progress) -> None:
        if progress.status == "running" and progress.step:
            made.append(progress.step)
            if progress.step == 2:
                services.engine.cancel(job)
        publish(progress)

    job.publish = watch
    services.engine.submit(job)
    assert [*job.progress()][-1].status == "cancelled" and made == [1, 2]


def test_jobs_run_in_order_and_a_waiting_one_is_cancelled_at_once(services: Services, request_of: Request) -> None:
    ended: list[str] = []
    gate = threading.Event()

    def job(name: str, hold: bool = False) -> Job:
        def record(progress: Progress) -> None:
            if progress.status == "running" and hold:
                gate.wait(20)
            if progress.status != "running":
                ended.append(f"{name} {progress.status}")

        return Job(request_of, record)

    first, second, third = job("first", hold=True), job("second"), job("third")
    for each in (first, second, third):
        services.engine.submit(each)
    assert next(third.progress()).ahead == 2
    services.engine.cancel(second)
    assert ended == ["second cancelled"] and second.finished
    gate.set()
    assert [*first.progress()][-1].status == [*third.progress()][-1].status == "done"
    assert ended == ["second cancelled", "first done", "third done"]
    services.engine.cancel(first)
    assert ended == ["second cancelled", "first done", "third done"], "a finished job stays finished"


def test_a_failure_is_told_and_the_next_job_runs(services: Services, request_of: Request) -> None:
    news, recorded = follow(services.engine, replace(request_of, strength=7.0))
    assert recorded == ["running", "failed"]
    assert "strength is 7.0, above 0 to 1 wanted" in news[-1].error
    assert follow(services.engine, request_of)[0][-1].status == "done"


def test_a_result_that_cannot_be_recorded_is_not_shown_as_done(
    services: Services, request_of: Request, caplog: pytest.LogCaptureFixture
) -> None:
    def record(progress: Progress) -> None:
        if progress.status == "done":
            raise OSError(28, "No space left on device")

    job = Job(request_of, record)
    services.engine.submit(job)
    last = [*job.progress()][-1]
    assert last.status == "failed" and "No space left" in last.error and last.result is None
    assert "Traceback" in caplog.text, "the unexpected is logged whole"


def test_previews_are_pictures_and_only_on_request(
    services: Services, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine.PREVIEW_SECONDS", 0.0)
    assert not any(news.preview for news in follow(services.engine, request_of)[0])
    pictures = [news.preview for news in follow(services.engine, replace(request_of, preview=True))[0]]
    assert any(picture is not None and picture.size == (256, 256) for picture in pictures)


def test_a_model_that_could_not_be_loaded_is_tried_again(
    make_services: Callable[..., Services], model: RAGDiffusion, request_of: Request
) -> None:
    tries: list[int] = []

    def load() -> RAGDiffusion:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("no weights here: train some")
        return model

    engine = make_services(load).engine
    with pytest.raises(ValueError, match="no weights here: train some"):
        engine.model()
    assert not engine.ready
    engine.start()
    news, _ = follow(engine, request_of)
    assert news[-1].status == "done" and engine.ready and len(tries) == 3


def test_closing_cancels_what_runs_and_refuses_more(services: Services, request_of: Request) -> None:
    job = Job(replace(request_of, steps=50), lambda progress: None)
    services.engine.submit(job)
    services.engine.close()
    assert [*job.progress()][-1].status in ("cancelled", "done")
    with pytest.raises(RuntimeError, match="closing"):
        services.engine.submit(job)
