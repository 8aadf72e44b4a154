"""Another bank than the one in use, as a program names it: searched, logged, and searched again by the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.api.handlers import ApiHandlers, GuideRequest
from app.runs.services import Services
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, NewEntry

SPRING = 5  # entries of the bank that was made here; the checkpoint's own has more


@pytest.fixture
def services(curated_services: Services) -> Services:
    return curated_services


@pytest.fixture
def spring(services: Services, curated: RAGDiffusion) -> Iterator[Bank]:
    services.banks.mkdir()
    bank = curated.bank
    about = {"fingerprint": bank.fingerprint, "dimension": bank.dimension, "name": "Spring"}
    with Bank.create(services.banks / "Spring.sqlite3", **about) as made:
        held = list(bank.entries())[-SPRING:]
        made.add([NewEntry(each.embedding, each.silhouette, {"fit": "Loose"}, source="spring:x") for each in held])
        yield made


def timeless(guide: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in guide.items() if name != "timings_ms"}


def test_a_bank_is_searched_by_its_name(services: Services, spring: Bank, upload: Callable[[], str]) -> None:
    handlers = ApiHandlers(services)
    own, named = (handlers.retrieve("ana", GuideRequest(upload(), bank=name))[0] for name in (None, "bundled"))
    found, _ = handlers.retrieve("ana", GuideRequest(upload(), k=SPRING, bank="Spring", attributes={"fit": "Slim"}))
    assert timeless(own) == timeless(named) and own["bank_version"] != spring.version == found["bank_version"]
    assert sorted(each["id"] for each in found["candidates"]) == list(range(1, SPRING + 1))
    assert {(each["source"], each["attributes"]["fit"]) for each in found["candidates"]} == {("spring:x", "Loose")}
    assert found["attributes"]["fit"] == "Slim" and "fit" not in found["attribute_confidence"]
    spring.delete([1])
    found, _ = handlers.retrieve("ana", GuideRequest(upload(), bank="Spring"))
    assert 1 not in {each["id"] for each in found["candidates"]}, "as it is now"
    again, _ = handlers.retrieve("ana", GuideRequest(upload()))
    assert timeless(again) == timeless(own), "the one in use stays in use"


def test_a_run_is_made_from_the_bank_that_it_names(services: Services, spring: Bank, upload: Callable[[], str]) -> None:
    handlers = ApiHandlers(services)
    then = spring.version
    started, _ = handlers.start("ana", GuideRequest(upload(), bank="Spring"), {"seed": 0, "steps": 1}, seeds=1)
    (job,) = started.jobs
    assert [*job.progress()][-1].status == "done"
    (run,), _ = handlers.runs("ana", [started.runs[0].id])
    assert run["bank_version"] == then and {each["id"] for each in run["candidates"]} <= set(range(1, SPRING + 1))


def test_a_bank_that_is_not_there_is_said_with_those_that_are(
    services: Services, spring: Bank, upload: Callable[[], str]
) -> None:
    handlers = ApiHandlers(services)
    for name in ("Autumn", str(spring.path), "../banks/Spring", "postgresql://server/bank"):
        with pytest.raises(ValueError, match="there is no bank '.*': choose one of bundled, Spring"):
            handlers.retrieve("ana", GuideRequest(upload(), bank=name))
