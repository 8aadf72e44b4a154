"""A drafted landmark from the bench to the log and back, over a small real model, without a browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.api.handlers import ApiHandlers, GuideRequest
from app.curation.drawing import form_of
from app.files.bundle import pack, unpack
from app.files.embedded import KEY, settings_of
from app.files.image_store import ImageStore
from app.landmark_editor.rle import decode
from app.pages.bank.add_handlers import AddHandlers
from app.pages.bank.states import BankStates
from app.pages.design.measure_handlers import MeasureHandlers
from app.pages.history.views import detail_view
from app.pages.shared.bench_views import canvas_view, film_view
from app.pages.shared.context import PageContext
from app.pages.shared.run_views import outline_words
from app.runs.bench import Bench
from app.runs.bench_drafts import make_draft, make_drafts
from app.runs.kept_benches import KeptBenches
from app.runs.past_banks import PastBanks
from app.runs.runs import Runs
from app.runs.services import Services
from app.runs.sheets import DRAFTED, plan_sheet
from app.session_log.log import SessionLog
from app.session_log.patterns import check_pattern, drawn_pattern, logged_pattern
from app.session_log.sampling import Sampling
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import defaults, draft, specs
from ragdiffusion.garments.patterns.attributes import attributes_of

SAMPLING = Sampling(seed=3, steps=1, strength=1.0, guidance=1.0)
LONG = {"body_length": 88.0}
Place = Callable[..., Bench]


@pytest.fixture(autouse=True)
def patterned(model: RAGDiffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank's entries know by which measures they are cut."""
    known = PatternSpec("t_shirt", defaults("t_shirt"))
    monkeypatch.setattr(type(model.bank), "patterns", lambda bank, ids: dict.fromkeys(ids, known))


def raster(bench: Bench) -> np.ndarray:
    return bench.work.guide.pattern.rasterise(256)


def state(bench: Bench, serial: int, **more: object) -> dict:
    """What the canvas says."""
    work = bench.work
    own = {"source": "consensus", "choice": None, "mask": None, "pattern": None, **more}
    return {"token": work.token, "serial": serial, "k": work.guide.k, "alpha": work.guide.alpha, **own}


def logged(kind: str = "t_shirt", **measures: float) -> dict:
    return {"kind": kind, "measures": measures}


# ---- the bench


def test_the_drafted_shape_stands_beside_the_candidates_with_a_draft_of_its_own(bench: Bench, placed: Place) -> None:
    work = placed(bench).work
    assert work.guide.landmark_source == "consensus" and len(work.drafts) == 8 + 1
    view = film_view(work)["drafted"]
    predicted = work.guide.drafted
    assert view["measures"] == predicted.pattern.measures and view["overlap"] == predicted.overlap
    assert np.array_equal(decode(view["mask"], 256), predicted.pattern.rasterise(256))
    first, last = make_drafts(bench)
    assert [draft is not None for draft in first.drafts] == [True] * 4 + [False] * 4 + [True], "what is shown, first"
    assert all(last.drafts)
    picked = bench.settle(state(bench, 1, source="drafted", pattern=logged_pattern(predicted.pattern)))
    assert picked.guide.landmark_source == "drafted" and picked.draft is last.drafts[-1], "it is laid already"


