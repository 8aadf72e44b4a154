"""The simulation of docs/scale.md, small: workers die and sleep, processes are killed, no run is lost or ends twice."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from tools.simulate_team import Fates, Plan, simulate


def test_no_run_is_lost_and_none_ends_twice(postgres_url: str) -> None:
    fates = Fates(dies=0.15, sleeps=0.05)
    plan = Plan(60, 8, processes=2, connections=2, kills=1, lease=1.0, picture=0.02, fates=fates)
    outcome = simulate(make_url(postgres_url), plan)
    assert (outcome.lost, outcome.twice, outcome.left) == (0, 0, 0)
    assert sum(outcome.ends.values()) == 60 and set(outcome.ends) <= {"done", "failed"}
    assert outcome.deaths > 0 and outcome.killed == 1, "or it shows nothing"
    assert outcome.claims >= 60


def test_what_is_left_when_the_time_is_over_is_not_called_lost(postgres_url: str) -> None:
    plan = Plan(20, 2, processes=1, kills=0, picture=60.0, minutes=0.05)
    outcome = simulate(make_url(postgres_url), plan)
    assert (outcome.left, outcome.lost, outcome.twice, outcome.ends) == (20, 0, 0, {})


def test_a_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="4 processes for 2 workers"):
        Plan(workers=2)
    with pytest.raises(ValueError, match="--connections is 16, 1 to 15 wanted"):
        Plan(connections=16)
