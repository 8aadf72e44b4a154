"""A bank as its callers see it: search, change, versions, undo.

Long because a bank is one thing to its callers, and each of its promises is held here.
"""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, group_of
from ragdiffusion.bank import Bank, EntryUpdate, NewEntry, Ranking
from ragdiffusion.images import decode_silhouettes


def nearest(bank: Bank, query: torch.Tensor, k: int) -> list[int]:
    """Brute force over what the database holds."""
    entries = list(bank.entries(enabled=True))
    similarity = {e.id: float(e.embedding.double() @ query.double()) for e in entries}
    return sorted(similarity, key=lambda i: (-similarity[i], i))[:k]


def assert_serves(bank: Bank, vectors) -> None:
    for query in vectors(3, seed=77):
        k = min(6, len(bank))
        assert list(bank.search(query, k, size=8).ids) == nearest(bank, query, k)


def contents(bank: Bank) -> list[tuple]:
    return [
        (e.id, e.embedding.tolist(), e.silhouette, e.attributes, e.source, e.tags, e.thumbnail, e.enabled)
        for e in bank.entries()
    ]


def test_search_is_brute_force_with_silhouettes(bank, vectors, silhouettes):
    stored = vectors(20)
    for query in vectors(5, seed=1):
        found = bank.search(query, 5, size=32)
        assert list(found.ids) == nearest(bank, query, 5)
        rows = torch.tensor(found.ids) - 1
        torch.testing.assert_close(found.embeddings, stored[rows])
        torch.testing.assert_close(found.similarity, stored[rows] @ query)
        expected = decode_silhouettes([silhouettes[i % len(silhouettes)] for i in rows], 32)
        assert torch.equal(found.silhouettes, expected)
        assert found.bank_version == bank.version


def test_an_entry_is_its_own_nearest_neighbour(bank):
    entry = bank.entry(7)
    found = bank.search(entry.embedding, 3, size=8)
    assert found.ids[0] == 7 and torch.equal(found.embeddings[0], entry.embedding)
    assert 7 not in bank.search(entry.embedding, 19, size=8, exclude=[7, 999]).ids


def test_entries_come_back_as_they_went_in(bank, vectors, silhouettes):
    entry = bank.entry(3)
    torch.testing.assert_close(entry.embedding, vectors(20)[2], rtol=0, atol=1e-7)
    assert (entry.silhouette, entry.source, entry.tags) == (silhouettes[2], "photo 0/2", ("summer",))
    assert list(entry.attributes) == [a.key for a in ATTRIBUTES]
    assert (entry.attributes["collar"], entry.attributes["fabric"]) == ("Polo", "Unknown")
    assert entry.enabled and entry.deleted_at is None and entry.thumbnail is None
    ids, embeddings = bank.embeddings()
    assert ids == list(range(1, 21)) and torch.equal(embeddings[2], entry.embedding)


def test_attributes_are_those_of_the_entries_in_use(bank):
    known = {entry.id: entry.attributes for entry in bank.entries()}
    first, second, *others = known
    bank.set_enabled([first], False)
    bank.delete([second])
    assert bank.attributes_by_id() == {number: known[number] for number in others}
    assert list(bank.attributes_by_id()) == bank.embeddings()[0]


def test_embeddings_are_normalised_exactly(bank, silhouettes, vectors):
    (entry_id,) = bank.add([NewEntry(vectors(1, seed=3)[0].numpy() * 1.0009, silhouettes[0], {})])
    assert abs(bank.entry(entry_id).embedding.double().norm().item() - 1.0) < 1e-7


def test_half_precision_keeps_the_order(path, vectors, new_entries):
    with Bank.create(path, fingerprint="a", dimension=8, precision="float16") as bank:
        bank.add(new_entries(20))
        norms = bank.embeddings()[1].double().norm(dim=1)
        torch.testing.assert_close(norms, torch.ones(20).double(), rtol=0, atol=1e-6)
        found = bank.search(vectors(20)[4], 3, size=8)
        assert found.ids[0] == 5 and found.similarity[0] > 0.9999
    with Bank.open(path) as again:
        assert torch.equal(again.search(vectors(20)[4], 3, size=8).embeddings, found.embeddings)
        assert_serves(again, vectors)


@pytest.mark.parametrize("k", [0, -1, 2.0, "4", True])
def test_bad_k_is_refused(bank, vectors, k):
    with pytest.raises(ValueError, match="K must be a whole number of at least 1, got"):
        bank.search(vectors(1)[0], k)


