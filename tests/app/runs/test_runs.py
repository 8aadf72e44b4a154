"""Runs, the queue and their handlers over a small real model, without a browser.

Long because all of it shares one small model, which is loaded once.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.errors import WorkspaceError
from app.files.embedded import read_settings
from app.files.image_store import ImageStore
from app.pages.design.run_handlers import RunHandlers
from app.pages.shared.context import PageContext
from app.pages.shared.run_actions import RunActions
from app.runs.bench import Bench
from app.runs.bench_drafts import make_drafts
from app.runs.drafts import in_landmark_frame
from app.runs.engine import Engine
from app.runs.runs import Runs, Started
from app.runs.services import Services
from app.runs.sheets import compose, layout_of, plan_sheet
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.values import Run
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.parsing.found import FoundGarment, GarmentChoice, GarmentFinder

Draw = Callable[..., bytes]
Shape = Callable[[int], np.ndarray]
SAMPLING = Sampling(seed=3, steps=2, strength=1.0, guidance=1.0)
LONG = Sampling(seed=0, steps=50, strength=1.0, guidance=1.0)


def settings(seed: float | None, fresh: bool = False, background: str = "white") -> tuple:
    """What the page's controls hold."""
    return (seed, 2, 1.0, 1.0, False, background, fresh, False)


@pytest.fixture
def held(services: Services) -> Iterator[None]:
    """Keeps the engine busy with nothing, so that what is queued waits."""
    gate = threading.Event()
    services.engine.model()
    original, services.engine._generate = services.engine._generate, lambda job: (gate.wait(300), original(job))[1]
    yield
    gate.set()


def ends(started: Started) -> list[str]:
    return [[*job.progress()][-1].status for job in started.jobs]


def mask_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_run_is_logged_with_all_that_made_it(
    bench: Bench, runs: Runs, services: Services, placed: Callable[..., Bench], photo_bytes: Draw
) -> None:
    work = placed(bench, k=3, alpha=0.25).work
    bench.pick(1)
    started = runs.start(bench, SAMPLING)
    assert ends(started) == ["done"] and started.group is None
    run = runs.get("ana", started.runs[0].id)
    inputs = run.inputs
    assert (run.status, inputs.owner, inputs.photo_name) == ("done", "ana", "shirt.png")
    assert (inputs.k, inputs.alpha, inputs.choice, inputs.landmark_source) == (3, 0.25, 1, "candidate")
    assert (inputs.sampling.seed, inputs.sampling.steps, inputs.device, inputs.preset) == (3, 2, "cpu", "studio")
    assert [c["id"] for c in inputs.candidates] == [c.id for c in work.guide.candidates]
    assert inputs.checkpoint == services.engine.model().checkpoint
    assert inputs.bank_version == services.engine.model().bank.version
    assert set(run.timings_ms) >= {"encode", "search", "slle", "fuse", "reference", "denoise", "decode", "total"}
    assert runs.picture(inputs.photo_path) == photo_bytes()
    assert Image.open(io.BytesIO(runs.picture(run.result_path))).size == (400, 400), "the photo's own size"
    assert services.log.search.thumbnails([run.id], owner="ana")[run.id].startswith(b"\xff\xd8")


@pytest.mark.parametrize("landmark", ["consensus", "candidate", "edited"])
def test_a_run_restored_reproduced_or_taken_up_by_another_process_makes_the_same_pixels(
    context: PageContext,
    bench: Bench,
    runs: Runs,
    landmark: str,
    placed: Callable[..., Bench],
    photo_bytes: Draw,
    drawn_silhouette: Shape,
) -> None:
    placed(bench, k=3, alpha=0.25)
    if landmark == "candidate":
        bench.pick(1)
    elif landmark == "edited":
        bench.outline(mask_png(drawn_silhouette(5)), "mine.png")
    started = runs.start(bench, SAMPLING)
    ends(started)
    first = runs.get("ana", started.runs[0].id)
    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    restored = runs.restore(bench, first.id)
    assert restored.note == "" and restored.run == first and bench.work.photo.name == "shirt.png"
    assert bench.work.guide.landmark_source == landmark
    again = runs.start(bench, SAMPLING)
    ends(again)
    second = runs.get("ana", again.runs[0].id)
    assert second.inputs == first.inputs and second.result_path == first.result_path, "named by its content"
    checked = runs.reproduce("ana", first.id)  # from the log alone, as after a restart
    assert ends(checked) == ["done"]
    third = runs.get("ana", checked.runs[0].id)
    assert third.same_pixels is True and third.reproduces == first.id and third.inputs == first.inputs
    assert context.run_presenter.result(third)["note"] == f"pixels equal those of run {first.id}"


