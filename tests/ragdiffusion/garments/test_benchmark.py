"""`data benchmark`: real counts at tiny size, and bad input."""

from __future__ import annotations

import json

import pytest

from ragdiffusion.cli import main
from ragdiffusion.commands import data_benchmark


def test_rates_are_counted_by_the_clock_and_the_processor(monkeypatch, capsys):
    monkeypatch.setattr(data_benchmark, "_WARM_UP", 2)
    monkeypatch.setattr(data_benchmark, "_GARMENTS", 4)
    assert main(["data", "benchmark", "--size", "64", "--pairs", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["size"] == 64 and found["pairs"] == 5 and found["garments"] == "drawn"
    for kind in ("synthetic", "composite"):
        assert 0 < found[f"{kind}_pairs_per_wall_s"] < 5000 and 0 < found[f"{kind}_pairs_per_s"] < 5000


def test_a_known_time_gives_a_known_rate(monkeypatch):
    now = {"clock": 100.0, "processor": 3.0}
    monkeypatch.setattr(data_benchmark.time, "perf_counter", lambda: now["clock"])
    monkeypatch.setattr(data_benchmark.time, "process_time", lambda: now["processor"])

    def make(number: int) -> None:
        now["clock"] += 0.02
        now["processor"] += 0.01

    assert data_benchmark._rate(make, 5, warm_up=3) == pytest.approx((100, 50))


def test_bad_counts_are_refused(capsys):
    assert main(["data", "benchmark", "--pairs", "0"]) == 2
    assert "--pairs is 0, 1 or more wanted" in capsys.readouterr().err
