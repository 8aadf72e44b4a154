"""The History page's handlers over a small real model, without a browser."""

from __future__ import annotations

import base64
import io
import sqlite3
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.files.embedded import embed, settings_of
from app.pages.design.preset_handlers import PRESET_SETTINGS, PresetHandlers
from app.pages.history.handlers import HistoryHandlers
from app.pages.history.page import to_design
from app.pages.shared.context import PageContext
from app.pages.shared.run_actions import RunActions
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.sampling import Sampling

Draw = Callable[..., bytes]
SAMPLING = Sampling(seed=3, steps=1, strength=1.0, guidance=1.0)


@pytest.fixture
def bench(services: Services, photo_bytes: Draw) -> Bench:
    made = Bench(services.engine, "ana")
    made.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    return made


@pytest.fixture
def page(context: PageContext) -> HistoryHandlers:
    given = context
    return HistoryHandlers(
        given.log, given.images, given.runs, given.files, given.run_presenter, given.bench_presenter, given.status
    )


@pytest.fixture
def run(runs: Runs, bench: Bench) -> int:
    """A finished run."""
    started = runs.start(bench, SAMPLING)
    assert [*started.jobs[0].progress()][-1].status == "done"
    return started.runs[0].id


def cards(views: dict) -> list[int]:
    return [card["run"] for card in views["history_page"]["cards"]]


def test_a_run_is_found_looked_at_and_changed(page: HistoryHandlers, bench: Bench, run: int) -> None:
    before = bench.work
    assert cards(page.search(bench, {})) == [run] and page.search(bench, {})["history_page"]["cards"][0]["image"]
    detail = page.inspect(bench, {"run": run})["history_detail"]
    assert detail["image"] and detail["photo"] and len(detail["candidates"]) == 4 and bench.work is before
    views = page.change(bench, {"action": "note", "runs": [run], "value": "for Ana"})
    assert views["history_detail"]["words"] == "for Ana"
    assert cards(page.search(bench, {"text": "for ana", "status": "done"})) == [run]
    assert cards(page.search(bench, {"text": "for ben"})) == []
    page.change(bench, {"action": "mark", "runs": [run], "value": "starred"})
    assert cards(page.search(bench, {"mark": "starred"})) == [run]
    views = page.change(bench, {"action": "collect", "runs": [run], "value": "Spring"})
    ((number, name),) = views["history_detail"]["collections"]
    assert name == "Spring" and cards(page.search(bench, {"collection": number})) == [run]
    views = page.change(bench, {"action": "take_out", "runs": [run], "value": number})
    assert views["history_page"]["collections"] == []
    today = time.strftime("%Y-%m-%d")
    assert cards(page.search(bench, {"since": today, "until": today})) == [run]
    assert cards(page.search(bench, {"until": "2020-01-01"})) == []


def test_the_bin_gives_back_and_then_forgets_pictures_too(
    page: HistoryHandlers, bench: Bench, run: int, services: Services
) -> None:
    page.change(bench, {"action": "discard", "runs": [run]})
    assert cards(page.search(bench, {})) == [] and cards(page.search(bench, {"bin": True})) == [run]
    assert cards(page.change(bench, {"action": "bring_back", "runs": [run], "bin": True})) == []
    assert cards(page.search(bench, {})) == [run]
    page.change(bench, {"action": "discard", "runs": [run]})
    page.change(bench, {"action": "empty_bin", "bin": True})
    assert [path for path in services.images.folder.rglob("*") if path.is_file()] == []
    with pytest.raises(ValueError, match="no run"):
        page.inspect(bench, {"run": run})