def test_k_beyond_the_bank_is_refused(bank, vectors, path):
    bank.set_enabled([1, 2], False)
    bank.delete([3])
    query = vectors(1)[0]
    assert len(bank.search(query, 17, size=8).ids) == 17
    wanted = "the bank holds 17 enabled entries, K=18 asked: lower K to at most 17 or add entries"
    with pytest.raises(ValueError, match=wanted):
        bank.search(query, 18)
    with pytest.raises(ValueError, match="holds 16 enabled entries besides 1 excluded, K=17 asked: lower K"):
        bank.search(query, 17, exclude=[4])


def test_an_empty_bank_says_so(path, vectors):
    with Bank.create(path, fingerprint="a", dimension=8) as bank:
        assert len(bank) == 0 and list(bank.entries()) == [] and bank.embeddings()[0] == []
        with pytest.raises(ValueError, match="holds 0 enabled entries, K=4 asked: add entries"):
            bank.search(vectors(1)[0], 4)


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (torch.ones(4) / 2, r"shape \(8,\), the bank's dimension, got \(4,\)"),
        (torch.ones(1, 8), r"got \(1, 8\)"),
        (torch.full((8,), float("nan")), "NaN or infinite"),
        (torch.ones(8), "length 1, got 2.82843: normalise it"),
        (torch.zeros(8), "length 1, got 0"),
    ],
)
def test_bad_embeddings_change_nothing(bank, new_entries, embedding, message):
    version = bank.version
    with pytest.raises(ValueError, match=message):
        bank.search(embedding, 1)
    good = new_entries(2, seed=4)
    with pytest.raises(ValueError, match="entry 1 of 2 cannot be added: .*" + message):
        bank.add([good[0], replace(good[1], embedding=embedding)])
    with pytest.raises(ValueError, match=message):
        bank.update([EntryUpdate(1, embedding=embedding)])
    assert bank.version == version and len(bank) == 20


def png(size: int, mode: str, value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (size, size), value).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"silhouette": b""}, "1-bit PNG of 512 x 512, got something else"),
        ({"silhouette": None}, "1-bit PNG of 512 x 512"),
        ({"silhouette": png(256, "1", 1)}, "got mode 1 of 256 x 256"),
        ({"silhouette": png(512, "L", 255)}, "got mode L of 512 x 512"),
        ({"silhouette": png(512, "1", 0)}, "silhouette is empty"),
        ({"silhouette": png(512, "1", 1)[:60]}, "cannot be read"),
        ({"attributes": {"collar": "Teapot"}}, "Teapot"),
        ({"tags": "summer"}, "tags must be a list of words"),
        ({"thumbnail": b"no picture"}, "thumbnail is not a picture file"),
    ],
)
def test_bad_entries_are_refused_whole(bank, new_entries, values, message):
    version = bank.version
    with pytest.raises(ValueError, match=r"entry 1 of 3 cannot be added: [\s\S]*" + message):
        first, second, third = new_entries(3, seed=4)
        bank.add([first, replace(second, **values), third])
    assert bank.version == version and len(bank) == 20


def test_entries_that_do_not_suit_come_last_and_unknown_ones_keep_their_place(bank, vectors, new_entries):
    query = vectors(1, seed=50)[0]
    order = list(bank.search(query, 20).ids)
    skirts, dresses, nameless = order[0:4], order[6:8], order[9:10]
    changes = {"Skirt": skirts, "Dress": dresses}
    updates = [EntryUpdate(i, attributes={"category": name}) for name, ids in changes.items() for i in ids]
    bank.update([*updates, *(EntryUpdate(i, attributes={}) for i in nameless)])
    as_they_are = lambda similarity, shapes: np.arange(len(similarity))  # noqa: E731
    tops = [i for i in order if i not in (*skirts, *dresses)]
    of = lambda group: lambda attributes, kind: group_of(attributes) in (group, UNKNOWN)  # noqa: E731
    assert list(bank.search(query, 20, ranking=Ranking(50, as_they_are, of("upper"))).ids) == [*tops, *skirts, *dresses]
    assert list(bank.search(query, 3, ranking=Ranking(50, as_they_are, of("dress"))).ids) == [*dresses, *nameless]
    assert list(bank.search(query, 20, ranking=Ranking(50, as_they_are)).ids) == order


def by_height(depth: int) -> Ranking:
    """Tallest first: the test's silhouettes are rectangles of one width."""
    return Ranking(depth, lambda similarity, shapes: np.argsort(-np.bitwise_count(shapes).sum(1), kind="stable"))


