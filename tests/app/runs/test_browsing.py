"""Looking through the bank beyond the candidates."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from app.pages.design.browse_handlers import BrowseHandlers
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.browsing import browse
from tests.app.conftest import ENTRIES


@pytest.fixture
def handlers(context: PageContext) -> BrowseHandlers:
    return BrowseHandlers(context.engine, context.bench_presenter, context.status)


def test_what_is_shown_follows_the_candidates_in_retrievals_order(
    context: PageContext, bench: Bench, placed: Callable[..., Bench]
) -> None:
    work, model = placed(bench).work, context.engine.model()
    used = [candidate.id for candidate in work.guide.candidates]
    found = browse(model, work, category="", count=240)
    assert found.total == ENTRIES - 4 and len(found.found.ids) == found.total
    assert list(found.found.ids)[:4] == list(work.guide.neighbours.ids)[4:8] and not set(found.found.ids) & set(used)
    assert browse(model, work, category="", count=3).found.ids == found.found.ids[:3]
    assert bench.work is work and work.guide.k == 4, "K and the candidates stay"


def test_one_kind_is_shown_alone(
    context: PageContext, bench: Bench, placed: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, model = placed(bench).work, context.engine.model()
    kinds = {entry: {"category": "Dress" if entry % 2 else "Unknown"} for entry in model.bank.attributes_by_id()}
    monkeypatch.setattr(type(model.bank), "attributes_by_id", lambda self: kinds)
    found = browse(model, work, category="Dress", count=24)
    used = {candidate.id for candidate in work.guide.candidates}
    assert found.categories == (("Dress", 6),)
    assert set(found.found.ids) == {entry for entry in kinds if entry % 2} - used
    for category, count, message in (("Robe", 24, "no entries of the category 'Robe'"), ("", 0, "1 to 240 shapes")):
        with pytest.raises(ValueError, match=message):
            browse(model, work, category=category, count=count)


def test_drafts_follow_until_something_else_is_looked_at(
    handlers: BrowseHandlers, bench: Bench, placed: Callable[..., Bench]
) -> None:
    placed(bench)
    shown = handlers.browse(bench, {"category": "", "count": 8})
    first = next(shown)["film"]["more"]
    assert len(first["entries"]) == 8 and first["drafts"] == []
    assert [len(views["film"]["more"]["drafts"]) for views in shown] == [6, 8]
    shown = handlers.browse(bench, {"category": "", "count": 8})
    next(shown)
    handlers.leave(bench)
    assert [*shown] == []


def test_any_entry_can_be_the_landmark(
    handlers: BrowseHandlers, context: PageContext, bench: Bench, placed: Callable[..., Bench]
) -> None:
    work = placed(bench).work
    last = browse(context.engine.model(), work, category="", count=240).found
    views = handlers.take(bench, {"id": int(last.ids[-1])})
    assert views["status"]["message"] == f"The shape of bank entry {last.ids[-1]} is the landmark"
    assert torch.allclose(bench.work.guide.landmark, last.silhouettes[-1], atol=1 / 255)
    assert bench.work.guide.k == 4
    with pytest.raises(ValueError):
        handlers.take(bench, {"id": 10**6})
