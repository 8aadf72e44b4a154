"""The vector index against brute force, through every kind of change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragdiffusion.bank.index import VectorIndex
from ragdiffusion.retrieval.ranking import RANKED_DEPTH


def unit(generator: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    vectors = generator.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute_force(vectors: dict[int, np.ndarray], query: np.ndarray, k: int) -> list[int]:
    similarity = {i: float((v.astype(np.float64) * query.astype(np.float64)).sum()) for i, v in vectors.items()}
    return sorted(vectors, key=lambda i: (-similarity[i], i))[:k]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), copies=st.integers(1, 30), dimension=st.sampled_from([3, 8, 33]))
def test_hits_are_those_of_brute_force(seed, copies, dimension):
    generator = np.random.default_rng(seed)
    distinct = unit(generator, 12, dimension)
    # Many exact copies under shuffled ids: ties must come in order of the ids, at the cut too.
    pool = np.concatenate([distinct, np.repeat(distinct[:2], copies, axis=0)])
    ids = generator.permutation(1000)[: len(pool)].tolist()
    index, truth = VectorIndex(dimension), dict(zip(ids, pool, strict=True))
    index.put(ids, pool)

    def check():
        for query in [distinct[0], distinct[1], *unit(generator, 3, dimension)]:
            for k in (1, 4, len(truth)):
                found, similarity, vectors = index.search(query, k)
                assert found.tolist() == brute_force(truth, query, k)
                np.testing.assert_allclose(similarity, vectors @ query, atol=1e-6)
                assert all((truth[i] == v).all() for i, v in zip(found.tolist(), vectors, strict=True))

    check()
    gone = ids[:5]
    index.remove(gone)
    for i in gone:
        del truth[i]
    check()
    moved = unit(generator, 3, dimension)
    index.put(ids[5:8], moved)
    truth.update(zip(ids[5:8], moved, strict=True))
    check()
    index.put(gone[:2], pool[:2])
    truth.update(zip(gone[:2], pool[:2], strict=True))
    check()
    assert len(index) == len(truth)


def test_removing_what_is_not_there_changes_nothing():
    index = VectorIndex(2)
    index.put([3], np.array([[1.0, 0.0]], dtype=np.float32))
    index.remove([4])
    index.put([], np.zeros((0, 2), dtype=np.float32))
    assert len(index) == 1 and 3 in index and 4 not in index


def test_vectors_come_in_order_of_their_ids():
    vectors = unit(np.random.default_rng(0), 3, 4)
    index = VectorIndex(4)
    index.put([9, 2, 5], vectors)
    ids, stored = index.vectors()
    assert ids == [2, 5, 9]
    np.testing.assert_array_equal(stored, vectors[[1, 2, 0]])


@pytest.mark.parametrize("k", [1, 3])
def test_all_vectors_the_same(k):
    index = VectorIndex(2)
    index.put(list(range(100, 0, -1)), np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (100, 1)))
    found, similarity, _ = index.search(np.array([1.0, 0.0], dtype=np.float32), k)
    assert found.tolist() == list(range(1, k + 1))
    np.testing.assert_allclose(similarity, 0.6, atol=1e-7)


def clustered(count: int, dimension: int, seed: int) -> np.ndarray:
    """Vectors about a few hundred directions, as an encoder's are."""
    generator = np.random.default_rng(seed)
    centres = unit(np.random.default_rng(99), 200, dimension)
    return unit_rows(centres[generator.integers(200, size=count)] + 0.3 * unit(generator, count, dimension))


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_many_vectors_are_searched_by_codes_that_find_the_nearest():
    vectors = clustered(6000, 32, 0)
    index, exact = VectorIndex(32, approximate_above=2000), VectorIndex(32)
    for each in (index, exact):
        each.put(range(6000), vectors)
        each.prepare()
    assert index.approximate and not exact.approximate
    assert index.candidates < 6000 and exact.candidates == 6000
    queries = clustered(60, 32, 1)
    found = [np.isin(exact.search(q, 4)[0], index.search(q, 4)[0]).mean() for q in queries]
    assert np.mean(found) >= 0.97  # 240 neighbours, where 0.98 was asked for on a sample


def test_as_many_as_are_ranked_by_shape_are_found_by_codes_too(monkeypatch):
    vectors = clustered(24_000, 32, 0)
    index, exact = VectorIndex(32, approximate_above=2000), VectorIndex(32)
    for each in (index, exact):
        each.put(range(24_000), vectors)
        each.prepare()
    many = index.reach
    assert many == 1024 <= RANKED_DEPTH and exact.reach == 24_000
    monkeypatch.setattr(index, "_nearest", lambda *_: pytest.fail("everything was read"))
    queries = clustered(20, 32, 1)
    found = [np.isin(exact.search(q, many)[0], index.search(q, many)[0]).mean() for q in queries]
    assert np.mean(found) >= 0.9 and all(len(index.search(q, many)[0]) == many for q in queries)


def test_changes_show_in_the_next_approximate_search_without_new_codes():
    vectors = clustered(3000, 32, 2)
    index = VectorIndex(32, approximate_above=1000)
    index.put(range(3000), vectors)
    index.prepare()
    codes = index._coarse
    query = clustered(1, 32, 3)[0]
    index.put([7000], query[None])  # added
    index.put([11], unit_rows((query + 0.01 * vectors[:1][0])[None]))  # updated
    assert index.search(query, 2)[0].tolist() == [7000, 11]
    index.remove([7000])
    assert index.search(query, 1)[0].tolist() == [11]
    index.put([11], -query[None])
    assert 11 not in index.search(query, 4)[0] and index._coarse is codes
    # As many as a search by codes was not checked for: everything is read.
    assert len(index.search(query, 2999)[0]) == 2999
    index.put(range(10_000, 10_400), clustered(400, 32, 4))
    index.search(query, 4)
    assert index.approximate and index._coarse is not codes and len(index) == 3400
    index.remove(range(2500))
    assert len(index.search(query, 4)[0]) == 4 and not index.approximate


def test_codes_that_find_too_little_leave_the_search_exact(monkeypatch):
    monkeypatch.setattr("ragdiffusion.bank.index.RECALL", 1.01)
    vectors = clustered(1500, 32, 5)
    index = VectorIndex(32, approximate_above=1000)
    index.put(range(1500), vectors)
    assert index.search(vectors[3], 4)[0][0] == 3 and not index.approximate
    odd = VectorIndex(3, approximate_above=100)  # too short to be coded
    odd.put(range(200), unit(np.random.default_rng(0), 200, 3))
    assert len(odd.search(np.array([1.0, 0, 0], np.float32), 4)[0]) == 4 and not odd.approximate
