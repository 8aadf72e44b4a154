"""Choosing what a bank keeps: quotas, DBSCAN beside scikit-learn's, random thinning."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from ragdiffusion.bank.building.selection import (
    balanced_quotas,
    cluster,
    covering_order,
    nearest_kept,
    thinning_order,
)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def blobs(seed: int, sizes=(60, 25), lone=3, dimension=6) -> np.ndarray:
    """Tight groups around random directions, and a few directions alone."""
    rng = np.random.default_rng(seed)
    parts = [
        unit(rng.standard_normal((1, dimension))) + 0.05 * rng.standard_normal((size, dimension)) for size in sizes
    ]
    return unit(np.concatenate([*parts, rng.standard_normal((lone, dimension))]))


def test_quotas_follow_the_square_root_and_never_exceed_what_there_is():
    # Roots 30, 10, 10: of 100, three fifths and a fifth each.
    assert balanced_quotas({"a": 900, "b": 100, "c": 100}, 100) == {"a": 60, "b": 20, "c": 20}
    assert balanced_quotas({"a": 900, "b": 5}, 400) == {"a": 395, "b": 5}
    assert balanced_quotas({"a": 3, "b": 5}, 100) == {"a": 3, "b": 5}
    assert sum(balanced_quotas({"a": 7, "b": 11, "c": 1}, 2).values()) == 2
    assert balanced_quotas({}, 10) == {}


def test_those_come_first_that_stand_for_most():
    # Groups of 5, 3 and 1 that share nothing; in each the first is like all others, which are less like each other.
    groups = np.repeat([0, 1, 2], [5, 3, 1])
    overlap = np.where(groups[:, None] == groups, 0.6, 0.0)
    for first in (0, 5):
        overlap[first, groups == groups[first]] = overlap[groups == groups[first], first] = 0.9
    np.fill_diagonal(overlap, 1.0)
    order = covering_order(overlap).tolist()
    assert order[:3] == [0, 5, 8] and sorted(order) == list(range(9))


@pytest.mark.parametrize("seed", range(3))
def test_laziness_changes_nothing(seed):
    points = np.random.default_rng(seed).random((40, 2))
    overlap = 1 / (1 + 5 * np.linalg.norm(points[:, None] - points, axis=2))
    near, order = np.zeros(40), covering_order(overlap)
    for place in order:
        gains = np.maximum(overlap - near, 0).sum(1)
        assert gains[place] == pytest.approx(gains.max())
        near = np.maximum(near, overlap[place])


@pytest.mark.parametrize("seed", range(4))
def test_dbscan_is_that_of_scikit_learn(seed):
    vectors = blobs(seed)
    found = cluster(vectors, [str(i) for i in range(len(vectors))], min_neighbours=4, similarity=0.97)
    # There a point counts among its own neighbours.
    truth = DBSCAN(eps=0.03, min_samples=5, metric="cosine").fit(vectors).labels_
    np.testing.assert_array_equal(found.noise, truth == -1)
    for label in set(truth) - {-1}:
        assert len(set(found.cluster[truth == label])) == 1
    assert len(set(found.cluster)) == len(set(truth))


def test_shapes_of_one_garment_do_not_vouch_for_each_other():
    vectors = blobs(0, sizes=(20, 20), lone=0)
    names = [f"garment {i}" for i in range(20)] + ["the same"] * 20
    found = cluster(vectors, names, similarity=0.97)
    assert not found.noise[:20].any() and found.noise[20:].all()


def test_the_reach_leaves_the_share_of_noise_that_is_allowed():
    vectors = blobs(1, sizes=(100, 95), lone=5)
    names = [str(i) for i in range(200)]
    similarity = vectors @ vectors.T
    for share, most in ((0.025, 5), (0.25, 50)):
        found = cluster(vectors, names, noise_share=share)
        # Each counts itself, so five within reach are four others; the share of them that fall short is not exceeded.
        cores = (similarity >= found.similarity).sum(1) >= 5
        assert most - 1 <= (~cores).sum() <= most
        assert found.noise.sum() <= (~cores).sum() and not found.noise[cores].any()


def test_thinning_nests_and_takes_from_dense_regions():
    rng = np.random.default_rng(0)
    dense = unit(np.array([[1.0, 0, 0]]) + 0.01 * rng.standard_normal((900, 3)))
    sparse = unit(rng.standard_normal((100, 3)))
    vectors = np.concatenate([dense, sparse])
    order = thinning_order(vectors, 0.99, np.random.default_rng(1))
    assert sorted(order.tolist()) == list(range(1000))
    np.testing.assert_array_equal(order, thinning_order(vectors, 0.99, np.random.default_rng(1)))
    kept = order[:200]
    assert (kept >= 900).mean() > 0.3  # a tenth of what there was
    assert nearest_kept(vectors, vectors[kept]).min() > nearest_kept(vectors, vectors[:200]).min()
    alike = thinning_order(vectors, 0.99, np.random.default_rng(1), strength=0.0)
    assert abs((alike[:500] >= 900).mean() - 0.1) < 0.05
