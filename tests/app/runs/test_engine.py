"""The engine over a small real model: one job at a time, cancelling, failures, several at one source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.runs.engine import Engine
from app.runs.job import Job, Progress, Request
from app.session_log.sampling import Sampling
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.images import load_photo

SAMPLING = Sampling(seed=5, steps=3, strength=1.0, guidance=1.0)


@pytest.fixture(scope="module")
def request_of(model: RAGDiffusion, photo_bytes: Callable[..., bytes]) -> Request:
    photo = load_photo(photo_bytes())
    guide = model.retrieve(photo, k=3)
    return Request(model.see(photo), guide, SAMPLING)


class Jobs:
    """A source that hands out jobs in the order they were put in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()

    def put(self, *jobs: Job) -> None:
        with self._changed:
            self._waiting += jobs
            self._changed.notify_all()

    def take(self, stopped: threading.Event) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or stopped.is_set())
            return None if stopped.is_set() else self._waiting.popleft()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def engine(model: RAGDiffusion, jobs: Jobs) -> Iterator[Engine]:
    made = Engine(lambda: model)
    made.start(jobs)
    yield made
    made.close()


def asking(request: Request, **settings: object) -> Request:
    """The request under other settings."""
    return replace(request, sampling=replace(request.sampling, **settings))


def job_of(request: Request, record: Callable[[Progress], None], *, preview: bool = False) -> Job:
    return Job(lambda model: request, record, preview)


def follow(jobs: Jobs, request: Request, *, preview: bool = False) -> tuple[list[Progress], list[str]]:
    recorded: list[str] = []
    job = job_of(request, lambda progress: recorded.append(progress.status), preview=preview)
    jobs.put(job)
    return list(job.progress()), recorded


def test_it_makes_what_the_model_makes(jobs: Jobs, engine: Engine, model: RAGDiffusion, request_of: Request) -> None:
    news, recorded = follow(jobs, request_of)
    assert recorded == ["running", "done"] and news[-1].status == "done"
    settings = {"seed": 5, "steps": 3, "strength": 1.0, "guidance": 1.0}
    expected = model.generate(request_of.sight, request_of.guide, **settings, size="photo")
    assert expected.image.size == (400, 400), "the photo's own size"
    np.testing.assert_array_equal(np.asarray(news[-1].result.image), np.asarray(expected.image))
    small = follow(jobs, replace(request_of, size=None))[0][-1].result.image
    np.testing.assert_array_equal(
        np.asarray(small), np.asarray(model.generate(request_of.sight, request_of.guide, **settings).image)
    )


