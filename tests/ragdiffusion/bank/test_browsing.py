"""Filters, orders, pages and counts, beside what a loop over all entries finds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from ragdiffusion.bank import Bank, EntryUpdate, NewEntry
from ragdiffusion.bank.browsing import Filter, Uses, browse, facets


@pytest.fixture
def shelf(path, vectors, silhouettes):
    """Eight entries: shirts and dresses of two origins, one disabled, one in the bin."""
    attributes = [{"category": "Shirt", "collar": "Polo"}, {"category": "Dress"}]
    entries = [
        NewEntry(
            embedding,
            silhouettes[i % len(silhouettes)],
            attributes[i % 2],
            source=f"{'real' if i < 4 else 'drawn'}:Été {i}",
            tags=("summer",) if i % 3 else ("summer", "linen"),
        )
        for i, embedding in enumerate(vectors(8))
    ]
    with Bank.create(path, fingerprint="a", dimension=8) as bank:
        bank.add(entries[:5])
        bank.add(entries[5:])
        bank.set_enabled([2], False)
        bank.delete([3])
        yield bank


def ids(bank: Bank, wanted: Filter = Filter(), **options) -> list[int]:  # noqa: B008
    return browse(bank, wanted, **options).ids.tolist()


def test_filters_leave_what_a_loop_leaves(shelf):
    held = list(shelf.entries())
    for wanted, holds in (
        (Filter(), lambda e: True),
        (Filter(attributes={"category": ["Dress"]}), lambda e: e.attributes["category"] == "Dress"),
        (Filter(attributes={"collar": ["Unknown"], "category": ["Dress", "Shirt"]}), lambda e: e.id % 2 == 0),
        (Filter(origins=["drawn", "none"]), lambda e: e.source.startswith("drawn")),
        (Filter(tags=["linen", "summer"]), lambda e: "linen" in e.tags),
        (Filter(enabled=False), lambda e: not e.enabled),
        (Filter(text="éTÉ polo"), lambda e: e.attributes["collar"] == "Polo"),
        (Filter(text="#6"), lambda e: e.id == 6),
        (Filter(text="linen drawn"), lambda e: "linen" in e.tags and e.source.startswith("drawn")),
        (Filter(ids=[8, 1, 3, 77]), lambda e: e.id in (1, 8)),
        (Filter(text="velvet"), lambda e: False),
    ):
        assert sorted(ids(shelf, wanted)) == [e.id for e in held if holds(e)], wanted
    assert ids(shelf, Filter(deleted=True)) == [3]


def test_filters_by_date_and_use(shelf):
    second = shelf.edits()[-2].at
    assert sorted(ids(shelf, Filter(added_from=second))) == [6, 7, 8]
    assert sorted(ids(shelf, Filter(added_before=second.replace(tzinfo=None)))) == [1, 2, 4, 5]
    east = second.astimezone(timezone(timedelta(hours=9)))
    assert ids(shelf, Filter(added_from=east)) == ids(shelf, Filter(added_from=second))
    assert ids(shelf, Filter(added_from=datetime.now(timezone.utc) + timedelta(days=1))) == []
    uses = {1: Uses(3), 7: Uses(1, 1), 5: Uses(), 99: Uses(4)}
    assert sorted(ids(shelf, Filter(used=True), uses=uses)) == [1, 7]
    assert sorted(ids(shelf, Filter(used=False), uses=uses)) == [2, 4, 5, 6, 8]


def test_orders(shelf, vectors):
    assert ids(shelf) == [8, 7, 6, 5, 4, 2, 1] and ids(shelf, sort="oldest") == [1, 2, 4, 5, 6, 7, 8]
    assert ids(shelf, sort="changed")[0] == 2
    assert ids(shelf, sort="use", uses={4: Uses(9), 6: Uses(1, 1), 1: Uses(2)})[:4] == [6, 4, 1, 2]
    page = browse(shelf, sort="similarity", like=2)
    every = {e.id: float(e.embedding @ shelf.entry(2).embedding) for e in shelf.entries()}
    assert page.ids.tolist() == sorted(every, key=lambda i: -every[i]) and page.ids[0] == 2  # it is disabled
    assert [row.similarity for row in page.rows] == pytest.approx([every[row.id] for row in page.rows], abs=1e-5)
    assert ids(shelf, sort="similarity", like=vectors(8)[6])[0] == 7
    in_bin = browse(shelf, Filter(deleted=True), sort="similarity", like=3)
    assert in_bin.rows[0].similarity == pytest.approx(1)
    for options, message in (
        ({"sort": "colour"}, "no order 'colour'"),
        ({"sort": "similarity"}, "say what"),
        ({"sort": "similarity", "like": 99}, "no entry 99"),
    ):
        with pytest.raises(ValueError, match=message):
            browse(shelf, **options)
    for wanted, message in ((Filter(attributes={"hue": []}), "no attribute 'hue'"),):
        with pytest.raises(ValueError, match=message):
            browse(shelf, wanted)


def test_uneven_shapes_come_first_when_asked(bank, silhouettes, vectors):
    import torch

    from ragdiffusion.images import encode_silhouette

    mask = torch.zeros(64, 64)
    mask[10:50, 5:30] = 1
    (crooked,) = bank.add([NewEntry(vectors(1, 3)[0], encode_silhouette(mask), {})])
    page = browse(bank, sort="uneven", limit=1)
    assert page.rows[0].id == crooked and page.rows[0].symmetry < 0.1
    assert browse(bank, sort="symmetry").ids[-1] == crooked


def test_pages_and_rows(shelf):
    page = browse(shelf, offset=2, limit=3, uses={5: Uses(2, 1)})
    assert [row.id for row in page.rows] == [6, 5, 4] and len(page.ids) == 7
    row = page.rows[1]
    entry = shelf.entry(5)
    assert (row.source, row.tags, row.attributes) == (entry.source, entry.tags, entry.attributes)
    assert (row.revision, row.enabled, row.deleted, row.uses) == (1, True, False, Uses(2, 1))
    assert row.added_at == shelf.edits()[-1].at and page.version == shelf.version
    assert browse(shelf, offset=90).rows == ()


def test_counts_leave_an_attributes_own_choice_aside(shelf):
    found = facets(shelf, Filter(attributes={"category": ["Dress"]}, tags=["summer"]))
    assert found.attributes["category"] == {"Shirt": 3, "Dress": 4}
    assert found.attributes["collar"] == {"Unknown": 4}
    assert found.origins == {"real": 2, "drawn": 2} and found.tags == {"summer": 4, "linen": 1}
    assert (found.enabled, found.disabled, found.deleted) == (3, 1, 1)


def test_lists_follow_every_change_by_whomever(shelf, path, vectors, silhouettes):
    assert len(browse(shelf).ids) == 7
    with Bank.open(path) as other:
        (new,) = other.add([NewEntry(vectors(1, 9)[0], silhouettes[0], {"fit": "Slim"}, source="late:x")])
        other.update([EntryUpdate(1, attributes={"fit": "Slim"}, tags=("changed",))])
        other.restore([3])
    page = browse(shelf, Filter(attributes={"fit": ["Slim"]}))
    assert sorted(page.ids.tolist()) == [1, new] and 3 in browse(shelf).ids
    assert [row.tags for row in page.rows] == [(), ("changed",)] and ids(shelf, Filter(origins=["late"])) == [new]
    shelf.undo()
    assert ids(shelf, Filter(deleted=True)) == [3]


def test_the_bank_gives_pictures_and_neighbours(shelf, silhouettes):
    assert shelf.silhouettes([3, 1]) == {1: silhouettes[0], 3: silhouettes[2]} and shelf.thumbnails([1]) == {}
    near = shelf.neighbours(2, k=3)
    every = {e.id: float(e.embedding @ shelf.entry(2).embedding) for e in shelf.entries(enabled=True)}
    assert [i for i, _ in near] == sorted(every, key=lambda i: -every[i])[:3]
    assert np.isclose(near[0][1], every[near[0][0]], atol=1e-5) and len(shelf.neighbours(1, k=99)) == 5