def test_a_changed_picture_is_told_from_the_same_one(
    context: PageContext, bench: Bench, runs: Runs, services: Services, placed: Callable[..., Bench]
) -> None:
    started = runs.start(placed(bench), SAMPLING)
    ends(started)
    run = started.runs[0]
    other = services.images.put(mask_png(np.zeros((256, 256), np.float32)), "png")
    services.log.finish(run.id, result_path=other, timings_ms={})
    checked = runs.reproduce("ana", run.id)
    ends(checked)
    found = runs.get("ana", checked.runs[0].id)
    assert found.same_pixels is False
    assert context.run_presenter.result(found)["note"] == f"pixels differ from those of run {run.id}"


def test_several_seeds_are_one_press_and_one_group(bench: Bench, runs: Runs, placed: Callable[..., Bench]) -> None:
    started = runs.start(placed(bench), Sampling(2**63 - 2, 1, 1.0, 1.0), seeds=3)
    assert [run.inputs.sampling.seed for run in started.runs] == [2**63 - 2, 2**63 - 1, 0]
    assert {run.group_id for run in started.runs} == {started.group.id} and started.group.kind == "seeds"
    assert ends(started) == ["done"] * 3
    for wrong in (0, 17, 1.5, True):
        with pytest.raises(ValueError, match="the number of seeds is 1 to 16"):
            runs.start(bench, SAMPLING, seeds=wrong)


