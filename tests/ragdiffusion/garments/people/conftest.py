"""Rendered shots that the tests share; without the packages of requirements-train.txt these tests are skipped."""

from __future__ import annotations

import pytest

SIZE = 96


@pytest.fixture(scope="session")
def engine():
    for name in ("anny", "numba"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -r requirements-train.txt")
    from ragdiffusion.garments.people.engine import PeopleEngine

    return PeopleEngine(SIZE)


@pytest.fixture(scope="session")
def shots(engine):
    return [engine.shot(index) for index in range(6)]
