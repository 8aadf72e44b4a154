"""What the convolutional networks share: blocks, a U-Net, the positions of a grid, and the reach of its values."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def cell_centres(size: int, *, like: torch.Tensor) -> torch.Tensor:
    """Places of a grid's cell centres: (1, 2, size, size), (x, y) in [-1, 1]."""
    axis = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]


def grown(planes: torch.Tensor, reach: int) -> torch.Tensor:
    """The greatest value within `reach` cells, a square: (B, C, H, W) -> (B, C, H, W)."""
    return F.max_pool2d(planes, 2 * reach + 1, stride=1, padding=reach)


def shrunk(planes: torch.Tensor, reach: int) -> torch.Tensor:
    """The least value within `reach` cells, a square; beyond the rim there is none: (B, C, H, W) -> (B, C, H, W)."""
    return -grown(-planes, reach)


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


class UNet(nn.Module):
    """A U-Net whose input comes folded into channels, and whose result is unfolded as far as wanted.

    Args:
        in_channels: of the folded input.
        widths: channels at 1, 1/2, 1/4, ... of that; the coarsest should see it whole.
        out_channels: of the result.
        unfold: the result is so many times larger than the folded input.
        middle: what the coarsest features go through, if anything; it keeps their shape.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        out_channels: int,
        *,
        unfold: int,
        middle: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.unfold = unfold
        self.middle = nn.Identity() if middle is None else middle
        self.stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(widths[max(0, i - 1)], width) for i, width in enumerate(widths))
        self.up = nn.ModuleList(
            ResidualBlock(coarse + fine, fine) for fine, coarse in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], out_channels * unfold**2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, unfold * h, unfold * w)."""
        return self.unfolded(self.features(x))

    def features(
        self, x: torch.Tensor, *, beside: torch.Tensor | None = None, beneath: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """The way down: (B, in_channels, h, w) -> a map of each width, finest first; the last has been mixed.

        Args:
            x: folded input.
            beside: (B, widths[0], h, w), added to what the first convolution makes of it.
            beneath: added to the coarsest features before they are mixed, and of their shape.
        """
        x, kept = self.stem(x), []
        x = x if beside is None else x + beside
        for index, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if index else x)
            kept.append(x)
        return [*kept[:-1], self.middle(x if beneath is None else x + beneath)]

    def unfolded(self, features: list[torch.Tensor]) -> torch.Tensor:
        """The way up from `features`: -> (B, out_channels, unfold * h, unfold * w)."""
        x = features[-1]
        for block, finer in zip(self.up, features[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, size=finer.shape[-2:], mode="bilinear"), finer], 1))
        return F.pixel_shuffle(self.head(F.silu(x)), self.unfold)


def _groups(channels: int) -> int:
    return next(groups for groups in (8, 6, 4, 3, 2, 1) if channels % groups == 0)
