"""Finding, marking, binning and collecting runs on real SQLite; and thousands of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.session_log.library import OwnPreset
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.search import RunFilter
from app.session_log.values import Run, RunInputs

_SAMPLING = Sampling(seed=1, steps=30, strength=0.35, guidance=1.0)
INPUTS = RunInputs(
    owner="ana",
    photo_sha256="ab" * 32,
    photo_name="a.jpg",
    photo_path="ab/photo",
    sampling=_SAMPLING,
    k=1,
    alpha=0.1,
    attributes={"collar": "Polo"},
    landmark_path="cd/landmark",
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SessionLog]:
    opened = SessionLog(tmp_path / "studio.sqlite3")
    yield opened
    opened.close()


def done(log: SessionLog, **inputs: object) -> Run:
    run = log.add(replace(INPUTS, **inputs))
    log.finish(run.id, result_path="ef/result", timings_ms={"total": 1.0}, thumbnail=b"small")
    return log.get(run.id, owner=run.inputs.owner)


def found(log: SessionLog, **wanted: object) -> list[int]:
    return [card.id for card in log.search.find(RunFilter(**wanted), owner="ana", count=99).cards]


def test_words_are_found_whatever_their_case_and_accents(log: SessionLog) -> None:
    shirt = done(log, photo_name="Café_50%.png", attributes={"category": "Shirt", "collar": "Polo"})
    dress = done(log, photo_name="été.png", attributes={"category": "Dress", "collar": "Unknown"})
    assert found(log, text="CAFE polo") == [shirt.id] and found(log, text="ete") == [dress.id]
    assert found(log, text="50%") == [shirt.id] and found(log, text="%") == [shirt.id], "no wildcard"
    assert found(log, text="unknown") == [] and found(log, text="shirt dress") == []
    log.library.note(dress.id, "  Für die Braut ", owner="ana")
    assert found(log, text="fur braut") == [dress.id] and log.get(dress.id, owner="ana").note == "Für die Braut"
    log.library.note(dress.id, "", owner="ana")
    assert found(log, text="braut") == []
    assert found(log, category="Dress") == [dress.id] and log.search.categories(owner="ana") == ["Dress", "Shirt"]


def test_a_filter_narrows_by_all_it_names(log: SessionLog) -> None:
    first, second, third = (done(log, sampling=replace(_SAMPLING, seed=seed)) for seed in range(3))
    log.library.mark([first.id, third.id], "starred", owner="ana")
    log.library.mark([second.id], "rejected", owner="ana")
    assert found(log, mark="starred") == [third.id, first.id] and found(log, mark="rejected") == [second.id]
    log.library.mark([first.id], "rejected", owner="ana")
    assert found(log, mark="starred") == [third.id], "a mark takes the place of the other"
    log.library.mark([third.id], None, owner="ana")
    assert found(log, mark="starred") == []
    waiting = log.add(INPUTS)
    assert found(log, status="queued") == [waiting.id] and len(found(log, status="done")) == 3
    now = datetime.now(timezone.utc)
    assert len(found(log, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 4
    assert found(log, until=now - timedelta(hours=1)) == [] == found(log, since=now + timedelta(hours=1))


def test_pages_follow_one_another_without_gaps(log: SessionLog) -> None:
    ids = [done(log).id for _ in range(7)][::-1]
    first = log.search.find(RunFilter(), owner="ana", count=3)
    second = log.search.find(RunFilter(), owner="ana", count=3, before=first.cards[-1].id)
    assert [card.id for card in first.cards + second.cards] == ids[:6] and first.total == second.total == 7


def test_the_bin_takes_gives_back_and_forgets(log: SessionLog) -> None:
    kept, gone = done(log), done(log, landmark_path="aa/other")
    log.library.discard([gone.id], owner="ana")
    assert found(log) == [kept.id] and found(log, bin=True) == [gone.id]
    assert [run.id for run in log.latest(9, owner="ana")] == [kept.id]
    log.library.bring_back([gone.id], owner="ana")
    assert found(log) == [gone.id, kept.id] and found(log, bin=True) == []
    log.library.discard([gone.id], owner="ana")
    assert log.library.empty_bin(owner="ben") == []
    assert log.library.empty_bin(owner="ana") == ["aa/other"], "the photo and the result are the other run's too"
    with pytest.raises(ValueError, match=f"no run {gone.id} in your history"):
        log.get(gone.id, owner="ana")
    with pytest.raises(ValueError, match="has not ended yet: cancel it first"):
        log.library.discard([log.add(INPUTS).id], owner="ana")


def test_a_number_never_means_another_run(log: SessionLog, tmp_path: Path) -> None:
    first, newest = done(log), done(log)
    summer = log.library.collect([newest.id], "Summer", owner="ana")
    log.library.discard([first.id, newest.id], owner="ana")
    log.library.empty_bin(owner="ana")
    assert (found(log), found(log, bin=True)) == ([], [])
    after = done(log)
    assert after.id > newest.id, "also when nothing else is left"
    log.library.discard([after.id], owner="ana")
    log.library.empty_bin(owner="ana")
    log.close()
    again = SessionLog(tmp_path / "studio.sqlite3")
    last = done(again)
    assert last.id > after.id, "after another start, too"
    assert again.library.collect([last.id], "Winter", owner="ana").id > summer.id
    again.close()


def test_collections_hold_runs_once_and_vanish_when_empty(log: SessionLog) -> None:
    first, second = done(log), done(log)
    summer = log.library.collect([first.id, second.id, first.id], "  Summer   27 ", owner="ana")
    assert (summer.name, summer.count) == ("Summer 27", 2)
    assert log.library.collect([second.id], "Summer 27", owner="ana") == summer
    assert found(log, collection=summer.id) == [second.id, first.id]
    log.library.discard([first.id], owner="ana")
    assert [each.count for each in log.library.collections(owner="ana")] == [1]
    assert log.library.collections_of(second.id, owner="ana") == [summer.id]
    log.library.take_out([first.id, second.id], summer.id, owner="ana")
    assert log.library.collections(owner="ana") == []
    for name in ("", "  ", "x" * 81):
        with pytest.raises(ValueError, match="1 to 80 characters"):
            log.library.collect([second.id], name, owner="ana")


def test_presets_are_kept_replaced_and_forgotten(log: SessionLog) -> None:
    log.library.keep_preset(OwnPreset("shirt, formal", {"k": 4}), owner="ana")
    log.library.keep_preset(OwnPreset("shirt, formal", {"k": 6}), owner="ana")
    assert log.library.presets(owner="ana") == [OwnPreset("shirt, formal", {"k": 6})]
    assert log.library.presets(owner="ben") == []
    log.library.forget_preset("shirt, formal", owner="ana")
    with pytest.raises(ValueError, match="no preset 'shirt, formal'"):
        log.library.forget_preset("shirt, formal", owner="ana")


def test_nobody_touches_anothers_runs(log: SessionLog) -> None:
    theirs = done(log, owner="ben")
    inside = log.library.collect([theirs.id], "Ben's", owner="ben")
    library = log.library
    for forbidden in (
        lambda: library.mark([theirs.id], "starred", owner="ana"),
        lambda: library.note(theirs.id, "mine", owner="ana"),
        lambda: library.discard([theirs.id], owner="ana"),
        lambda: library.bring_back([theirs.id], owner="ana"),
        lambda: library.collect([theirs.id], "Stolen", owner="ana"),
        lambda: library.take_out([theirs.id], inside.id, owner="ana"),
    ):
        with pytest.raises(ValueError, match=f"no run {theirs.id} in your history"):
            forbidden()
    assert found(log) == [] == found(log, collection=inside.id)
    assert log.search.thumbnails([theirs.id], owner="ana") == {}
    assert log.search.thumbnails([theirs.id], owner="ben") == {theirs.id: b"small"}
    assert library.collections(owner="ana") == [] and log.get(theirs.id, owner="ben").note == ""


def test_the_queue_is_reordered_within_ones_own_places(log: SessionLog) -> None:
    a1, b1, a2, a3 = (log.add(replace(INPUTS, owner=owner)).id for owner in ("ana", "ben", "ana", "ana"))
    log.reorder([a3, 999, b1, a1], owner="ana")
    assert log.waiting() == [(a3, "ana"), (b1, "ben"), (a1, "ana"), (a2, "ana")]
    assert [run.id for run in log.queued(owner="ana")] == [a3, a1, a2]
    assert log.next_queued(paused={"ana"}, taken=()).id == b1
    assert log.next_queued(paused={"ana", "ben"}, taken=()) is None and log.next_queued(paused=(), taken=[a3]).id == b1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"status": "lost"}, "'lost' is no status of a run: choose one of queued, running, done"),
        ({"mark": "loved"}, "'loved' is no mark: choose one of starred, rejected"),
        ({"since": datetime(2026, 1, 1)}, "2026-01-01 00:00:00 has no time zone"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(wanted: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunFilter(**wanted)


def test_five_thousand_runs_open_and_filter_quickly(log: SessionLog) -> None:
    """The bounds are those of the page as a whole, 500 ms and 200 ms: here of this part, in time of this thread."""
    done(log, photo_name="first.jpg")
    copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) INSERT INTO"
    with sqlite3.connect(log.path) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(runs)") if row[1] != "id"]
        made = {"photo_name": "'photo ' || (i % 50) || '.jpg'", "search_text": "'photo ' || (i % 50) || '.jpg polo'"}
        values = ", ".join(made.get(name, name) for name in names)
        database.execute(f"{copies} runs ({', '.join(names)}) SELECT {values} FROM n, runs WHERE runs.id = 1")
        database.execute(f"{copies} thumbnails SELECT i + 1, randomblob(3000) FROM n")
    started = time.thread_time()
    newest = log.search.find(RunFilter(), owner="ana", count=60)
    small = log.search.thumbnails([card.id for card in newest.cards], owner="ana")
    opened = time.thread_time()
    few = log.search.find(RunFilter(text="o 17.jpg POLO", status="done"), owner="ana", count=60)
    filtered = time.thread_time()
    assert (newest.total, len(small)) == (5000, 60) and (few.total, len(few.cards)) == (100, 60)
    assert opened - started < 0.5 and filtered - opened < 0.2


def test_fields_of_a_page_become_a_filter() -> None:
    wanted = RunFilter.read(
        {"text": "polo", "status": "", "collection": 7, "until": "2026-12-31", "bin": 1, "other": 3}
    )
    assert (wanted.text, wanted.status, wanted.collection, wanted.since, wanted.bin) == ("polo", None, 7, None, True)
    assert wanted.until.strftime("%Y-%m-%d") == "2027-01-01", "the whole of the last day"
    with pytest.raises(ValueError, match="'x' is no collection"):
        RunFilter.read({"collection": "x"})