def test_measures_that_move_are_the_landmark_and_the_prediction_stays(bench: Bench, placed: Place) -> None:
    placed(bench)
    before = bench.work.guide.drafted
    moved = bench.settle(state(bench, 1, source="drafted", pattern=logged(body_length=90)))
    assert np.array_equal((moved.guide.landmark * 255).numpy().round(), raster(bench)) and moved.draft is None
    assert moved.guide.drafted is before and moved.guide.pattern.measures["body_length"] == 90
    view = canvas_view(moved)
    assert view["pattern"] == logged_pattern(moved.guide.pattern)
    assert np.array_equal(decode(view["mask"], 256), raster(bench)), "the canvas has the very pixels"
    laid = make_draft(bench)
    assert laid.draft is not None and bench.work.draft is laid.draft
    retuned = bench.settle({**state(bench, 2, source="drafted", pattern=logged(body_length=90)), "k": 2})
    assert retuned.guide.k == 2 and retuned.draft is laid.draft
    assert bench.settle(state(bench, 3)).guide.pattern is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (logged(sleeve_length=500), "sleeve_length is 500 cm"),
        (logged(wings=2), "t_shirt has no measure 'wings'"),
        (logged("tent"), "there is no kind 'tent'"),
        (None, "without measures: reload the page"),
        ({"kind": "t_shirt"}, "a pattern has a kind and measures"),
    ],
)
def test_measures_that_cannot_be_drawn_are_refused_by_name(
    bench: Bench, placed: Place, pattern: dict | None, message: str
) -> None:
    work = placed(bench).work
    with pytest.raises(ValueError, match=message):
        bench.settle(state(bench, 1, source="drafted", pattern=pattern))
    assert bench.work is work


def test_measures_outlive_another_reading_and_unmoved_ones_follow_it(bench: Bench, placed: Place) -> None:
    placed(bench)
    bench.take_drafted(LONG)
    described = bench.describe({"collar": "Polo"}).guide
    assert described.landmark_source == "drafted" and described.pattern.measures["body_length"] == 88
    mended = bench.mend(np.pad(np.ones((200, 150), np.float32), ((100, 100), (75, 75)))).guide
    assert mended.pattern.measures["body_length"] == 88
    bench.take_drafted()
    half = np.zeros((400, 300), np.float32)
    half[100:200, 75:225] = 1
    other = bench.mend(half).guide
    assert other.landmark_source == "drafted" and other.pattern is other.drafted.pattern


def test_where_nothing_was_drafted_it_is_said(bench: Bench, placed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = type(bench._engine.model().bank)
    monkeypatch.setattr(bank, "patterns", lambda bank, ids: {})
    work = placed(bench).work
    assert work.guide.drafted is None and len(work.drafts) == 8 and film_view(work)["drafted"] is None
    with pytest.raises(ValueError, match="no shape was drafted for this photo"):
        bench.take_drafted()


# ---- the log


def test_a_run_of_moved_measures_is_logged_restored_and_reproduced(
    context: PageContext, bench: Bench, runs: Runs, placed: Place, photo_bytes: Callable[..., bytes], tmp_path: Path
) -> None:
    placed(bench)
    mask = raster(Bench.take_drafted(bench, LONG) and bench)
    started = runs.start(bench, SAMPLING)
    assert [*started.jobs[0].progress()][-1].status == "done"
    first = runs.get("ana", started.runs[0].id)
    inputs = first.inputs
    assert (inputs.landmark_source, inputs.choice, inputs.pattern["kind"]) == ("drafted", None, "t_shirt")
    assert inputs.pattern["measures"] == bench.work.guide.pattern.measures
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(runs.picture(inputs.landmark_path)))), mask)

    bench.place(photo_bytes("#224488"), "other.png", k=5, alpha=0.9)
    runs.restore(bench, first.id)
    restored = bench.work.guide
    assert restored.landmark_source == "drafted" and restored.pattern.measures == inputs.pattern["measures"]
    assert canvas_view(bench.work)["pattern"] == inputs.pattern

    checked = runs.reproduce("ana", first.id)
    assert [*checked.jobs[0].progress()][-1].status == "done"
    assert runs.get("ana", checked.runs[0].id).same_pixels is True

    shown = dict(detail_view(first, {}, ())["details"])
    assert "body length 88 cm" in shown["measures of the t shirt"] and outline_words(inputs) == "drafted, t shirt"
    assert settings_of(first)["pattern"] == inputs.pattern, "the file's own settings say it"
    saved = context.run_presenter.result(first)["saved"]
    assert KEY and saved.startswith("data:image/png")

    other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
    (taken,) = unpack(pack([first], context.images), "b.zip", owner="ben", log=other, images=store)
    assert taken.inputs == replace(inputs, owner="ben")
    other.close()