def test_a_sheet_runs_every_cell_and_ends_as_one_picture(
    bench: Bench, runs: Runs, services: Services, placed: Callable[..., Bench]
) -> None:
    guide = placed(bench).work.guide
    sheet = plan_sheet(guide, alphas=[0, 1], ks=[1, 3], candidates=[None, 1])
    assert sheet.rows == ("α 0\nK 1", "α 0\nK 3", "α 1\nK 1", "α 1\nK 3")
    assert sheet.columns == ("consensus", "candidate 2")
    assert [(cell.row, cell.column) for cell in sheet.cells] == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]
    started = runs.start_sheet(bench, Sampling(1, 1, 1.0, 1.0), sheet)
    assert ends(started) == ["done"] * 6
    group, made = services.log.group(started.group.id, owner="ana")
    assert [(run.inputs.alpha, run.inputs.k, run.inputs.choice) for run in made] == [
        (0, 1, None),
        (0, 3, None),
        (0, 3, 1),
        (1, 1, None),
        (1, 3, None),
        (1, 3, 1),
    ]
    patience = time.monotonic() + 300
    while services.log.group(started.group.id, owner="ana")[0].picture_path is None:  # after its last run has ended
        assert time.monotonic() < patience
        time.sleep(0.05)
    group = services.log.group(started.group.id, owner="ana")[0]
    picture = np.asarray(Image.open(io.BytesIO(runs.picture(group.picture_path))))
    cell = picture[28 + 200 : 28 + 200 + 192, 96 + 200 : 96 + 200 + 192]  # second row, second column
    own = Image.open(io.BytesIO(runs.picture(made[2].result_path))).resize((192, 192), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(cell[1:-1, 1:-1], np.asarray(own)[1:-1, 1:-1])


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"alphas": []}, "needs at least one α"),
        ({"alphas": [2.0]}, "alpha must be a number from 0 to 1"),
        ({"ks": [99]}, "K must be a whole number from 1 to 8"),
        ({"candidates": [-1]}, "candidates count from 0, got -1"),
        ({"candidates": [7]}, "1 to 48 pictures, this one 0"),
        ({"alphas": [i / 50 for i in range(50)]}, "1 to 48 pictures, this one 50"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(
    bench: Bench, placed: Callable[..., Bench], axes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        plan_sheet(placed(bench).work.guide, **{"alphas": [0.5], "ks": [4], "candidates": [None], **axes})


def test_a_cell_without_a_picture_says_why(bench: Bench, placed: Callable[..., Bench]) -> None:
    sheet = plan_sheet(placed(bench).work.guide, alphas=[0.5], ks=[4], candidates=[None, 0])
    made = compose(layout_of(sheet), [Image.new("RGB", (8, 8), "red"), "cancelled"])
    pixels = np.asarray(made)
    assert tuple(pixels[28 + 96, 96 + 96]) == (255, 0, 0)
    assert (pixels[40:210, 96 + 200 + 10 : 96 + 200 + 180] < 200).any(), "the word is written"


def test_a_batch_reads_each_photo_in_its_turn_and_one_failure_stops_nothing(
    bench: Bench, runs: Runs, photo_bytes: Draw
) -> None:
    photos = [("a.png", photo_bytes()), ("b.txt", b"no picture"), ("c.png", photo_bytes("#224488"))]
    started = runs.start_batch("ana", photos, SAMPLING, k=99, alpha=0.25, attributes={"collar": "Polo"})
    assert ends(started) == ["done", "failed", "done"]
    first, second, third = (runs.get("ana", run.id) for run in started.runs)
    assert "b.txt" in second.error and second.inputs.checkpoint == ""
    assert (first.inputs.k, first.inputs.alpha, first.inputs.attributes["collar"]) == (12, 0.25, "Polo")
    assert len(first.inputs.candidates) == 12 and first.inputs.landmark_path and first.inputs.embedding
    assert first.result_path != third.result_path
    with pytest.raises(ValueError, match="there are no photos"):
        runs.start_batch("ana", [], SAMPLING, k=4, alpha=0.5)


# ---- which garment is meant


MASK = np.zeros((400, 300), np.float32)
MASK[80:300, 60:220] = 1


class Finder:
    """Finds the one garment however it is meant, and notes how it was."""

    def __init__(self, flow: GarmentFinder) -> None:
        self._flow = flow
        self.meant: list[GarmentChoice | None] = []

    def find(self, photo: Image.Image, garment: GarmentChoice | None = None) -> FoundGarment:
        self.meant.append(garment)
        return self._flow.find(photo, garment if isinstance(garment, np.ndarray) else None)


@pytest.fixture
def finder(model: RAGDiffusion, monkeypatch: pytest.MonkeyPatch) -> Finder:
    made = Finder(model.observer.finder)
    monkeypatch.setattr(model.observer, "finder", made)
    return made


@pytest.mark.parametrize("garment", [None, "upper", (120.0, 80.5), MASK], ids=["none", "name", "point", "mask"])
def test_the_garment_that_is_meant_is_logged_run_and_restored(
    runs: Runs, bench: Bench, finder: Finder, photo_bytes: Draw, garment: GarmentChoice | None
) -> None:
    bench.place(photo_bytes(), "shirt.png", k=3, alpha=0.25, garment=garment)
    bench.describe({"collar": "Polo"})
    [*make_drafts(bench)]
    in_landmark_frame(bench.work.screen)
    bench.photo_outline()
    started = runs.start(bench, replace(SAMPLING, colour_match=True))
    assert ends(started) == ["done"]
    assert len(finder.meant) == 1, "a photo is looked at once, whatever is asked of it"
    run = runs.get("ana", started.runs[0].id)
    kind = {type(None): None, str: "name", tuple: "point", np.ndarray: "mask"}[type(garment)]
    assert (run.inputs.garment or {None: 0}).keys() == {kind}
    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    runs.restore(bench, run.id)
    np.testing.assert_equal(bench.work.garment, garment)
    checked = runs.reproduce("ana", run.id)  # from the log alone
    assert ends(checked) == ["done"]
    again = runs.get("ana", checked.runs[0].id)
    assert again.inputs == run.inputs and again.same_pixels is True
    meant = [garment, None, garment, garment]  # placed, the other photo, restored, run from the log
    for found, wanted in zip(finder.meant, meant, strict=True):
        np.testing.assert_equal(found, wanted)


# ---- the queue


def test_people_do_not_see_each_other(services: Services, runs: Runs, placed: Callable[..., Bench]) -> None:
    ana, ben = Bench(services.engine, "ana"), Bench(services.engine, "ben")
    run = runs.start(placed(ana), SAMPLING).runs[0].id
    assert ben.work is None and runs.latest("ben", 9) == [] and services.queue.entries("ben") == []
    for forbidden in (
        lambda: runs.get("ben", run),
        lambda: runs.restore(ben, run),
        lambda: runs.reproduce("ben", run),
        lambda: services.queue.cancel(run, "ben"),
    ):
        with pytest.raises(ValueError, match=f"no run {run} in your history"):
            forbidden()
    assert not runs.cancel(ben) and services.queue.cancel_all("ben") == 0


def test_the_queue_is_seen_reordered_and_cleared(
    bench: Bench, runs: Runs, services: Services, held: None, placed: Callable[..., Bench]
) -> None:
    queue = services.queue
    started = runs.start(placed(bench), SAMPLING, seeds=4)
    ids = [run.id for run in started.runs]
    assert [place.run.id for place in queue.entries("ana")] == ids
    assert [place.progress.ahead for place in queue.entries("ana")][1:] == [1, 2, 3]
    while not queue._running:  # the worker is about to take the first
        time.sleep(0.01)
    queue.move([ids[3], ids[1]], "ana")
    assert [place.run.id for place in queue.entries("ana")] == [ids[0], ids[3], ids[1], ids[2]]
    assert started.jobs[2].latest.ahead == 3
    assert queue.cancel(ids[3], "ana") and started.jobs[3].latest.status == "cancelled"
    assert not queue.cancel(ids[3], "ana"), "it has ended already"
    assert queue.cancel_all("ana") == 3
    assert runs.get("ana", ids[1]).status == runs.get("ana", ids[2]).status == "cancelled"


def test_a_paused_queue_starts_nothing_and_leaves_others_alone(
    services: Services, runs: Runs, placed: Callable[..., Bench]
) -> None:
    ana, ben = Bench(services.engine, "ana"), Bench(services.engine, "ben")
    services.queue.pause("ana")
    waiting, going = runs.start(placed(ana), SAMPLING), runs.start(placed(ben), SAMPLING)
    assert ends(going) == ["done"]
    assert waiting.jobs[0].latest.status == "queued" and waiting.jobs[0].latest.paused
    services.queue.resume("ana")
    assert ends(waiting) == ["done"]


def test_each_of_several_workers_takes_the_next_run(
    bench: Bench, runs: Runs, services: Services, model: RAGDiffusion, placed: Callable[..., Bench]
) -> None:
    """With two of them two runs are at work at once; the third waits behind both."""
    queue, second = services.queue, Engine(lambda: model)
    both, go_on = threading.Barrier(3, timeout=300), threading.Event()
    generate = {engine: engine._generate for engine in (services.engine, second)}
    for engine, original in generate.items():
        engine._generate = lambda job, original=original: (both.wait(), go_on.wait(300), original(job))[2]
    second.start(queue)
    try:
        queue.pause("ana")
        started = runs.start(placed(bench), SAMPLING, seeds=3)
        queue.resume("ana")
        both.wait()
        assert started.jobs[2].latest.ahead == 2
        assert {entry.run.id for entry in queue.entries("ana")[:2]} == {run.id for run in started.runs[:2]}
        for engine, original in generate.items():  # the third run waits for nobody
            engine._generate = original
        go_on.set()
        assert [[*job.progress()][-1].status for job in started.jobs[:2]] == ["done", "done"]
    finally:
        both.abort()
        second.close()


def test_a_log_that_cannot_be_read_for_a_while_stops_no_worker(
    bench: Bench, runs: Runs, services: Services, placed: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.queue.RETRY_SECONDS", 0.01)
    original, tries = services.log.next_queued, []

    def locked(**wanted: object) -> Run | None:
        tries.append(1)
        if len(tries) < 3:
            raise WorkspaceError("the session log is locked")
        return original(**wanted)

    placed(bench)
    monkeypatch.setattr(services.log, "next_queued", locked)
    assert ends(runs.start(bench, SAMPLING)) == ["done"] and len(tries) >= 3


def test_after_a_restart_the_queue_is_paused_and_goes_on_when_asked(
    bench: Bench, runs: Runs, services: Services, model: RAGDiffusion, placed: Callable[..., Bench], tmp_path: Path
) -> None:
    done = runs.start(placed(bench), SAMPLING)
    ends(done)
    services.queue.pause("ana")
    started = runs.start(bench, SAMPLING, seeds=2)
    services.queue.close()
    assert [*started.jobs[0].progress()][-1].status == "interrupted", "a page that waits is told"
    services.close()
    again = Services(
        Engine(lambda: model), SessionLog(tmp_path / "studio.sqlite3"), ImageStore(tmp_path / "images"), tmp_path
    )
    again.start()
    try:
        assert again.queue.paused("ana") and not again.queue.paused("ben")
        assert [place.run.id for place in again.queue.entries("ana")] == [run.id for run in started.runs]
        jobs = [again.queue.follow(run.id, "ana") for run in started.runs]
        assert [(job.latest.ahead, job.latest.paused) for job in jobs] == [(0, True), (1, True)]
        again.queue.resume("ana")
        assert [[*job.progress()][-1].status for job in jobs] == ["done", "done"]
        assert again.queue.follow(started.runs[1].id, "ana") is None, "it has ended"
        first, original = (again.log.get(each.runs[0].id, owner="ana") for each in (started, done))
        assert first.status == "done" and first.result_path == original.result_path, "the same seed, the same pixels"
        assert again.log.get(started.runs[1].id, owner="ana").inputs == started.runs[1].inputs
    finally:
        again.close()


def test_a_run_that_was_cut_short_is_tried_again_as_a_new_one(
    bench: Bench, runs: Runs, placed: Callable[..., Bench]
) -> None:
    started = runs.start(placed(bench), LONG)
    assert runs.cancel(bench) and ends(started) == ["cancelled"] and not runs.cancel(bench)
    again = runs.again("ana", started.runs[0].id)
    assert runs.get("ana", started.runs[0].id).status == "cancelled"
    assert again.runs[0].inputs == started.runs[0].inputs
    with pytest.raises(ValueError, match="only runs that were cut short"):
        runs.again("ana", again.runs[0].id)
    with pytest.raises(ValueError, match="has no picture to compare with"):
        runs.reproduce("ana", started.runs[0].id)


# ---- handlers


def follow(run_handlers: RunHandlers, bench: Bench) -> list[dict]:
    return list(run_handlers.follow(bench))


def test_generate_answers_at_once_and_follow_tells_the_rest(
    runs: Runs, run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench]
) -> None:
    placed(bench)
    views = run_handlers.generate(bench, None, 2, *settings(7))
    assert views["seed"] == 7 and views["result"]["follow"] and views["cancel"] == {"interactive": True}
    told = follow(run_handlers, bench)
    finished = [view["result"] for view in told if view.get("result", {}).get("state") == "done"]
    assert [dict(map(tuple, result["facts"]))["seed"] for result in finished] == ["7", "8"]
    assert told[-1]["cancel"] == {"interactive": False} and told[-1]["queue"]["runs"] == []
    assert follow(run_handlers, bench)[-1]["cancel"] == {"interactive": False}, "with nothing left it ends at once"
    fresh = run_handlers.generate(bench, None, 1, *settings(7, fresh=True))
    assert fresh["seed"] != 7
    follow(run_handlers, bench)


def test_a_run_that_ends_before_anybody_follows_is_told_once(
    run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench]
) -> None:
    run = run_handlers.generate(placed(bench), None, 1, *settings(7))["result"]["run"]
    [*bench.followed.all()[0][1].progress()]
    told = follow(run_handlers, bench)
    assert [view["result"]["state"] for view in told if "result" in view] == ["done"]
    assert [view["status"]["message"] for view in told if "status" in view] == [f"Run {run} is saved"]
    assert [view for view in follow(run_handlers, bench) if "result" in view] == []


def test_what_is_saved_holds_its_settings_and_what_is_stripped_does_not(
    run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench]
) -> None:
    import base64

    placed(bench, k=3, alpha=0.25)
    run = run_handlers.generate(bench, None, 1, *settings(5, background="#336699"))["result"]["run"]
    follow(run_handlers, bench)
    saved = base64.b64decode(run_handlers.look(bench, {"run": run})["result"]["saved"].partition(",")[2])
    found = read_settings(saved, "saved.png")
    assert (found.k, found.alpha, found.sampling.seed, found.sampling.background) == (3, 0.25, 5, "#336699")
    assert Image.open(io.BytesIO(saved)).getpixel((0, 0)) == (0x33, 0x66, 0x99)
    for event, mode in (({}, "RGB"), ({"background": "transparent"}, "RGBA"), ({"what": "silhouette"}, "L")):
        shown = run_handlers.export(bench, {"run": run, **event})["result"]["download"]
        data = base64.b64decode(shown["url"].partition(",")[2])
        assert read_settings(data, "stripped.png") is None and Image.open(io.BytesIO(data)).mode == mode
    assert "shirt-flat-" in shown["name"] and shown["name"].endswith(".silhouette.png")


