"""A folded network computes what the whole one does, and has no norm left."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ragdiffusion.parsing.folding import folded
from ragdiffusion.parsing.network import GarmentParser


def _with_statistics(network: GarmentParser) -> GarmentParser:
    """Norms as training leaves them: none of their four numbers a channel is plain."""
    generator = torch.Generator().manual_seed(3)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for numbers, low, high in (
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.5, 0.5),
                (norm.running_mean, -0.5, 0.5),
                (norm.running_var, 0.5, 2.0),
            ):
                numbers.data.uniform_(low, high, generator=generator)
    return network


def test_norms_become_part_of_their_convolutions(tiny_parser: GarmentParser) -> None:
    whole = _with_statistics(tiny_parser)
    less = folded(whole)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in less.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in whole.modules()), "it stays as it is"
    photo = torch.rand(2, 3, 40, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        plain = whole(photo)
        torch.testing.assert_close(less(photo), plain, rtol=1e-4, atol=1e-4)
    assert plain.std() > 0.01, "or it says the same of every pixel"


def test_a_network_that_learns_does_not_fold(tiny_parser: GarmentParser) -> None:
    with pytest.raises(ValueError, match="training mode"):
        folded(tiny_parser.train())
