"""The log on real SQLite: nothing is lost, nobody sees another's runs, foreign files are left alone."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from app.session_log.log import SessionLog
from app.session_log.migrate import SCHEMA_VERSION
from app.session_log.sampling import SETTINGS, Sampling
from app.session_log.tables import RunRow
from app.session_log.values import FLAT_INPUTS, RunInputs, check_garment

INPUTS = RunInputs(
    owner="ana",
    photo_sha256="ab" * 32,
    photo_name="Ärmel 袖.jpg",
    photo_path="ab/photo",
    checkpoint="c0ffee",
    bank_version="bank-r1",
    candidates=[{"id": 7, "similarity": 0.91, "weight": -0.25, "iou": 0.5}],
    consensus=0,
    choice=None,
    alpha=0.1,
    k=1,
    attributes={"collar": "Polo"},
    landmark_path="cd/landmark",
    landmark_source="consensus",
    sampling=Sampling(seed=2**32 - 1, steps=30, strength=0.35, guidance=1.5, colour_match=True, background="#f4f1ea"),
    garment={"point": [0.25, 0.75]},
    preset="studio",
    device="cpu",
    embedding=bytes(range(8)),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "studio.sqlite3"


def test_a_run_comes_back_as_it_was_after_a_restart(path: Path) -> None:
    before = datetime.now(timezone.utc)
    log = SessionLog(path)
    run = log.add(replace(INPUTS, choice=0, landmark_source="candidate"))
    log.start(run.id)
    assert log.get(run.id, owner="ana").status == "running"
    log.finish(run.id, result_path="ef/result", timings_ms={"total": 12.5})
    log.close()
    again = SessionLog(path)
    found = again.get(run.id, owner="ana")
    again.close()
    assert found.inputs == replace(INPUTS, choice=0, landmark_source="candidate")
    assert (found.status, found.result_path, found.timings_ms) == ("done", "ef/result", {"total": 12.5})
    assert before <= found.created_at <= datetime.now(timezone.utc)


@pytest.mark.parametrize("name", ["a?mode=memory&x", "100%", "a%2f..%2fb", "a#b", "file:a?vfs=none", "ü ?"])
def test_a_path_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    """Another studio's log lies where the part before the odd letter would lead."""
    other = SessionLog(tmp_path / "a")
    path = tmp_path / name / "studio.sqlite3"
    log = SessionLog(path)
    run = log.add(INPUTS)
    assert other.latest(9, owner="ana") == []
    for each in (log, other):
        each.close()
    inside = {file for file in tmp_path.rglob("*") if file.is_file() and file.name.startswith("studio")}
    assert path in inside and {file.parent for file in inside} == {path.parent}
    again = SessionLog(path)
    assert [found.id for found in again.latest(9, owner="ana")] == [run.id]
    again.close()


def test_runs_cut_off_are_marked_and_finished_ones_are_not(path: Path) -> None:
    log = SessionLog(path)
    queued, running, done, failed, cancelled = (log.add(INPUTS).id for _ in range(5))
    log.start(running)
    log.finish(done, result_path="x", timings_ms={})
    log.fail(failed, "no memory")
    log.cancel(cancelled)
    log.close()
    log = SessionLog(path)
    found = {run.id: (run.status, run.error) for run in log.latest(9, owner="ana")}
    log.close()
    assert found == {
        queued: ("queued", None),
        running: ("interrupted", "the studio was closed meanwhile"),
        done: ("done", None),
        failed: ("failed", "no memory"),
        cancelled: ("cancelled", None),
    }
    assert list(found) == [cancelled, failed, done, running, queued], "newest first"


def test_a_person_sees_only_their_own(path: Path) -> None:
    log = SessionLog(path)
    mine, theirs = log.add(INPUTS), log.add(replace(INPUTS, owner="ben"))
    assert [run.id for run in log.latest(9, owner="ana")] == [mine.id]
    with pytest.raises(ValueError, match=f"no run {theirs.id} in your history"):
        log.get(theirs.id, owner="ana")
    log.close()