def test_restoring_all_but_the_seed_or_only_the_settings(
    run_actions: RunActions, run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench], photo_bytes: Draw
) -> None:
    run = run_handlers.generate(placed(bench, k=3, alpha=0.25), None, 1, *settings(5))["result"]["run"]
    follow(run_handlers, bench)
    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    views = run_actions.restore(bench, {"run": run, "scope": "settings"})
    assert bench.work.photo.name == "other.png" and (bench.work.guide.k, bench.work.guide.alpha) == (3, 0.25)
    assert "seed" not in views and views["steps"] == 2 and views["k"] == 3
    views = run_actions.restore(bench, {"run": run, "scope": "all but seed"})
    assert bench.work.photo.name == "shirt.png" and "seed" not in views and "fresh" not in views
    views = run_actions.restore(bench, {"run": run, "scope": "all"})
    assert (views["seed"], views["fresh"]) == (5, False)
    with pytest.raises(ValueError, match="'half' cannot be restored: choose one of all, all but seed, settings"):
        run_actions.restore(bench, {"run": run, "scope": "half"})


def test_looking_changes_nothing_on_the_bench(
    run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench], photo_bytes: Draw
) -> None:
    run = run_handlers.generate(placed(bench), None, 1, *settings(5))["result"]["run"]
    follow(run_handlers, bench)
    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    before = bench.work
    assert run_handlers.look(bench, {"run": run})["result"]["state"] == "done" and bench.work is before


