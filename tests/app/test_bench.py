"""The bench and the page's handlers over a small real model, without a browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.bench import Bench, Services
from app.handlers import FIELDS, Handlers
from app.sampling import Sampling
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import UNKNOWN

Draw = Callable[..., bytes]
Shape = Callable[[int], np.ndarray]
SAMPLING = Sampling(seed=3, steps=2, strength=1.0, guidance=1.0)


@pytest.fixture
def bench(services: Services) -> Bench:
    return Bench(services, "ana")


@pytest.fixture
def placed(photo_bytes: Draw) -> Callable[..., Bench]:
    """Puts the drawn photo on a bench."""

    def place(bench: Bench, **settings: float) -> Bench:
        bench.place(photo_bytes(), "shirt.png", **{"k": 4, "alpha": 0.5, **settings})
        return bench

    return place


def finish(bench: Bench, sampling: Sampling = SAMPLING) -> int:
    run, job = bench.generate(sampling)
    assert [*job.progress()][-1].status == "done"
    return run.id


def mask_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


# ---- the structure


def test_the_draft_follows_the_landmark(bench: Bench, placed: Callable[..., Bench]) -> None:
    work = placed(bench).work
    assert len(work.drafts) == 8, "as many as K can ask for"
    assert work.draft is work.drafts[work.guide.consensus]
    picked = bench.pick(2)
    assert picked.guide.landmark_source == "candidate" and picked.draft is work.drafts[2]
    fewer = bench.retune(k=2, alpha=0.9)
    assert fewer.guide.landmark_source == "consensus", "a pick beyond K is gone"
    assert fewer.draft is work.drafts[fewer.guide.consensus] and fewer.guide.alpha == 0.9
    assert bench.pick(0).draft is work.drafts[0]
    assert bench.reset().guide.choice is None


def test_an_own_outline_is_used_as_shown_and_survives_tuning(
    bench: Bench, placed: Callable[..., Bench], drawn_silhouette: Shape
) -> None:
    mask = drawn_silhouette(3)
    work = placed(bench).work
    drawn = bench.outline(mask_png(mask), "mine.png")
    assert drawn.guide.landmark_source == "edited"
    halved = torch.nn.functional.avg_pool2d(torch.from_numpy(mask)[None], 2)[0]
    assert torch.equal(drawn.guide.landmark, (halved * 255).round() / 255), "to the 8 bits of the log"
    assert all(drawn.draft is not draft for draft in work.drafts)
    tuned = bench.retune(k=6, alpha=0.2)
    assert torch.equal(tuned.guide.landmark, drawn.guide.landmark) and tuned.draft is drawn.draft
    described = bench.describe({"collar": "Polo"})
    assert torch.equal(described.guide.landmark, drawn.guide.landmark) and described.draft is drawn.draft
    assert bench.reset().guide.landmark_source == "consensus"


def test_an_attribute_changes_the_embedding(bench: Bench, placed: Callable[..., Bench]) -> None:
    before = placed(bench).work.guide
    after = bench.describe({"sleeve_length": "Long"}).guide
    assert after.attributes["sleeve_length"] == "Long" and not torch.equal(after.query, before.query)


# ---- runs


def test_a_run_is_logged_with_all_that_made_it(
    bench: Bench, services: Services, placed: Callable[..., Bench], photo_bytes: Draw
) -> None:
    work = placed(bench, k=3, alpha=0.25).work
    bench.pick(1)
    run = bench.run(finish(bench))
    inputs = run.inputs
    assert (run.status, inputs.owner, inputs.photo_name) == ("done", "ana", "shirt.png")
    assert (inputs.k, inputs.alpha, inputs.choice, inputs.landmark_source) == (3, 0.25, 1, "candidate")
    assert (inputs.seed, inputs.steps, inputs.device, inputs.preset) == (3, 2, "cpu", "studio")
    assert [c["id"] for c in inputs.candidates] == [c.id for c in work.guide.candidates]
    assert inputs.checkpoint == services.engine.model().checkpoint
    assert inputs.bank_version == services.engine.model().bank.version
    assert set(run.timings_ms) >= {"encode", "search", "slle", "fuse", "reference", "denoise", "decode", "total"}
    assert bench.picture(inputs.photo_path) == photo_bytes()
    assert Image.open(io.BytesIO(bench.picture(run.result_path))).size == (256, 256)


@pytest.mark.parametrize("landmark", ["consensus", "candidate", "edited"])
def test_a_restored_run_makes_the_same_pixels(
    bench: Bench, landmark: str, placed: Callable[..., Bench], photo_bytes: Draw, drawn_silhouette: Shape
) -> None:
    placed(bench, k=3, alpha=0.25)
    if landmark == "candidate":
        bench.pick(1)
    elif landmark == "edited":
        bench.outline(mask_png(drawn_silhouette(5)), "mine.png")
    first = bench.run(finish(bench))
    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    restored = bench.restore(first.id)
    assert restored.note == "" and restored.run == first
    assert bench.work.guide.landmark_source == landmark and bench.work.photo.name == "shirt.png"
    second = bench.run(finish(bench))
    assert second.inputs == first.inputs
    assert second.result_path == first.result_path, "named by its content"


def test_people_do_not_see_each_other(services: Services, placed: Callable[..., Bench]) -> None:
    ana, ben = Bench(services, "ana"), Bench(services, "ben")
    run = finish(placed(ana))
    assert ben.work is None and ben.history(9) == []
    for forbidden in (ben.run, ben.restore):
        with pytest.raises(ValueError, match=f"no run {run} in your history"):
            forbidden(run)
    assert not ben.cancel()


def test_cancelling_is_logged(bench: Bench, placed: Callable[..., Bench], photo_bytes: Draw) -> None:
    run, job = placed(bench).generate(Sampling(seed=0, steps=50, strength=1.0, guidance=1.0))
    assert bench.cancel()
    assert [*job.progress()][-1].status == "cancelled"
    assert bench.run(run.id).status == "cancelled" and not bench.cancel()


# ---- bad input: a message, and nothing written


BAD_PHOTOS = {
    "empty.jpg": lambda draw: b"",
    "text.jpg": lambda draw: b"this is no picture",
    "cut.png": lambda draw: draw()[:200],
    "dot.png": lambda draw: draw(size=(8, 8)),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_bad_photo_changes_nothing(bench: Bench, name: str, placed: Callable[..., Bench], photo_bytes: Draw) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=name) as caught:
        bench.place(BAD_PHOTOS[name](photo_bytes), name, k=4, alpha=0.5)
    assert "\n" not in str(caught.value)
    assert bench.work is before and bench.history(9) == []


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((300, 300)), "marks 0.0% of the picture"),
        (np.ones((300, 300)), "marks 100.0%"),
        (np.eye(300, 200), "must be square"),
    ],
)
def test_a_bad_outline_changes_nothing(
    bench: Bench, mask: np.ndarray, expected: str, placed: Callable[..., Bench]
) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=expected):
        bench.outline(mask_png(mask), "mine.png")
    assert bench.work is before


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
        ({"seed": None}, "seed must be a whole number"),
        ({"seed": 1.5}, "got 1.5"),
        ({"steps": 0}, "steps must be a whole number from 1 to 50, got 0"),
        ({"steps": float("nan")}, "got nan"),
        ({"strength": 0}, "strength must be a number from 0.05 to 1, got 0"),
        ({"guidance": float("inf")}, "guidance must be a number from 1 to 10, got inf"),
        ({"guidance": "2"}, "got '2'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Sampling(**{"seed": 0, "steps": 30, "strength": 1.0, "guidance": 1.0, **settings})


def test_a_browsers_numbers_are_taken() -> None:
    sampling = Sampling(seed=7.0, steps=30.0, strength=1, guidance=2)
    assert (sampling.seed, sampling.steps) == (7, 30) and isinstance(sampling.seed, int)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"k": 0}, "K must be a whole number from 1 to 8"),
        ({"k": 99}, "K|k"),
        ({"alpha": 1.5}, "alpha|α"),
        ({"alpha": float("nan")}, "alpha|α"),
    ],
)
def test_a_guide_out_of_range_is_refused(
    bench: Bench, values: dict, expected: str, placed: Callable[..., Bench]
) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=expected):
        bench.retune(**{"k": 4, "alpha": 0.5, **values})
    assert bench.work is before


# ---- the page's handlers


@pytest.fixture
def handlers(services: Services, tmp_path: Path, photo_bytes: Draw) -> Handlers:
    example = tmp_path / "dress.jpg"
    example.write_bytes(photo_bytes(form="JPEG"))
    return Handlers(services, {"dress.jpg": example})


def test_from_first_visit_to_a_restored_run(
    bench: Bench, handlers: Handlers, tmp_path: Path, photo_bytes: Draw
) -> None:
    first, ready = handlers.open(bench)
    assert [example["name"] for example in first["photo"]["examples"]] == ["dress.jpg"]
    assert ready["status"]["state"] == "ready" and ready["steps"] == 30 and ready["alpha"] == 0.5

    views = handlers.place_example(bench, {"name": "dress.jpg"}, 5, 0.5)
    assert len(views["film"]["frames"]) == 5 and set(FIELDS) <= set(views)
    assert [item["chosen"] for item in views["film"]["frames"]] == [
        item["consensus"] for item in views["film"]["frames"]
    ]
    views = handlers.pick(bench, {"index": 2})
    assert views["canvas"]["revision"] == views["film"]["revision"] == 1, "later answers win in the page"
    assert views["canvas"]["title"] == "candidate 3" and views["film"]["frames"][2]["chosen"]

    *steps, last = handlers.generate(bench, 9, False, 2, 1.0, 1.0, False)
    assert steps[0]["seed"] == 9 and steps[0]["cancel"] == {"interactive": True}
    assert last["result"]["state"] == "done" and last["result"]["image"].startswith("data:image/png")
    assert last["result"]["file"] == "dress-flat-1.png" and last["generate"] == {"interactive": True}
    assert "is saved" in last["status"]["message"]

    upload = tmp_path / "upload.png"
    upload.write_bytes(photo_bytes("#224488"))
    handlers.place_photo(bench, str(upload), 2, 0.1)
    assert not upload.exists(), "a received file does not stay behind"
    looked = handlers.look(bench, {"run": 1})
    assert looked["result"]["run"] == 1 and bench.work.photo.name == "upload.png", "looking changes nothing"
    views = handlers.restore(bench, {"run": 1})
    assert (views["k"], views["seed"], views["steps"]) == (5, 9, 2) and views["canvas"]["chosen"] == 2
    assert bench.work.photo.name == "dress.jpg"


def test_without_weights_the_page_says_what_to_do(
    make_services: Callable[..., Services], tmp_path: Path, photo_bytes: Draw
) -> None:
    missing = tmp_path / "nowhere"
    services = make_services(lambda: RAGDiffusion.from_pretrained(missing))
    bench = Bench(services, "")
    first, last = Handlers(services, {}).open(bench)
    assert first["status"]["state"] == "loading" and last["status"]["state"] == "failed"
    assert f"'{missing}' not found: give a folder" in last["status"]["message"]
    with pytest.raises(ValueError, match="not found: give a folder"):
        bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    assert bench.work is None and bench.history(9) == []


def test_a_new_seed_is_shown_and_used(bench: Bench, handlers: Handlers, placed: Callable[..., Bench]) -> None:
    placed(bench)
    seeds = []
    for _ in range(2):
        first, *_ = handlers.generate(bench, 0, True, 1, 1.0, 1.0, False)
        seeds.append(first["seed"])
    assert seeds[0] != seeds[1] and [run.inputs.seed for run in bench.history(9)] == seeds[::-1]


def test_nothing_happens_before_a_photo(bench: Bench, handlers: Handlers) -> None:
    assert handlers.retune(bench, 3, 0.5) == {} == handlers.describe(bench, *[UNKNOWN] * 14)
    with pytest.raises(ValueError, match="no photo yet: drop, paste or choose one"):
        next(handlers.generate(bench, 0, False, 2, 1.0, 1.0, False))
    assert bench.history(9) == []


@pytest.mark.parametrize(
    ("name", "event", "expected"),
    [
        ("pick", {"index": 7}, "candidate must be a whole number from 0 to 3"),
        ("pick", {"index": "x"}, "candidate must be a whole number"),
        ("look", {"run": 99}, "there is no run 99"),
        ("look", {"run": "1; DROP TABLE runs"}, "is no run"),
        ("restore", {}, "None is no run"),
    ],
)
def test_a_forged_event_is_refused(
    bench: Bench, handlers: Handlers, name: str, event: dict, expected: str, placed: Callable[..., Bench]
) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=expected):
        getattr(handlers, name)(bench, event)
    assert bench.work is before


def test_a_refusal_is_said_and_the_unexpected_is_short(handlers: Handlers, caplog) -> None:
    message, views = handlers.refuse(ValueError("do this"))
    assert message == "do this" == views["status"]["message"]
    again = handlers.refuse(ValueError("do this"))[1]
    assert views["photo"] != again["photo"], "or the browser would not hear of the second one"
    message, _ = handlers.refuse(ZeroDivisionError("division by zero\nsecond line"))
    assert message == "ZeroDivisionError: division by zero (the whole of it is in the terminal)"
    assert "second line" in caplog.text
