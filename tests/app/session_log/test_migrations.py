"""A log of the first released schema becomes today's, with every row kept."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from app.session_log import migrate
from app.session_log.log import SessionLog
from app.session_log.migrate import SCHEMA_VERSION
from app.session_log.search import RunFilter
from app.session_log.tables import LogBase

# The tables of the first release, as its database holds them.
_FIRST = """
CREATE TABLE schema (id INTEGER NOT NULL, schema_version INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TABLE runs (
    id INTEGER NOT NULL, created_at DATETIME NOT NULL, owner VARCHAR NOT NULL, photo_sha256 VARCHAR NOT NULL,
    photo_name VARCHAR NOT NULL, photo_path VARCHAR NOT NULL, checkpoint VARCHAR NOT NULL,
    bank_version VARCHAR NOT NULL, candidates JSON NOT NULL, consensus INTEGER NOT NULL, choice INTEGER,
    alpha FLOAT NOT NULL, k INTEGER NOT NULL, attributes JSON NOT NULL, landmark_path VARCHAR NOT NULL,
    landmark_source VARCHAR NOT NULL, seed INTEGER NOT NULL, steps INTEGER NOT NULL, strength FLOAT NOT NULL,
    guidance FLOAT NOT NULL, preset VARCHAR NOT NULL, device VARCHAR NOT NULL, status VARCHAR NOT NULL,
    error VARCHAR, timings_ms JSON NOT NULL, result_path VARCHAR, PRIMARY KEY (id)
);
CREATE INDEX runs_of_owner ON runs (owner, id);
INSERT INTO schema VALUES (1, 1);
"""
_CANDIDATES = [{"id": 7, "similarity": 0.91, "weight": -0.25, "iou": 0.5}]
_ATTRIBUTES = {"category": "Shirt", "collar": "Polo", "fit": "Unknown"}


def first_log(path: Path) -> None:
    """A database as the first release left it: one run of each ending, and one that was cut off."""
    with sqlite3.connect(path) as database:
        database.executescript(_FIRST)
        for run, status in enumerate(("done", "failed", "cancelled", "running", "queued"), 1):
            row = {
                "id": run,
                "created_at": f"2026-11-0{run} 10:20:30.400000",
                "owner": "ana",
                "photo_sha256": "ab" * 32,
                "photo_name": f"Ärmel {run}.jpg",
                "photo_path": "ab/photo",
                "checkpoint": "c0ffee",
                "bank_version": "bank-r1",
                "candidates": json.dumps(_CANDIDATES),
                "consensus": 0,
                "choice": None,
                "alpha": 0.1,
                "k": 1,
                "attributes": json.dumps(_ATTRIBUTES),
                "landmark_path": "cd/landmark",
                "landmark_source": "consensus",
                "seed": 2**32 - run,
                "steps": 30,
                "strength": 0.35,
                "guidance": 1.5,
                "preset": "studio",
                "device": "cpu",
                "status": status,
                "error": "no memory" if status == "failed" else None,
                "timings_ms": json.dumps({"total": 12.5}),
                "result_path": "ef/result" if status == "done" else None,
            }
            places = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({places})", list(row.values()))


def differences(path: Path) -> list:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, LogBase.metadata)
    engine.dispose()
    return [change for change in found if "alembic_version" not in str(change)]


def test_a_log_of_the_first_schema_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    first_log(path)
    log = SessionLog(path)
    found = {run.id: run for run in log.latest(9, owner="ana")}
    assert {run.id: (run.status, run.error) for run in found.values()} == {
        1: ("done", None),
        2: ("failed", "no memory"),
        3: ("cancelled", None),
        4: ("interrupted", "the studio was closed meanwhile"),
        5: ("queued", None),
    }
    done = found[1]
    assert done.inputs.candidates == _CANDIDATES and done.inputs.attributes == _ATTRIBUTES
    assert (done.inputs.sampling.seed, done.inputs.alpha, done.inputs.sampling.strength) == (2**32 - 1, 0.1, 0.35)
    assert (done.result_path, done.timings_ms) == ("ef/result", {"total": 12.5})
    assert done.created_at == datetime(2026, 11, 1, 10, 20, 30, 400000, tzinfo=timezone.utc)
    assert (done.inputs.embedding, done.inputs.garment) == (None, None)
    assert (done.inputs.sampling.colour_match, done.inputs.sampling.background) == (False, "white")
    assert (done.starred, done.note, done.deleted_at, done.group_id, done.imported) == (False, "", None, None, False)
    found_again = log.search.find(RunFilter(text="armel polo"), owner="ana", count=9)
    assert [card.id for card in found_again.cards] == [5, 4, 3, 2, 1]
    assert log.search.categories(owner="ana") == ["Shirt"]
    assert [run.id for run in log.queued(owner="ana")] == [5]
    log.close()
    assert differences(path) == []
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT schema_version FROM schema").fetchall() == [(SCHEMA_VERSION,)]


def test_a_log_of_the_second_schema_asks_which_garment_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    first_log(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate._run(connection, "0001", stamp=True)
        migrate._run(connection, "0002", stamp=False)
        connection.exec_driver_sql("UPDATE schema SET schema_version = 2")
        connection.exec_driver_sql("UPDATE runs SET background = '#f4f1ea' WHERE id = 1")
    engine.dispose()
    log = SessionLog(path)
    run = log.get(1, owner="ana")
    assert run.inputs.garment is None and run.inputs.sampling.background == "#f4f1ea"
    new = log.add(replace(run.inputs, garment={"name": "upper"}))
    assert log.get(new.id, owner="ana").inputs.garment == {"name": "upper"}
    log.close()
    assert differences(path) == []


def test_migrations_make_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    SessionLog(tmp_path / "new.sqlite3").close()
    assert differences(tmp_path / "new.sqlite3") == []


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    first_log(path)
    SessionLog(path).close()
    before = path.read_bytes()
    SessionLog(path).close()
    assert path.read_bytes() == before


def test_a_migration_that_breaks_leaves_the_old_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it may not stay: an earlier studio must still open the file."""
    path = tmp_path / "studio.sqlite3"
    first_log(path)
    with sqlite3.connect(path) as database:
        before = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    def broken(attributes: dict[str, str]) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.session_log.words.category_of", broken)
    with pytest.raises(OSError, match="No space left"):
        SessionLog(path)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == before
        assert database.execute("SELECT schema_version FROM schema").fetchall() == [(1,)]
    monkeypatch.undo()
    log = SessionLog(path)
    assert len(log.latest(9, owner="ana")) == 5
    log.close()