def test_a_lost_photo_or_picture_is_said_and_closes_nothing(
    run_actions: RunActions, run_handlers: RunHandlers, bench: Bench, services: Services, placed: Callable[..., Bench]
) -> None:
    run_id = run_handlers.generate(placed(bench), None, 1, *settings(5))["result"]["run"]
    follow(run_handlers, bench)
    run = services.log.get(run_id, owner="ana")
    services.images.remove(run.inputs.photo_path)
    services.images.remove(run.result_path)
    shown = run_handlers.look(bench, {"run": run_id})["result"]
    assert shown["note"] == "its photo cannot be read; its picture is gone" and shown["image"] is None
    with pytest.raises(ValueError, match="was it moved out of"):
        run_actions.restore(bench, {"run": run_id})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h, b: h.look(b, {"run": "1"}), "'1' is no run"),
        (lambda h, b: h.look(b, {"run": 99}), "no run 99 in your history"),
        (lambda h, b: h.arrange(b, {"action": "eat"}), "the queue cannot 'eat'"),
        (lambda h, b: h.generate(b, None, 1, *settings(-1)), "no photo yet|seed must be"),
        (lambda h, b: h.generate(b, None, 1, *settings(1, background="blue")), "no photo yet|transparent or a colour"),
        (lambda h, b: h.sheet(b, None, "x", "4", "1", *settings(1)), "no photo yet|α must be a list"),
    ],
)
def test_bad_events_are_refused(
    run_handlers: RunHandlers, bench: Bench, placed: Callable[..., Bench], call: Callable, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(run_handlers, bench)
    placed(bench)
    with pytest.raises(ValueError, match=message.rpartition("|")[2]):
        call(run_handlers, bench)