def test_many_threads_write_at_once(path: Path) -> None:
    log = SessionLog(path)
    errors: list[Exception] = []

    def work(owner: str) -> None:
        try:
            for _ in range(10):
                log.start(log.add(replace(INPUTS, owner=owner)).id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [len(log.latest(99, owner=str(n))) for n in range(6)] == [10] * 6
    log.close()


def test_the_file_is_a_write_ahead_log_of_our_version(path: Path) -> None:
    SessionLog(path).close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT schema_version FROM schema").fetchall() == [(SCHEMA_VERSION,)]


def test_a_newer_studios_log_is_left_alone(path: Path) -> None:
    log = SessionLog(path)
    run = log.add(INPUTS)
    log.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE schema SET schema_version = 99")
    with pytest.raises(ValueError, match=f"schema version 99, and this studio knows {SCHEMA_VERSION}: update"):
        SessionLog(path)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT status FROM runs WHERE id = ?", (run.id,)).fetchone() == ("queued",)


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes"
    text.write_bytes(b"these are notes, not a database" * 200)
    with pytest.raises(ValueError, match="is not a session log: move it away, or choose another --workspace"):
        SessionLog(text)
    other = tmp_path / "other"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(ValueError, match="is a database of something else"):
        SessionLog(other)
    with sqlite3.connect(other) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_locked_log_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.session_log.database.BUSY_TIMEOUT_MS", 50)
    log = SessionLog(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="cannot be used .*locked.*: check free space and permissions"):
        log.add(INPUTS)
    holder.execute("ROLLBACK")
    holder.close()
    assert log.latest(9, owner="ana") == []
    log.close()


# ---- one truth of the settings, and of which garment is meant


def test_each_setting_has_a_column_of_its_own() -> None:
    columns = RunRow.__table__.columns
    assert [columns[name].nullable for name in SETTINGS] == [False] * len(SETTINGS)
    assert {name: columns[name].type.python_type for name in SETTINGS} == {
        "seed": int,
        "steps": int,
        "strength": float,
        "guidance": float,
        "colour_match": bool,
        "background": str,
    }
    assert "sampling" not in columns


def test_inputs_are_the_same_flat_and_not() -> None:
    flat = INPUTS.flat()
    assert set(flat) == set(FLAT_INPUTS) and flat["seed"] == 2**32 - 1 and "sampling" not in flat
    assert RunInputs.from_flat(flat) == INPUTS


@pytest.mark.parametrize("garment", [None, {"name": "upper"}, {"point": [12, 0.5]}, {"mask": "ab" * 32}], ids=str)
def test_the_garment_that_is_meant_comes_back(path: Path, garment: dict | None) -> None:
    log = SessionLog(path)
    run = log.add(replace(INPUTS, garment=check_garment(garment)))
    assert log.get(run.id, owner="ana").inputs.garment == garment
    with sqlite3.connect(path) as database:
        (stored,) = database.execute("SELECT garment FROM runs").fetchone()
    assert stored is None if garment is None else json.loads(stored) == garment
    log.close()


@pytest.mark.parametrize(
    "garment",
    [
        "upper",
        {},
        {"name": ""},
        {"name": "x" * 81},
        {"point": [1]},
        {"point": [1, float("nan")]},
        {"point": [1, True]},
        {"mask": "../etc"},
        {"name": "a", "point": [1, 2]},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_means_no_garment_is_refused(garment: object) -> None:
    with pytest.raises(ValueError, match="a garment is meant by a name, a point or a mask's hash"):
        check_garment(garment)


def test_the_mask_of_a_garment_is_kept_as_long_as_a_run_needs_it(path: Path) -> None:
    log = SessionLog(path)
    first, second = (log.add(replace(INPUTS, garment={"mask": "ab" * 32})).id for _ in range(2))
    for run_id in (first, second):
        log.fail(run_id, "no memory")
    log.library.discard([first], owner="ana")
    assert log.library.empty_bin(owner="ana") == []
    log.library.discard([second], owner="ana")
    assert f"ab/{'ab' * 32}.png" in log.library.empty_bin(owner="ana")
    log.close()


def test_what_a_landmark_was_drawn_from_comes_back(path: Path) -> None:
    pattern = {"kind": "t_shirt", "measures": {"sleeve_length": 22.3}}
    drafted = replace(INPUTS, landmark_source="drafted", pattern=pattern)
    log = SessionLog(path)
    run, plain = log.add(drafted), log.add(INPUTS)
    assert log.get(run.id, owner="ana").inputs == drafted and log.get(plain.id, owner="ana").inputs.pattern is None
    assert RunInputs.from_flat(drafted.flat()) == drafted and "pattern" in FLAT_INPUTS
    assert log.retrieved.since(0) == []  # they have not ended
    for number in (run.id, plain.id):
        log.finish(number, result_path="ef/result", timings_ms={})
    assert [found.landmark for found in log.retrieved.since(0)] == [None, 7]
    log.close()
    with pytest.raises(ValueError, match="a pattern has a kind and measures"):
        RunInputs.from_flat({**drafted.flat(), "pattern": {"kind": "t_shirt"}})
