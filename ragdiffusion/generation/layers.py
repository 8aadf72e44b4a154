"""What the networks of this room share: convolutional blocks, and the places of a grid."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def cell_centres(size: int, *, like: torch.Tensor) -> torch.Tensor:
    """Places of a grid's cell centres: (1, 2, size, size), (x, y) in [-1, 1]."""
    axis = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with group normalisation and a skip connection.

    Args:
        in_channels: channels in, a multiple of 8 or normalised in fewer groups.
        out_channels: channels out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_groups(in_channels), in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(_groups(out_channels), out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in, H, W) -> (B, out, H, W)."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        return self.skip(x) + self.conv2(F.silu(self.norm2(hidden)))


def _groups(channels: int) -> int:
    return next(groups for groups in (8, 6, 4, 3, 2, 1) if channels % groups == 0)
