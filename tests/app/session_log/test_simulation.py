"""The simulation of docs/scale.md, small: workers die and sleep, and no run is lost or ends twice."""

from __future__ import annotations

from sqlalchemy import make_url

from tools.simulate_team import Fates, simulate


def test_no_run_is_lost_and_none_ends_twice(postgres_url: str) -> None:
    fates = Fates(dies=0.15, sleeps=0.05)
    outcome = simulate(make_url(postgres_url), runs=60, workers=8, fates=fates, lease=1.0, picture=0.02)
    assert (outcome.lost, outcome.twice) == (0, 0)
    assert sum(outcome.ends.values()) == 60 and set(outcome.ends) <= {"done", "failed"}
    assert outcome.deaths > 0, "or it shows nothing"
