"""The encoder of the parser: EfficientNet-lite0, with the parameters laid out as its published weights are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

Stage = tuple[int, int, int, int, int]
"""Kernel side, stride, expansion, channels out and number of blocks."""

LITE0: tuple[Stage, ...] = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""The stages of EfficientNet-lite0 after a stem of 32 channels at half size."""
_STEM = 32
_CLASSIFIER = ("_conv_head", "_bn1", "_fc")  # what a published file holds beyond stem and blocks


class _SameConv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's "SAME": at stride 2 more to the right and below."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            groups=groups,
            bias=False,
            padding=kernel // 2 if stride == 1 else 0,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride[0] > 1:
            missing = self.kernel_size[0] - self.stride[0]
            x = F.pad(x, (missing // 2, missing - missing // 2) * 2)
        return super().forward(x)


class _InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a skip where the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        if expansion > 1:
            self.expand_conv, self.bn0 = _SameConv(in_channels, inner, 1), _norm(inner)
        self.expands = expansion > 1
        self.depthwise_conv = _SameConv(inner, inner, kernel, stride=stride, groups=inner)
        self.bn1 = _norm(inner)
        self.project_conv, self.bn2 = _SameConv(inner, out_channels, 1), _norm(out_channels)
        self.skips = stride == 1 and in_channels == out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu6(self.bn0(self.expand_conv(x)), inplace=True) if self.expands else x
        inner = F.relu6(self.bn1(self.depthwise_conv(inner)), inplace=True)
        out = self.bn2(self.project_conv(inner))
        return out.add_(x) if self.skips else out


class Encoder(nn.Module):
    """EfficientNet-lite without its classifier.

    Args:
        stages: of the network, after the stem; strides of 1 and 2.
    """

    def __init__(self, stages: tuple[Stage, ...] = LITE0) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = _SameConv(3, _STEM, 3, stride=2), _norm(_STEM)
        blocks, channels, strides = [], _STEM, []
        for kernel, stride, expansion, width, count in stages:
            for index in range(count):
                strides.append(stride if index == 0 else 1)
                blocks.append(
                    _InvertedResidual(channels, width, kernel=kernel, stride=strides[-1], expansion=expansion)
                )
                channels = width
        self.blocks = nn.ModuleList(blocks)
        # The last block of each resolution is what a decoder looks at.
        self.taps = tuple(i for i in range(len(blocks)) if i + 1 == len(blocks) or strides[i + 1] > 1)
        self.channels = tuple(blocks[tap].project_conv.out_channels for tap in self.taps)

    def forward(self, photo: torch.Tensor) -> list[torch.Tensor]:
        """Features at 1/2, 1/4, ... of the size of (B, 3, H, W) in [-1, 1], finest first."""
        x = F.relu6(self.bn0(self.conv_stem(photo)), inplace=True)
        seen = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                seen.append(x)
        return seen


def from_published(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published ImageNet weights under the names of `Encoder`, the classifier left out."""
    kept = {name: value for name, value in state.items() if not name.startswith(_CLASSIFIER)}
    return {name.removeprefix("_").replace("._", "."): value for name, value in kept.items()}


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