def test_measures_that_this_release_draws_otherwise_come_back_as_an_outline(
    bench: Bench, runs: Runs, placed: Place, services: Services, tmp_path: Path
) -> None:
    placed(bench)
    bench.take_drafted(LONG)
    past = PastBanks(services.engine, tmp_path)
    started = runs.start(bench, SAMPLING)
    inputs, mask = started.runs[0].inputs, runs.picture(started.runs[0].inputs.landmark_path)
    photo = runs.picture(inputs.photo_path)
    for pattern in (logged(body_length=60), logged("of another release", body_length=88)):
        guide = bench.put_back(photo, replace(inputs, pattern=pattern), mask, past=past).guide
        assert (guide.landmark_source, guide.pattern) == ("edited", None)
        assert torch.equal((guide.landmark * 255).round().to(torch.uint8), torch.from_numpy(draft_of(LONG, inputs)))


def draft_of(moved: dict, inputs) -> np.ndarray:  # noqa: ANN001 - the log's
    return draft("t_shirt", {**inputs.pattern["measures"], **moved}).rasterise(256)


def test_a_kept_bench_has_its_measures(tmp_path: Path, services: Services, photo_bytes: Callable[..., bytes]) -> None:
    benches = KeptBenches(tmp_path / "benches", services.engine, PastBanks(services.engine, tmp_path / "banks"))
    bench = benches.open("ana", "ab" * 16)
    bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    bench.take_drafted(LONG)
    benches.close()
    again = KeptBenches(tmp_path / "benches", services.engine, PastBanks(services.engine, tmp_path / "banks"))
    back = again.open("ana", "ab" * 16)
    again.put_back(back)
    assert back.work.guide.pattern.measures == bench.work.guide.pattern.measures
    again.close()


def test_patterns_are_checked_as_the_log_keeps_them() -> None:
    shirt = logged_pattern(draft("t_shirt", {"sleeve_length": 22}))
    assert check_pattern(shirt) == shirt and drawn_pattern(shirt).measures == shirt["measures"]
    assert check_pattern(None) is None and drawn_pattern(None) is None and logged_pattern(None) is None
    assert check_pattern(logged("later_kind", later=1)) == logged("later_kind", later=1.0)
    assert drawn_pattern(logged("later_kind", later=1)) is None
    for wrong in (
        logged(a=True),
        logged(a=float("nan")),
        logged(a=10**400),
        logged("x" * 61),
        {**shirt, "more": 1},
        [],
    ):
        with pytest.raises(ValueError, match="a pattern has a kind and measures"):
            check_pattern(wrong)


# ---- what asks for it


def test_a_sheet_may_have_a_column_of_it(bench: Bench, placed: Place) -> None:
    guide = placed(bench).work.guide
    sheet = plan_sheet(guide, alphas=[0.5], ks=[2, 4], candidates=[None, 0, DRAFTED])
    assert sheet.columns == ("consensus", "candidate 1", "drafted")
    assert [cell.guide.landmark_source for cell in sheet.cells] == ["consensus", "candidate", "drafted"] * 2
    own = plan_sheet(bench.take_drafted(LONG).guide, alphas=[0.5], ks=[4], candidates=[None, DRAFTED])
    assert own.columns == ("own measures", "drafted")
    assert [cell.guide.pattern.measures["body_length"] == 88 for cell in own.cells] == [True, False]