def test_a_ranking_orders_the_nearest(bank, vectors, silhouettes):
    query = vectors(1, seed=50)[0]
    plain = bank.search(query, 20, size=8)
    height = {entry.id: silhouettes.index(entry.silhouette) for entry in bank.entries()}
    for depth, k in ((6, 3), (50, 20), (2, 5)):
        ranked = bank.search(query, k, size=8, ranking=by_height(depth))
        wanted = sorted(plain.ids[: max(depth, k)], key=lambda entry_id: -height[entry_id])[:k]
        assert list(ranked.ids) == wanted
        for place, entry_id in enumerate(wanted):
            before = plain.ids.index(entry_id)
            assert ranked.similarity[place] == plain.similarity[before]
            assert torch.equal(ranked.embeddings[place], plain.embeddings[before])
            assert torch.equal(ranked.silhouettes[place], plain.silhouettes[before])
    ranked = bank.search(query, 4, size=8, ranking=by_height(20), exclude=[plain.ids[0]])
    assert plain.ids[0] not in ranked.ids and len(ranked.ids) == 4


def test_shapes_in_memory_follow_every_change(bank, path, vectors, silhouettes, new_entries):
    query = vectors(1, seed=50)[0]
    tallest = [entry.id for entry in bank.entries() if entry.silhouette == silhouettes[-1]]
    first = bank.search(query, 20, size=8, ranking=by_height(20)).ids[0]
    assert first in tallest
    with Bank.open(path) as other:  # someone else redraws them
        other.update([EntryUpdate(entry_id, silhouette=silhouettes[0]) for entry_id in tallest])
        assert bank.search(query, 20, size=8, ranking=by_height(20)).ids[0] not in tallest
        other.undo()
    assert bank.search(query, 20, size=8, ranking=by_height(20)).ids[0] == first
    bank.delete(tallest)
    assert not set(bank.search(query, 5, size=8, ranking=by_height(20)).ids) & set(tallest)
    (added,) = bank.add([replace(new_entries(1, seed=7)[0], silhouette=silhouettes[-1])])
    assert bank.search(query, 1, size=8, ranking=by_height(50)).ids == (added,)


def test_a_garment_enters_once(bank, vectors, silhouettes, new_entries):
    version = bank.version
    known, other = new_entries(20)[6], new_entries(1, seed=4)[0]
    # A batch of another size moves an embedding by less than search can tell.
    again = replace(known, embedding=torch.nn.functional.normalize(known.embedding + 1e-4, dim=-1), source="again")
    with pytest.raises(
        ValueError,
        match=r"entry 1 of 2 cannot be added: the bank has it already as entry 7 \(photo 0/6"
        r"\): leave it out",
    ):
        bank.add([other, again])
    with pytest.raises(
        ValueError,
        match=r"entry 1 of 4 .* the same as entry 0 of this list: give each garment once "
        r"\(2 more are duplicates too\)",
    ):
        bank.add([other, other, known, other])
    assert bank.version == version and len(bank) == 20
    assert list(bank.duplicates([other, again, other])) == [1, 2] and bank.duplicates([other]) == {}
    # Another cloth in the same outline, and the same embedding in another outline, are garments of their own.
    recoloured = replace(known, embedding=vectors(1, seed=9)[0])
    reshaped = replace(known, silhouette=silhouettes[(6 + 1) % len(silhouettes)])
    assert bank.duplicates([recoloured, reshaped]) == {}
    assert bank.add([recoloured, reshaped]) == (21, 22)


def test_a_deleted_garment_is_restored_not_added(bank, new_entries):
    bank.delete([3])
    bank.set_enabled([4], False)
    with pytest.raises(ValueError, match=r"has it in the bin as entry 3 \(photo 0/2\): restore that one"):
        bank.add([new_entries(20)[2]])
    with pytest.raises(ValueError, match="already as entry 4"):
        bank.add([new_entries(20)[3]])
    bank.restore([3])
    assert len(bank) == 19


def test_a_copy_may_hold_what_its_original_does(bank, new_entries):
    first = new_entries(20)
    assert bank.add(first[:2], allow_duplicates=True) == (21, 22)
    assert list(bank.duplicates(first[:3])) == [0, 1, 2]


