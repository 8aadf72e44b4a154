"""The engine over a small real model: order, cancelling, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.runs.bench import Services
from app.runs.engine import Engine, Job, Progress, Request
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.images import load_photo


@pytest.fixture(scope="module")
def request_of(model: RAGDiffusion, photo_bytes: Callable[..., bytes]) -> Request:
    photo = load_photo(photo_bytes())
    guide = model.retrieve(photo, k=3)
    return Request(photo, guide, seed=5, steps=3, strength=1.0, guidance=1.0)


def job_of(request: Request, record: Callable[[Progress], None], *, preview: bool = False) -> Job:
    return Job(lambda model: request, record, preview)


def follow(engine: Engine, request: Request, *, preview: bool = False) -> tuple[list[Progress], list[str]]:
    recorded: list[str] = []
    job = job_of(request, lambda progress: recorded.append(progress.status), preview=preview)
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
    job = job_of(replace(request_of, steps=50), lambda progress: None)
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

        return job_of(request_of, record)

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

    job = job_of(request_of, record)
    services.engine.submit(job)
    last = [*job.progress()][-1]
    assert last.status == "failed" and "No space left" in last.error and last.result is None
    assert "Traceback" in caplog.text, "the unexpected is logged whole"


def test_previews_are_pictures_and_only_on_request(
    services: Services, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.engine.PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr("app.runs.engine.PROGRESS_SECONDS", 0.0)  # the tiny model is done within the real one
    assert not any(news.preview for news in follow(services.engine, request_of)[0])
    pictures = [news.preview for news in follow(services.engine, request_of, preview=True)[0]]
    assert any(picture is not None and picture.size == (256, 256) for picture in pictures)


def test_several_pages_follow_one_job_and_a_late_one_gets_its_end(services: Services, request_of: Request) -> None:
    job = job_of(request_of, lambda progress: None)
    services.engine.submit(job)
    ends: list[str] = []
    followers = [threading.Thread(target=lambda: ends.append([*job.progress()][-1].status)) for _ in range(3)]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join(20)
    assert ends == ["done"] * 3 and [news.status for news in job.progress()] == ["done"]


def test_a_preview_is_told_once_and_kept_while_steps_go_on(request_of: Request) -> None:
    job = job_of(request_of, lambda progress: None)
    news, picture = job.progress(), Image.new("RGB", (4, 4))
    job.publish(Progress("running", step=1, preview=picture))
    job.publish(Progress("running", step=2))
    first = next(news)
    assert (first.step, first.preview) == (2, picture), "a step without a picture does not hide the last one"
    job.publish(Progress("running", step=3))
    assert next(news).preview is None and job.latest.preview is picture


def test_what_cannot_be_prepared_fails_in_its_turn(services: Services, request_of: Request) -> None:
    def prepare(model: RAGDiffusion) -> Request:
        raise ValueError("the photo is gone")

    recorded: list[str] = []
    job = Job(prepare, lambda progress: recorded.append(progress.status))
    services.engine.submit(job)
    assert [*job.progress()][-1].error == "the photo is gone" and recorded == ["running", "failed"]
    assert follow(services.engine, request_of)[0][-1].status == "done"


def test_a_colour_match_changes_the_picture_and_measures_both(services: Services, request_of: Request) -> None:
    plain = follow(services.engine, request_of)[0][-1]
    matched = follow(services.engine, replace(request_of, colour_match=True))[0][-1]
    assert plain.colour is None and matched.status == "done"
    if matched.colour is None:  # the untrained model may find no garment at all: then the picture is left alone
        np.testing.assert_array_equal(np.asarray(matched.result.image), np.asarray(plain.result.image))
    else:
        assert matched.colour["after"] < max(1.0, matched.colour["before"])


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
    job = job_of(replace(request_of, steps=50), lambda progress: None)
    services.engine.submit(job)
    services.engine.close()
    assert [*job.progress()][-1].status in ("cancelled", "done")
    with pytest.raises(RuntimeError, match="closing"):
        services.engine.submit(job)


def test_what_takes_long_does_not_hold_up_what_is_short(services: Services) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def long(_: object) -> bool:
        begun.set()
        return may_end.wait(20)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(services.engine.call, long, slow=True)
        assert begun.wait(20) and services.engine.call(lambda model: model.preset) and not slow.done()
        may_end.set()
        assert slow.result(20)