def test_a_program_asks_for_it(services: Services, tmp_path: Path, photo_bytes: Callable[..., bytes]) -> None:
    photo = tmp_path / "shirt.png"
    photo.write_bytes(photo_bytes())
    handlers = ApiHandlers(services)
    found, _ = handlers.retrieve("ana", GuideRequest(str(photo), drafted=True))
    assert found["landmark_source"] == "drafted" and found["pattern"]["measures"] == found["drafted"]["measures"]
    bank = services.engine.model().bank
    mirrored = handlers._bench("ana", GuideRequest(str(photo), mirror=True), bank)[0].work.photo
    plain = handlers._bench("ana", GuideRequest(str(photo)), bank)[0].work.photo
    assert np.array_equal(np.asarray(mirrored.image), np.asarray(plain.image)[:, ::-1])
    moved, landmark = handlers.retrieve("ana", GuideRequest(str(photo), measures=LONG))
    assert moved["pattern"]["measures"] == {**found["drafted"]["measures"], **LONG}
    wanted = draft("t_shirt", moved["pattern"]["measures"]).rasterise(256)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(landmark))), wanted)
    for more, message in [
        ({"drafted": True, "candidate": 1}, "candidate and drafted both name a landmark"),
        ({"measures": {"body_length": 5}}, "body_length is 5 cm"),
        ({"measures": {"body_length": "long"}}, "measures, which are numbers"),
        ({"measures": [1]}, "measures must be an object"),
    ]:
        with pytest.raises(ValueError, match=message):
            handlers.retrieve("ana", GuideRequest(str(photo), **more))


def test_one_press_saves_it_into_the_bank_with_its_measures(
    curated: RAGDiffusion,
    make_services: Callable[..., Services],
    photo_bytes: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = make_services(lambda: curated)
    services.start()
    context, bench = PageContext(services), Bench(services.engine, "ana")
    bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    canvas = state(bench, 1, source="drafted", pattern=logged(body_length=90))
    said = AddHandlers(BankStates(context.curator), context).take_landmark(bench, {}, canvas)
    bank = services.engine.model().bank
    entry = bank.entry(said["bank"]["token"])
    assert entry.source == "drafted:shirt.png" and {"drafted", "measures"} <= set(entry.tags)
    read = attributes_of(bench.work.guide.pattern)
    assert entry.attributes["sleeve_length"] == read["sleeve_length"] != "Unknown", "measures say it best"
    monkeypatch.undo()  # what the bank really has
    assert bank.patterns([entry.id])[entry.id].measures["body_length"] == 90, "it can be moved again"
    with Image.open(io.BytesIO(entry.silhouette)) as stored:
        mine = np.asarray(stored.convert("L")) > 127
    assert np.array_equal(mine, bench.work.guide.pattern.rasterise(512) > 127)


# ---- the sliders


def test_sliders_are_grouped_and_take_over_what_another_kind_shares() -> None:
    form = form_of("t_shirt", {"chest": 52.0, "inseam": 70.0})
    assert {field["key"] for field in form["fields"]} == {spec.key for spec in specs("t_shirt")}
    groups = [field["group"] for field in form["fields"]]
    assert groups == sorted(groups, key=groups.index) and groups[0] == "Length and width", "group by group"
    assert next(field for field in form["fields"] if field["key"] == "chest")["value"] == 52
    wide = {field["key"]: field["value"] for field in form_of("t_shirt", {"chest": 80.0})["fields"]}
    assert defaults("t_shirt")["chest"] < wide["chest"] < 80 and draft("t_shirt", wide), "as wide as can be drawn"


def test_sliders_are_drawn_or_say_which_contradict(services: Services) -> None:
    answer = MeasureHandlers(services.engine).answer
    good = answer("", {"what": "draw", "kind": "t_shirt", "measures": {"body_length": 80}})
    assert np.array_equal(decode(good["mask"], 256), draft("t_shirt", {"body_length": 80}).rasterise(256))
    bad = answer("", {"what": "draw", "kind": "t_shirt", "measures": {"sleeve_length": 11, "armhole_depth": 34}})
    assert bad["mask"] is None and bad["measures"][0] == bad["wrong"].split()[0].rstrip(":")
    assert answer("", {"what": "kind", "kind": "skirt", "measures": {"sleeve_length": 20}})["kind"] == "skirt"
    for wrong in ({"what": "draw", "kind": "tent"}, {"what": "fold", "kind": "skirt"}, {"kind": "skirt"}):
        with pytest.raises(ValueError, match="choose one of the list|reload the page"):
            answer("", {"measures": {}, **wrong})