def test_every_change_is_in_the_next_search(bank, vectors, new_entries):
    index = bank._follower._index
    query = vectors(1, seed=50)[0]
    bank.add([replace(new_entries(1)[0], embedding=query)])
    assert bank.search(query, 1, size=8).ids == (21,)
    bank.set_enabled([21], False)
    assert 21 not in bank.search(query, 20, size=8).ids
    bank.set_enabled([21], True)
    assert bank.search(query, 1, size=8).ids == (21,)
    bank.delete([21])
    assert 21 not in bank.search(query, 20, size=8).ids
    bank.restore([21])
    assert bank.search(query, 1, size=8).ids == (21,)
    bank.update([EntryUpdate(21, embedding=-query), EntryUpdate(4, embedding=query)])
    assert bank.search(query, 1, size=8).ids == (4,)
    assert bank.search(-query, 1, size=8).ids == (21,)
    assert_serves(bank, vectors)
    assert bank._follower._index is index  # caught up, never rebuilt


def test_another_object_on_the_file_sees_changes_at_its_next_search(bank, path, vectors, new_entries):
    query = vectors(1, seed=50)[0]
    with Bank.open(path) as other:
        index = other._follower._index
        bank.add([replace(new_entries(1)[0], embedding=query)])
        found = other.search(query, 1, size=8)
        assert found.ids == (21,) and found.bank_version == bank.version
        bank.delete([21])
        bank.set_enabled([5], False)
        bank.update([EntryUpdate(6, embedding=query)])
        assert other.search(query, 1, size=8).ids == (6,)
        assert len(other) == len(bank) == 19
        other.undo()
        assert bank.search(query, 1, size=8).ids == other.search(query, 1, size=8).ids != (6,)
        assert other._follower._index is index
        assert_serves(other, vectors)


