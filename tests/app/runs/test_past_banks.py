"""Runs that are made again after their bank was changed, and after it is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.changes import same_version
from app.runs.runs import Runs, Started
from app.runs.services import Services
from app.session_log.sampling import Sampling
from app.session_log.values import Run
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import draft
from ragdiffusion.images import encode_silhouette

SAMPLING = Sampling(7, 2, 1.0, 1.0)


@pytest.fixture
def context(make_services: Callable[..., Services], curated: RAGDiffusion) -> PageContext:
    services = make_services(lambda: curated)
    services.start()
    return PageContext(services)


def drawn(bank: Bank, entry: int, kind: str, **measures: float) -> None:
    """Give an entry the outline of a pattern."""
    pattern = draft(kind, measures)
    silhouette = encode_silhouette(torch.from_numpy(pattern.rasterise(512)).float() / 255)
    bank.update([EntryUpdate(entry, silhouette=silhouette, pattern=PatternSpec(kind, pattern.measures))])


def ended(runs: Runs, started: Started) -> Run:
    for job in started.jobs:
        assert [*job.progress()][-1].status == "done", job.latest.error
    return runs.get("ana", started.runs[0].id)


def test_a_run_is_made_again_from_the_bank_as_it_was(context: PageContext, placed: Callable[..., Bench]) -> None:
    runs, curator = context.runs, context.curator
    bank, bench = curator.editing().bank, Bench(context.engine, "ana")
    drawn(bank, 5, "skirt", hem=80)
    guide = placed(bench, k=12).work.guide
    bench.pick(guide.neighbours.ids.index(5))
    made = ended(runs, runs.start(bench, SAMPLING))
    then = made.inputs.bank_version
    assert runs.changes_since(made) == "" and same_version(then, bank.version)

    drawn(bank, 5, "trousers")
    bank.delete([1, 2, 3])
    assert not same_version(then, bank.version)
    assert runs.changes_since(made) == f"the bank changed since; made again, it is made from {then}"
    again = ended(runs, runs.reproduce("ana", made.id))
    assert again.same_pixels is True and again.inputs == made.inputs
    restored = runs.restore(bench, made.id)
    assert restored.note == f"its candidates are those of {then}"
    assert [found.id for found in bench.work.guide.candidates] == [found["id"] for found in made.inputs.candidates]
    assert bench.work.guide.landmark_source == "candidate" and bench.work.guide.landmark_id == 5

    curator.create("Autumn")  # another bank lies open; the run's is found among the others
    assert "made again, it is made from" in runs.changes_since(made)
    assert ended(runs, runs.reproduce("ana", made.id)).same_pixels is True

    curator.switch("bundled")
    bank.close()
    curator.library.delete("My bank")
    gone = runs.changes_since(made)
    assert gone.startswith(f"the bank changed since, and {then} is gone: made again, it has its own outline")
    ended(runs, runs.reproduce("ana", made.id))
    assert runs.restore(bench, made.id).note == gone and bench.work.guide.landmark_source == "edited"


def test_a_version_is_the_same_by_its_number_and_hash() -> None:
    assert same_version("my-bank-r2-3f2a9c", "spring-r2-3f2a9c")
    assert not same_version("my-bank-r2-3f2a9c", "my-bank-r3-3f2a9c") and not same_version("", "my-bank-r3-3f2a9c")
