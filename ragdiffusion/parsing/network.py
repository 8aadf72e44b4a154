"""GarmentParser: what each pixel of a photo is, person or garment, worn, laid or hung."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.parsing.encoder import LITE0, Encoder, Stage
from ragdiffusion.parsing.labels import LABELS


class _Merge(nn.Module):
    """Coarse features, upsampled, join fine ones; a depthwise-separable residual mixes them."""

    def __init__(self, coarse: int, fine: int, width: int) -> None:
        super().__init__()
        self.up = nn.Conv2d(coarse, width, 1, bias=False)
        self.side = nn.Conv2d(fine, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """(B, coarse, h, w) and (B, fine, 2h, 2w) -> (B, width, 2h, 2w)."""
        up = F.interpolate(self.up(coarse), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        x = self.norm(up.add_(self.side(fine))).relu_()
        return self.norm2(self.pointwise(self.depthwise(x))).add_(x).relu_()


class GarmentParser(ModelMixin, ConfigMixin):
    """Photo to label logits, at the photo's own size.

    Args:
        input_size: longer side of the photos it is meant for, pixels.
        widths: channels of the decoder, coarsest first; one more than the encoder has merges.
        stages: of the encoder.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self, input_size: int = 256, widths: tuple[int, ...] = (128, 112, 80, 56, 40), stages: tuple[Stage, ...] = LITE0
    ) -> None:
        super().__init__()
        self.encoder = Encoder(tuple(tuple(stage) for stage in stages))
        channels = self.encoder.channels[::-1]
        if len(widths) != len(channels):
            raise ValueError(f"{len(widths)} decoder widths for features at {len(channels)} sizes: as many wanted")
        # The whole picture joins its deepest features: what is what depends on the kind of photo.
        self.context = nn.Linear(channels[0], widths[0])
        self.deep, self.deep_norm = nn.Conv2d(channels[0], widths[0], 1, bias=False), nn.BatchNorm2d(widths[0])
        self.merges = nn.ModuleList(
            _Merge(coarse, fine, width)
            for coarse, fine, width in zip(widths[:-1], channels[1:], widths[1:], strict=True)
        )
        self.head = nn.Conv2d(widths[-1], 4 * len(LABELS), 3, padding=1)

    @property
    def multiple(self) -> int:
        """Sides of a photo must be a multiple of this, pixels."""
        return 1 << len(self.encoder.channels)

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        """Label every pixel.

        Args:
            photo: (B, 3, H, W) in [-1, 1], sides multiples of `multiple`.

        Returns:
            (B, 9, H, W) logits in the order of `LABELS`.

        Raises:
            ValueError: if the sides don't fit.
        """
        if photo.shape[-2] % self.multiple or photo.shape[-1] % self.multiple:
            raise ValueError(f"photo is {tuple(photo.shape[-2:])}, sides that are multiples of {self.multiple} wanted")
        *fine, deepest = self.encoder(photo)
        context = self.context(deepest.mean((2, 3)))[:, :, None, None]
        x = F.relu(self.deep_norm(self.deep(deepest))) + context
        for merge, seen in zip(self.merges, reversed(fine), strict=True):
            x = merge(x, seen)
        return F.pixel_shuffle(self.head(x), 2)