def test_a_database_put_back_to_another_history_is_read_anew(bank, path, vectors, new_entries):
    other_path = path.with_name("other.sqlite3")
    with Bank.create(other_path, fingerprint="encoder-a", dimension=8, name="studio") as other:
        other.add(new_entries(5, seed=8))
        other.add(new_entries(5, seed=9))
        assert len(bank) == 20
        with bank._store.transaction() as session:
            connection = session.connection()
            for table in ("change", "edit_context", "edit", "entry", "bank"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
            rows = {}
            with other._store.transaction() as source:
                for table in ("bank", "entry", "edit", "change"):
                    result = source.connection().exec_driver_sql(f"SELECT * FROM {table}")
                    rows[table] = (list(result.keys()), [tuple(row) for row in result])
            for table, (columns, values) in rows.items():
                marks = ", ".join("?" * len(columns))
                connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        assert len(bank) == 10 and bank.version == other.version
        assert_serves(bank, vectors)


def test_versions_name_bank_revision_and_content(bank, path, new_entries):
    assert re.fullmatch(r"studio-r1-[0-9a-f]{6}", bank.version)
    seen = [bank.version]
    for change in (
        lambda: bank.add(new_entries(2, seed=1)),
        lambda: bank.update([EntryUpdate(1, tags=["winter"])]),
        lambda: bank.set_enabled([1], False),
        bank.undo,
        lambda: bank.delete([1]),
        bank.undo,
    ):
        change()
        seen.append(bank.version)
    assert len(set(seen)) == len(seen)
    assert [int(re.search(r"-r(\d+)-", version)[1]) for version in seen] == list(range(1, 8))
    with Bank.open(path) as again:
        assert again.version == seen[-1]


def test_the_same_actions_give_the_same_version(tmp_path, new_entries):
    def build(name, seed):
        with Bank.create(tmp_path / name, fingerprint="a", dimension=8, name="Spring 25") as bank:
            bank.add(new_entries(3, seed=seed))
            bank.delete([2])
            bank.undo()
            return bank.version

    assert build("one", 0) == build("two", 0) != build("three", 1)
    assert build("four", 0).startswith("spring-25-r3-")


def test_what_changes_nothing_makes_no_revision(bank):
    version = bank.version
    bank.set_enabled([1, 2], True)
    bank.update([EntryUpdate(1, source="photo 0/0"), EntryUpdate(2)])
    bank.add([])
    bank.delete([])
    assert bank.version == version and len(bank.edits()) == 1


def test_undo_takes_back_action_by_action(bank, vectors, silhouettes, new_entries):
    states = [contents(bank)]
    query = vectors(1, seed=50)[0]
    thumbnail = png(32, "L", 9)
    for change in (
        lambda: bank.update(
            [
                EntryUpdate(1, embedding=query, silhouette=silhouettes[5], attributes={"fit": "Slim"}),
                EntryUpdate(2, source="scan", tags=("a", "b"), thumbnail=thumbnail),
            ]
        ),
        lambda: bank.set_enabled([1, 3], False),
        lambda: bank.delete([2, 3]),
        lambda: bank.add(new_entries(2, seed=6)),
        lambda: bank.restore([2]),
    ):
        change()
        states.append(contents(bank))
    assert bank.entry(1).attributes["fit"] == "Slim" and bank.entry(1).attributes["collar"] == "Unknown"
    assert bank.entry(2).thumbnail == thumbnail
    for state, action in zip(states[-2::-1], ["restore", "add", "delete", "disable", "update"], strict=True):
        assert bank.undo().action == action
        assert contents(bank) == state
        assert_serves(bank, vectors)
    assert bank.undo().action == "add"
    assert len(bank) == 0 and len(list(bank.entries(deleted=True))) == 22
    with pytest.raises(RuntimeError, match="nothing to undo"):
        bank.undo()


def test_undo_after_new_actions_goes_on_behind_what_was_undone(bank):
    bank.set_enabled([1], False)
    bank.set_enabled([2], False)
    bank.undo()
    bank.set_enabled([3], False)
    assert [e.id for e in bank.entries(enabled=False)] == [1, 3]
    bank.undo()
    bank.undo()
    assert list(bank.entries(enabled=False)) == []
    log = [(e.action, e.entries, e.undone) for e in bank.edits(limit=4)]
    assert log == [("undo", 1, False), ("undo", 1, False), ("disable", 1, True), ("undo", 1, False)]
    assert bank.edits()[-1].at.tzinfo is not None


def test_the_bin_keeps_what_was_deleted(bank):
    bank.delete([4, 5])
    assert [e.id for e in bank.entries(deleted=True)] == [4, 5]
    assert bank.entry(4).deleted_at.tzinfo is not None
    with pytest.raises(ValueError, match="entry 4 is deleted: restore it first"):
        bank.update([EntryUpdate(4, source="x")])
    with pytest.raises(ValueError, match="entry 4, 5 is deleted"):
        bank.delete([3, 4, 5])
    with pytest.raises(ValueError, match="entry 3 is not deleted: there is nothing to restore"):
        bank.restore([3, 4])
    assert [e.id for e in bank.entries(deleted=True)] == [4, 5]
    bank.restore([4, 5])
    assert len(bank) == 20


def test_unknown_ids_are_refused(bank):
    version = bank.version
    for change in (
        lambda: bank.delete([1, 99]),
        lambda: bank.set_enabled([99], True),
        lambda: bank.update([EntryUpdate(99, source="x")]),
        lambda: bank.entry(99),
    ):
        with pytest.raises(ValueError, match="the bank has no entry 99"):
            change()
    with pytest.raises(ValueError, match="has no entry 21, 22, 23, 24, 25 and 5 more"):
        bank.delete(range(15, 31))
    with pytest.raises(ValueError, match="entry 1 is named twice"):
        bank.update([EntryUpdate(1, source="x"), EntryUpdate(1, source="y")])
    assert bank.version == version


def test_threads_may_search_and_change_together(bank, vectors, new_entries):
    queries = vectors(8, seed=3)

    def work(i):
        if i % 4 == 0:
            bank.add(new_entries(2, seed=100 + i))
        found = bank.search(queries[i % 8], 5, size=8)
        return len(set(found.ids)) == 5 and bool((found.similarity.diff() <= 0).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(24)))
    assert len(bank) == 32
    assert_serves(bank, vectors)


def test_two_writers_never_lose_an_action(bank, path, new_entries):
    with Bank.open(path) as other, ThreadPoolExecutor(2) as pool:

        def fill(target, first):
            for seed in range(first, first + 8):
                target.add(new_entries(1, seed=seed))

        list(pool.map(fill, (bank, other), (100, 200)))
    assert len(bank) == 36
    assert sorted(e.revision for e in bank.edits()) == list(range(1, 18))


def test_thousands_of_entries_are_quick(path, vectors, silhouettes):
    embeddings = vectors(4000, dimension=256)
    new = [NewEntry(e, silhouettes[i % 7], {"fit": "Loose"}) for i, e in enumerate(embeddings)]
    with Bank.create(path, fingerprint="a", dimension=256) as bank:
        started = time.process_time()
        bank.add(new[:1000])
        assert time.process_time() - started < 3.0
        bank.add(new[1000:])
    started = time.process_time()
    with Bank.open(path) as bank:
        assert time.process_time() - started < 0.8
        assert bank.search(embeddings[123], 4).ids[0] == 124
        assert len(list(bank.entries())) == 4000
        bank.set_enabled(range(1, 4001, 2), False)
        assert len(bank) == 2000
        np.testing.assert_array_equal(bank.embeddings()[0], np.arange(2, 4001, 2))
