"""GarmentParser without its norms, for those who only look: what they do is part of its convolutions."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ragdiffusion.parsing.network import GarmentParser

_PAIRS = (
    ("conv_stem", "bn0"),
    ("expand_conv", "bn0"),
    ("depthwise_conv", "bn1"),
    ("project_conv", "bn2"),
    ("deep", "deep_norm"),
    ("side", "norm"),
    ("pointwise", "norm2"),
)
"""A convolution of the network, and the norm that follows it, as their module names them."""


def folded(network: GarmentParser) -> GarmentParser:
    """The same function of a photo up to rounding, by fewer steps and with weights laid out as a CPU reads them.

    Its weights are others: it is not for training or saving.

    Args:
        network: in evaluation mode; it stays as it is.

    Raises:
        ValueError: if it is in training mode, in which norms depend on the batch.
    """
    if network.training:
        raise ValueError("the network is in training mode: norms fold in evaluation mode")
    network = copy.deepcopy(network)
    for module in network.modules():
        for conv, norm in _PAIRS:
            if isinstance(getattr(module, conv, None), nn.Conv2d) and hasattr(module, norm):
                _fold(module, conv, norm)
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    """Make a norm part of the convolution before it, in place; where one is of a sum, it scales both parts."""
    batch_norm = getattr(module, norm)
    if norm == "norm":
        scale = batch_norm.weight / (batch_norm.running_var + batch_norm.eps).sqrt()
        module.up.weight = nn.Parameter(module.up.weight * scale[:, None, None, None])
    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), batch_norm))
    setattr(module, norm, nn.Identity())