def test_a_bundle_goes_to_another_person_and_its_run_is_restored_there(
    page: HistoryHandlers,
    run_actions: RunActions,
    bench: Bench,
    run: int,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = Path(page.bundle(bench, {"runs": [run]})["bundle_out"]["value"])
    assert zipfile.ZipFile(path).testzip() is None and path.is_relative_to(tmp_path)
    ben = Bench(services.engine, "ben")
    taken = page.take(ben, str(path))
    mine = cards(taken)[0]
    assert mine != run and path.exists(), "somebody else may have sent the same"
    views = to_design(run_actions.restore)(ben, {"run": mine, "scope": "all"})
    assert views["page"] == {"selected": "design"} and views["seed"] == 3 and ben.work.photo.name == "shirt.png"
    checked = run_actions.repeat(ben, {"run": mine, "check": True})["result"]["run"]
    [*services.queue.follow(checked, "ben").progress()] if services.queue.follow(checked, "ben") else None
    assert services.log.get(checked, owner="ben").same_pixels is True


def test_settings_are_taken_from_a_png(
    page: HistoryHandlers, bench: Bench, run: int, services: Services, tmp_path: Path
) -> None:
    made = services.log.get(run, owner="ana")
    path = tmp_path / "flat.png"
    path.write_bytes(embed(Image.new("RGB", (8, 8)), {**settings_of(made), "k": 2, "alpha": 0.75}))
    views = page.take(bench, str(path))
    assert (views["k"], views["alpha"], views["seed"], views["steps"]) == (2, 0.75, 3, 1)
    assert (bench.work.guide.k, bench.work.guide.alpha) == (2, 0.75)
    empty = Bench(services.engine, "ana")
    path.write_bytes(embed(Image.new("RGB", (8, 8)), settings_of(made)))
    assert page.take(empty, str(path))["k"] == 4 and empty.work is None
    path.write_bytes(embed(Image.new("RGB", (8, 8)), None))
    with pytest.raises(ValueError, match="flat.png holds no settings"):
        page.take(bench, str(path))
    path.write_bytes(b"words")
    with pytest.raises(ValueError, match="flat.png is no ZIP"):
        page.take(bench, str(path))


def test_an_export_is_a_download_of_its_own(page: HistoryHandlers, bench: Bench, run: int) -> None:
    first, second = (page.export(bench, {"run": run})["history_detail"]["download"] for _ in range(2))
    assert first["token"] != second["token"] and first["name"].endswith(f"-flat-{run}.png")
    assert Image.open(io.BytesIO(base64.b64decode(first["url"].partition(",")[2]))).size == (400, 400)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, b: p.change(b, {"action": "mark", "runs": [], "value": "starred"}), "no run is selected"),
        (lambda p, b: p.change(b, {"action": "eat", "runs": [1]}), "cannot be changed by 'eat'"),
        (lambda p, b: p.change(b, {"action": "note", "runs": [1], "value": "x" * 4001}), "4001 characters, and 4000"),
        (lambda p, b: p.search(b, {"since": "yesterday"}), "'yesterday' is no date"),
        (lambda p, b: p.search(b, {"status": "lost"}), "'lost' is no status"),
        (lambda p, b: p.search(b, {"before": "x"}), "'x' is no run"),
        (lambda p, b: p.bundle(b, {"runs": [99]}), "no run 99"),
        (lambda p, b: p.bundle(b, {}), "1 to 500 runs, got 0"),
    ],
)
def test_bad_events_are_refused(page: HistoryHandlers, bench: Bench, run: int, call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(page, bench)


def test_own_presets_set_the_page_and_tune_the_guide(context: PageContext, bench: Bench) -> None:
    presets = PresetHandlers(context.log.library, context.runs, context.bench_presenter, context.status)
    values = (2, 0.75, 20, 0.5, 1.5, True, "#f4f1ea")
    assert presets.keep(bench, " shirt,  formal ", *values)["own_preset"]["value"] == "shirt, formal"
    assert presets.open(bench)["own_preset"]["choices"] == [("shirt, formal", "shirt, formal")] or (
        presets.open(bench)["own_preset"]["choices"] == ["shirt, formal"]
    )
    views = presets.take(bench, "shirt, formal")
    assert tuple(views[key] for key in PRESET_SETTINGS) == values
    assert (bench.work.guide.k, bench.work.guide.alpha) == (2, 0.75)
    assert presets.take(bench, "being typed") == {}
    with pytest.raises(ValueError, match="the background is white"):
        presets.keep(bench, "x", *values[:-1], "blue")
    with pytest.raises(ValueError, match="1 to 80 characters"):
        presets.keep(bench, "", *values)
    presets.forget(bench, "shirt, formal")
    with pytest.raises(ValueError, match="there is no preset"):
        presets.forget(bench, "shirt, formal")


def test_a_locked_log_is_said_in_one_line(
    page: HistoryHandlers, bench: Bench, run: int, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.session_log.database.BUSY_TIMEOUT_MS", 50)
    services.log.close()  # the next connections take the shorter time
    holder = sqlite3.connect(services.log.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="locked.*check free space and permissions, and that no other program"):
        page.change(bench, {"action": "mark", "runs": [run], "value": "starred"})
    assert cards(page.search(bench, {})) == [run], "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    page.change(bench, {"action": "mark", "runs": [run], "value": "starred"})
