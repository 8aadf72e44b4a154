"""How often entries were candidates and landmarks, counted from a real log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.curation.uses import UseCounter
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.values import RunInputs
from ragdiffusion.bank.browsing import Uses

INPUTS = RunInputs(
    "ana", "0" * 64, "shirt.png", "a/b.png", Sampling(seed=1, steps=1, strength=1.0, guidance=1.0), k=2, alpha=0.5
)


@pytest.fixture
def log(tmp_path: Path) -> SessionLog:
    return SessionLog(tmp_path / "studio.sqlite3")


def add(log: SessionLog, version: str, ids: list[int], **fields: object) -> int:
    found = [{"id": each, "similarity": 0.9, "weight": 0.5, "iou": 0.8} for each in ids]
    run = log.add(replace(INPUTS, bank_version=version, candidates=found, **fields))
    log.cancel(run.id)
    return run.id


def test_candidates_and_landmarks_are_counted_once_for_the_bank_that_they_are_of(log: SessionLog) -> None:
    counter = UseCounter(log.retrieved)
    add(log, "studio-r1-aaaaaa", [5, 7], consensus=1)
    add(log, "studio-r2-bbbbbb", [7, 9], consensus=1, choice=0, landmark_source="candidate")
    add(log, "other-r1-cccccc", [7, 5])
    add(log, "studio-r2-bbbbbb", [5, 7], landmark_source="edited")

    def own(version: str) -> bool:
        return version.startswith("studio")

    expected = {5: Uses(2, 0), 7: Uses(3, 2), 9: Uses(1, 0)}
    assert counter.uses(own) == expected
    assert counter.uses(own) == expected, "a run is counted once"
    add(log, "studio-r2-bbbbbb", [9], consensus=0)
    assert counter.uses(own)[9] == Uses(2, 1)
    assert counter.uses(lambda version: False) == {}


def test_what_stands_behind_a_run_under_way_waits_for_it(log: SessionLog) -> None:
    add(log, "v-r1-aaaaaa", [1])
    log.add(replace(INPUTS, bank_version=""))  # queued
    add(log, "v-r1-aaaaaa", [2])
    assert [run.entries for run in log.retrieved.since(0)] == [(1,)]
