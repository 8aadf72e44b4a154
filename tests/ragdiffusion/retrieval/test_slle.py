"""SLLE against scikit-learn and a constrained solver; landmark fusion against masks counted by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold._locally_linear import barycenter_weights

from ragdiffusion.retrieval.slle import RIDGE, barycentric_weights, fuse_embedding, fuse_landmarks


def unit(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def constrained_least_squares(query: np.ndarray, neighbours: np.ndarray, penalty: float) -> np.ndarray:
    """min |q - w N|^2 + penalty |w|^2 with sum w = 1, from its optimality conditions."""
    count = len(neighbours)
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = 2 * (neighbours @ neighbours.T + penalty * np.eye(count))
    system[:count, count] = system[count, :count] = 1.0
    return np.linalg.solve(system, np.append(2 * neighbours @ query, 1.0))[:count]


@pytest.mark.parametrize(("count", "dimension"), [(1, 8), (2, 8), (4, 64), (8, 64), (12, 5)])
@pytest.mark.parametrize("ridge", [1e-3, 1e-1])
def test_weights_are_those_of_scikit_learn(generator, count, dimension, ridge):
    query, bank = unit(generator, 6, dimension), unit(generator, 40, dimension)
    indices = torch.stack([torch.randperm(40, generator=generator)[:count] for _ in range(6)])
    expected = barycenter_weights(query.numpy(), bank.numpy(), indices.numpy(), reg=ridge)
    weights = barycentric_weights(query, bank[indices], ridge=ridge)
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-9, atol=1e-12)


def test_weights_solve_the_constrained_problem(generator):
    query, neighbours = unit(generator, 5, 32), unit(generator, 5, 4, 32)
    weights = barycentric_weights(query, neighbours, ridge=1e-9).numpy()
    for row, q, n in zip(weights, query.numpy(), neighbours.numpy(), strict=True):
        np.testing.assert_allclose(row, constrained_least_squares(q, n, 1e-9), atol=1e-6)
    with_ridge = barycentric_weights(query, neighbours).numpy()
    for row, q, n in zip(with_ridge, query.numpy(), neighbours.numpy(), strict=True):
        penalty = RIDGE * ((n - q) ** 2).sum()
        np.testing.assert_allclose(row, constrained_least_squares(q, n, penalty), atol=1e-9)


def test_a_point_between_two_neighbours_by_hand():
    # On a line at 0 and 4, the query at 1: without the ridge 3/4 and 1/4. The ridge 10 x 1e-3 = 0.01 leads
    # from [[1.01, -3], [-3, 9.01]] w = 1 to w in proportion to 12.01 and 4.01.
    query, neighbours = torch.tensor([[1.0]]).double(), torch.tensor([[[0.0], [4.0]]]).double()
    weights = barycentric_weights(query, neighbours, ridge=1e-3)
    torch.testing.assert_close(weights, torch.tensor([[12.01, 4.01]]).double() / 16.02)


def test_weights_may_be_negative():
    weights = barycentric_weights(torch.tensor([[3.0]]), torch.tensor([[[1.0], [2.0]]]), ridge=1e-3)
    assert weights[0, 0] < -0.9 and weights[0, 1] > 1.9


def test_a_bank_entry_gets_exactly_all_the_weight(generator):
    neighbours = unit(generator, 3, 4, 16).float()
    query = neighbours[torch.arange(3), torch.tensor([0, 3, 2])]
    expected = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    assert torch.equal(barycentric_weights(query, neighbours), expected)
    # The same image encoded in another batch differs in the last bits.
    assert torch.equal(barycentric_weights(query * (1 + 1e-6), neighbours), expected)


def test_several_copies_of_the_query_share_the_weight(generator):
    neighbours = unit(generator, 1, 4, 16)
    neighbours[0, 2] = neighbours[0, 0]
    weights = barycentric_weights(neighbours[:, 0], neighbours)
    assert torch.equal(weights, torch.tensor([[0.5, 0, 0.5, 0]]).double())


def test_neighbours_that_coincide_get_equal_weights(generator):
    query, point = unit(generator, 1, 16), unit(generator, 1, 1, 16)
    weights = barycentric_weights(query, point.expand(1, 4, 16))
    torch.testing.assert_close(weights, torch.full((1, 4), 0.25).double())
    assert torch.equal(barycentric_weights(point[:, 0], point.expand(1, 4, 16)), torch.full((1, 4), 0.25).double())


def test_a_batch_is_its_rows(generator):
    neighbours = unit(generator, 5, 4, 16)
    query = unit(generator, 5, 16)
    query[2] = neighbours[2, 1]
    rows = torch.cat([barycentric_weights(query[i : i + 1], neighbours[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(barycentric_weights(query, neighbours), rows, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    count=st.integers(1, 12),
    dimension=st.integers(1, 24),
    spread=st.sampled_from([0.0, 1e-12, 1e-7, 1e-3, 1.0]),
    scale=st.sampled_from([1e-6, 1.0, 1e4]),
)
def test_weights_are_finite_and_sum_to_one(seed, count, dimension, spread, scale):
    generator = torch.Generator().manual_seed(seed)
    centre = unit(generator, 1, 1, dimension)
    neighbours = scale * (centre + spread * unit(generator, 1, count, dimension))
    weights = barycentric_weights(scale * unit(generator, 1, dimension), neighbours)
    assert weights.isfinite().all()
    assert abs(weights.sum().item() - 1.0) < 1e-9


def test_fusion_runs_from_the_query_to_the_reconstruction():
    query, neighbours = torch.tensor([[0.0, 2.0]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    weights = torch.tensor([[1.5, -0.5]])
    assert torch.equal(fuse_embedding(query, neighbours, weights, 0.0), query)
    assert torch.equal(fuse_embedding(query, neighbours, weights, 1), torch.tensor([[1.5, -0.5]]))
    assert torch.equal(fuse_embedding(query, neighbours, weights, 0.25), torch.tensor([[0.375, 1.375]]))


@pytest.mark.parametrize("alpha", [-0.01, 1.01, float("nan"), float("inf"), True, "0.5", None])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha must be a number from 0 to 1, got"):
        fuse_embedding(torch.ones(1, 2), torch.ones(1, 3, 2), torch.ones(1, 3), alpha)


def masks(*rows: str) -> torch.Tensor:
    return torch.tensor([[[float(pixel) for pixel in row]] for row in rows])  # (K, 1, W)


def test_landmark_fusion_by_hand():
    silhouettes = masks("11110000", "01111000", "00111110")
    fusion = fuse_landmarks(silhouettes, torch.tensor([0.5, 0.4, 0.1]))
    torch.testing.assert_close(fusion.interpolation, torch.tensor([[0.5, 0.9, 1.0, 1.0, 0.5, 0.1, 0.1, 0.0]]))
    # Above 0.5 are columns 1 to 3: overlaps 3/4, 3/4 and 2/6; the larger weight decides the tie.
    torch.testing.assert_close(fusion.iou, torch.tensor([0.75, 0.75, 1 / 3]))
    assert fusion.consensus == 0
    assert fuse_landmarks(silhouettes, torch.tensor([0.4, 0.5, 0.1])).consensus == 1


def test_negative_weights_are_clipped_in_the_interpolation():
    fusion = fuse_landmarks(masks("1100", "0110"), torch.tensor([1.5, -0.5]))
    assert torch.equal(fusion.interpolation, torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(fusion.iou, torch.tensor([1.0, 1 / 3]))
    assert fusion.consensus == 0


def test_the_consensus_need_not_be_the_nearest():
    fusion = fuse_landmarks(masks("11000000", "00111100", "00111110"), torch.tensor([0.4, 0.3, 0.3]))
    assert fusion.consensus == 1
    torch.testing.assert_close(fusion.iou, torch.tensor([0.0, 1.0, 0.8]))


def test_an_empty_interpolation_leaves_the_choice_to_the_weights():
    fusion = fuse_landmarks(masks("1000", "0100", "0010"), torch.tensor([0.3, 0.4, 0.3]))
    assert torch.equal(fusion.iou, torch.zeros(3))
    assert fusion.consensus == 1
    blank = fuse_landmarks(torch.zeros(2, 4, 4), torch.tensor([0.2, 0.8]))
    assert torch.equal(blank.iou, torch.zeros(2)) and blank.consensus == 1


def test_a_single_silhouette_is_its_own_consensus():
    fusion = fuse_landmarks(masks("0110"), torch.tensor([1.0], dtype=torch.float64))
    assert fusion.consensus == 0 and fusion.iou.tolist() == [1.0]


@pytest.mark.parametrize(
    ("query", "neighbours", "message"),
    [
        (torch.ones(2), torch.ones(1, 2, 2), r"query must be floating point \(B, D\)"),
        (torch.ones(1, 2, dtype=torch.long), torch.ones(1, 2, 2), "got torch.int64"),
        (torch.ones(1, 2), torch.ones(1, 2, 3), r"= \(1, K >= 1, 2\), got \(1, 2, 3\)"),
        (torch.ones(1, 2), torch.ones(1, 0, 2), r"got \(1, 0, 2\)"),
        (torch.full((1, 2), float("nan")), torch.ones(1, 2, 2), "query holds NaN"),
        (torch.ones(1, 2), torch.full((1, 2, 2), float("inf")), "neighbours holds NaN or infinite"),
    ],
)
def test_bad_embeddings_are_refused(query, neighbours, message):
    with pytest.raises(ValueError, match=message):
        barycentric_weights(query, neighbours)


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan"), float("inf"), None])
def test_bad_ridges_are_refused(ridge):
    with pytest.raises(ValueError, match="ridge must be a positive finite number"):
        barycentric_weights(torch.ones(1, 2), torch.zeros(1, 2, 2), ridge=ridge)


@pytest.mark.parametrize(
    ("silhouettes", "weights", "message"),
    [
        (torch.ones(4, 4), torch.ones(4), r"floating point \(K, H, W\)"),
        (torch.ones(1, 4, 4, dtype=torch.bool), torch.ones(1), "got torch.bool"),
        (torch.ones(0, 4, 4), torch.ones(0), r"got torch.float32 \(0, 4, 4\)"),
        (torch.ones(2, 4, 4), torch.ones(3), r"shape \(K,\) = \(2,\), got \(3,\)"),
        (torch.full((1, 4, 4), 255.0), torch.ones(1), r"lie in \[0, 1\], got values from 255 to 255"),
        (torch.full((1, 4, 4), float("nan")), torch.ones(1), "got values from nan"),
        (torch.ones(1, 4, 4), torch.full((1,), float("nan")), "weights holds NaN"),
    ],
)
def test_bad_silhouettes_are_refused(silhouettes, weights, message):
    with pytest.raises(ValueError, match=message):
        fuse_landmarks(silhouettes, weights)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(B, K\) = \(1, 3\), got \(1, 2\)"):
        fuse_embedding(torch.ones(1, 2), torch.ones(1, 3, 2), torch.ones(1, 2), 0.5)


def test_what_ranking_knows_has_its_share_in_the_consensus(monkeypatch):
    silhouettes = masks("11000000", "00111100", "00111110")
    weights = torch.tensor([0.4, 0.3, 0.3])
    support = torch.tensor([0.9, 0.2, 0.7])
    monkeypatch.setattr("ragdiffusion.retrieval.slle.SUPPORT_SHARE", 0.5)
    fusion = fuse_landmarks(silhouettes, weights, support)
    # Overlaps with the interpolation are 0, 1 and 0.8; half of each and half of the support.
    torch.testing.assert_close(fusion.score, torch.tensor([0.45, 0.6, 0.75]))
    assert fusion.consensus == 2
    torch.testing.assert_close(fusion.iou, torch.tensor([0.0, 1.0, 0.8]))
    plain = fuse_landmarks(silhouettes, weights)
    assert plain.consensus == 1 and torch.equal(plain.score, plain.iou)
    monkeypatch.setattr("ragdiffusion.retrieval.slle.SUPPORT_SHARE", 0.0)
    as_in_the_paper = fuse_landmarks(silhouettes, weights, support)
    assert as_in_the_paper.consensus == 1 and torch.equal(as_in_the_paper.score, plain.score)


def test_support_decides_between_equal_overlaps():
    silhouettes = masks("11110000", "01111000", "00111110")
    weights = torch.tensor([0.5, 0.4, 0.1])  # overlaps 3/4, 3/4 and 2/6
    assert fuse_landmarks(silhouettes, weights, torch.tensor([0.5, 0.6, 0.5])).consensus == 1
    assert fuse_landmarks(silhouettes, weights, torch.tensor([0.5, 0.5, 0.5])).consensus == 0  # then the weight


def test_bad_support_is_refused():
    with pytest.raises(ValueError, match=r"support must have shape \(K,\) = \(2,\), got \(3,\)"):
        fuse_landmarks(masks("10", "01"), torch.ones(2) / 2, torch.ones(3))
    with pytest.raises(ValueError, match="support holds NaN"):
        fuse_landmarks(masks("10", "01"), torch.ones(2) / 2, torch.tensor([0.5, float("nan")]))