def test_a_running_job_stops_before_its_next_step(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    """The request of a stop arrives in mid-step: that step ends, no other begins."""
    made: list[int] = []
    job = job_of(asking(request_of, steps=50), lambda progress: None)
    publish = job.publish

    def watch(progress: Progress) -> None:
        if progress.status == "running" and progress.step:
            made.append(progress.step)
            if progress.step == 2:
                job.ask_to_stop()
        publish(progress)

    job.publish = watch
    jobs.put(job)
    assert [*job.progress()][-1].status == "cancelled" and made == [1, 2]


def test_a_job_that_was_stopped_before_its_turn_is_not_begun(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    recorded: list[str] = []
    job = job_of(request_of, lambda progress: recorded.append(progress.status))
    job.ask_to_stop()
    jobs.put(job)
    assert [*job.progress()][-1].status == "cancelled" and recorded == ["cancelled"]


def test_several_workers_take_from_one_source(
    jobs: Jobs, engine: Engine, model: RAGDiffusion, request_of: Request
) -> None:
    """Both are at work at once: each waits in its job until the other has begun, too."""
    both = threading.Barrier(2, timeout=300)

    def meet(progress: Progress) -> None:
        if progress.status == "running":
            both.wait()

    second = Engine(lambda: model)
    second.start(jobs)
    try:
        pair = [job_of(request_of, meet) for _ in range(2)]
        jobs.put(*pair)
        assert [[*job.progress()][-1].status for job in pair] == ["done", "done"]
    finally:
        second.close()


def test_a_failure_is_told_and_the_next_job_runs(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    guide = replace(request_of.guide, embedding=request_of.guide.embedding[:-1])
    news, recorded = follow(jobs, replace(request_of, guide=guide))
    assert recorded == ["running", "failed"] and "(the whole of it is in the terminal)" in news[-1].error
    assert follow(jobs, request_of)[0][-1].status == "done"


def test_a_result_that_cannot_be_recorded_is_told_so(
    jobs: Jobs, engine: Engine, request_of: Request, caplog: pytest.LogCaptureFixture
) -> None:
    def record(progress: Progress) -> None:
        if progress.status == "done":
            raise OSError(28, "No space left on device")

    job = job_of(request_of, record)
    jobs.put(job)
    last = [*job.progress()][-1]
    assert last.status == "done" and "No space left" in last.unsaved and last.result is not None
    assert "Traceback" in caplog.text, "the unexpected is logged whole"


def test_previews_are_pictures_and_only_on_request(
    jobs: Jobs, engine: Engine, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.engine.PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr("app.runs.job.PROGRESS_SECONDS", 0.0)  # the tiny model is done within the real one
    assert not any(news.preview for news in follow(jobs, request_of)[0])
    pictures = [news.preview for news in follow(jobs, request_of, preview=True)[0]]
    assert any(picture is not None and picture.size == (256, 256) for picture in pictures)


def test_several_pages_follow_one_job_and_a_late_one_gets_its_end(
    jobs: Jobs, engine: Engine, request_of: Request
) -> None:
    job = job_of(request_of, lambda progress: None)
    jobs.put(job)
    ends: list[str] = []
    followers = [threading.Thread(target=lambda: ends.append([*job.progress()][-1].status)) for _ in range(3)]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join(300)
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


def test_what_cannot_be_prepared_fails_in_its_turn(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    def prepare(model: RAGDiffusion) -> Request:
        raise ValueError("the photo is gone")

    recorded: list[str] = []
    job = Job(prepare, lambda progress: recorded.append(progress.status))
    jobs.put(job)
    assert [*job.progress()][-1].error == "the photo is gone" and recorded == ["running", "failed"]
    assert follow(jobs, request_of)[0][-1].status == "done"


def test_a_colour_match_changes_the_picture_and_measures_both(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    plain = follow(jobs, request_of)[0][-1]
    matched = follow(jobs, asking(request_of, colour_match=True))[0][-1]
    assert plain.colour is None and matched.status == "done"
    if matched.colour is None:  # the untrained model may find no garment at all: then the picture is left alone
        np.testing.assert_array_equal(np.asarray(matched.result.image), np.asarray(plain.result.image))
    else:
        assert matched.colour["after"] < max(1.0, matched.colour["before"])


def test_a_model_that_could_not_be_loaded_is_tried_again(jobs: Jobs, model: RAGDiffusion, request_of: Request) -> None:
    tries: list[int] = []

    def load() -> RAGDiffusion:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("no weights here: train some")
        return model

    engine = Engine(load)
    with pytest.raises(ValueError, match="no weights here: train some"):
        engine.model()
    assert not engine.ready
    engine.start(jobs)
    news, _ = follow(jobs, request_of)
    assert news[-1].status == "done" and engine.ready and len(tries) == 3
    with pytest.raises(RuntimeError, match="started already"):
        engine.start(jobs)
    engine.close()


def test_closing_cancels_what_runs_and_takes_no_more(jobs: Jobs, engine: Engine, request_of: Request) -> None:
    job, next_one = (job_of(asking(request_of, steps=50), lambda progress: None) for _ in range(2))
    jobs.put(job, next_one)
    next(job.progress())
    engine.close()
    assert [*job.progress()][-1].status in ("cancelled", "done") and next_one.latest.status == "queued"


def test_what_takes_long_does_not_hold_up_what_is_short(engine: Engine) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def long(_: object) -> bool:
        begun.set()
        return may_end.wait(300)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(engine.call, long, slow=True)
        assert begun.wait(300) and engine.call(lambda model: model.preset) and not slow.done()
        may_end.set()
        assert slow.result(20)
