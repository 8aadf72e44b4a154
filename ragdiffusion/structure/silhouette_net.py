"""SilhouetteNet: what silhouette a photo's garment would have if it were laid as the standard wants it.

A drawn silhouette follows no standard of making: its hems are wavy, its cuffs melt away. So it is no landmark. It is
evidence: among the bank's silhouettes, all of them sound, those come first that it overlaps with (`ranking`). What
kind of garment has such a silhouette, and how long its sleeves are, the same network reads off it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.layers import ResidualBlock, UNet, cell_centres

_SURE = 0.02  # a mask says no more than that something is or is not garment with this much doubt left
_READ_SIDE = 16  # side at which its silhouette is read
_READ_WIDTH = 128  # of what the heads look at


@dataclass(frozen=True)
class SilhouettePrediction:
    """What SilhouetteNet makes of photos.

    Attributes:
        silhouette: (B, 1, S/2, S/2) logits in the canonical frame, symmetric about the middle.
        attributes: logits of Table 6's attributes, 14 x (B, number of values); all zeros where nothing was taught.
    """

    silhouette: torch.Tensor
    attributes: list[torch.Tensor]


class _Mixing(nn.Module):
    """Self-attention between all positions of a small feature map, so that a sleeve may learn from the other one.

    Args:
        side: of the map.
        width: its channels.
        depth: layers.
        heads: attention heads of each.
    """

    def __init__(self, side: int, width: int, *, depth: int, heads: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(side**2, width) * 0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                heads,
                dim_feedforward=2 * width,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, width, side, side) -> the same."""
        tokens = x.flatten(2).transpose(1, 2) + self.positions
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.transpose(1, 2).reshape(x.shape)


class _Context(nn.Module):
    """What a wider frame says, for the coarsest features: where an arm ends says where a sleeve does.

    Args:
        channels: of mask and labels.
        widths: channels at 1/4, 1/8, ... of what comes in.
        width: channels that come out.
        photo: whether the photo follows mask and labels; face and feet say which way somebody is turned.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], width: int, *, photo: bool) -> None:
        super().__init__()
        self.channels = channels
        self.stem = nn.Conv2d(16 * channels, widths[0], 1)
        self.photo_stem = nn.Conv2d(16 * 3, widths[0], 1) if photo else None
        self.down = nn.ModuleList(
            ResidualBlock(coarse, fine) for coarse, fine in zip(widths[:-1], widths[1:], strict=True)
        )
        self.out = nn.Conv2d(widths[-1], width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, s, s), with the photo's 3 more -> (B, width, s / 4 / 2^n, s / 4 / 2^n) for n + 1 widths."""
        folded = F.pixel_unshuffle(x, 4)
        x = self.stem(folded[:, : 16 * self.channels])
        if self.photo_stem is not None:
            x = x + self.photo_stem(folded[:, 16 * self.channels :])
        for block in self.down:
            x = block(F.avg_pool2d(x, 2))
        return self.out(F.silu(x))


class _Glances(nn.Module):
    """What a few learned glances see of fine features: a collar is small, and each photo has it somewhere else.

    Args:
        width: channels of the features.
        count: of the glances.
        out: what is told of them, channels.
    """

    def __init__(self, width: int, count: int, out: int) -> None:
        super().__init__()
        self.where = nn.Conv2d(width, count, 1)
        self.out = nn.Linear(count * width, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, width, h, w) -> (B, out)."""
        where = self.where(x).flatten(2).softmax(-1)
        return self.out((where @ x.flatten(2).transpose(1, 2)).flatten(1))


class SilhouetteNet(ModelMixin, ConfigMixin):
    """Photo, garment mask and the labels around it to the silhouette of the standard flat-lay.

    Untrained it returns the mask, made symmetric; it learns how worn, crooked and covered garments differ from that.

    Args:
        input_size: side of photo and mask, pixels; the silhouette comes at half of it.
        widths: channels of the U-Net, finest first.
        depth: layers of attention at its coarsest level.
        heads: their heads.
        label_channels: labels of a parse that are seen beside the mask; 0: none.
        context_widths: channels of what sees mask and labels in a wider frame, finest first, one fewer than `widths`;
            None: nothing does.
        context_photo: whether that sees the photo too.
        glances: places of the two finest maps, each, that attributes are read at beside the whole; 0: none.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        input_size: int = 128,
        widths: tuple[int, ...] = (40, 64, 112, 160),
        depth: int = 3,
        heads: int = 4,
        label_channels: int = 0,
        context_widths: tuple[int, ...] | None = None,
        context_photo: bool = False,
        glances: int = 0,
    ) -> None:
        super().__init__()
        coarsest = 1 << (len(widths) + 1)
        if input_size % coarsest:
            raise ValueError(f"input_size is {input_size}, a multiple of {coarsest} wanted for these widths")
        if context_widths is not None and len(context_widths) != len(widths) - 1:
            raise ValueError(
                f"context_widths are {len(context_widths)}, one fewer than the {len(widths)} widths wanted"
            )
        mixing = _Mixing(input_size // coarsest, widths[-1], depth=depth, heads=heads)
        self.unet = UNet(16 * 4 + 2, widths, 1, unfold=2, middle=mixing)
        self.reading = nn.Sequential(nn.Linear(widths[-1] + _READ_SIDE**2 // 2, _READ_WIDTH), nn.GELU())
        self.glancing = nn.ModuleList(_Glances(width, glances, _READ_WIDTH) for width in widths[: 2 * bool(glances)])
        self.attribute_heads = nn.ModuleList(nn.Linear(_READ_WIDTH, len(attribute.values)) for attribute in ATTRIBUTES)
        self.label_stem = nn.Conv2d(16 * label_channels, widths[0], 3, padding=1) if label_channels else None
        self.context = None
        if context_widths is not None:
            self.context = _Context(1 + label_channels, context_widths, widths[-1], photo=context_photo)
        zeroed = [self.unet.head, *self.attribute_heads, *(glances.out for glances in self.glancing)]
        zeroed += [self.label_stem] if self.label_stem is not None else []
        zeroed += [self.context.out] if self.context is not None else []
        zeroed += [self.context.photo_stem] if self.context is not None and context_photo else []
        for layer in zeroed:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        photo: torch.Tensor,
        mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        context: torch.Tensor | None = None,
    ) -> SilhouettePrediction:
        """Predict.

        Args:
            photo: (B, 3, S, S) in [-1, 1], S = `input_size`, framed by `framing.silhouette_frame`.
            mask: (B, 1, S, S) in [0, 1], its garment mask, framed alike.
            labels: (B, label_channels, S, S) in [0, 1], probabilities of a parse's labels, framed alike; None (as all
                zeros) where no parser was asked.
            context: (B, 1 + label_channels, S/2, S/2) in [0, 1], mask and labels framed by `framing.context_frame`,
                3 channels of the photo after them where `context_photo`; all zeros where no parser was asked; None
                where nothing looks at it.

        Raises:
            ValueError: if one is of another size.
        """
        size = self.config.input_size
        for image, name, side in ((photo, "photo", size), (mask, "mask", size), (context, "context", size // 2)):
            if image is not None and image.shape[-2:] != (side, side):
                raise ValueError(f"{name} is {tuple(image.shape[-2:])}, SilhouetteNet wants {(side, side)}")
        wanted = 1 + self.config.label_channels + 3 * self.config.context_photo
        if self.context is not None and context is not None and context.shape[1] < wanted:
            raise ValueError(f"context has {context.shape[1]} channels, SilhouetteNet wants {wanted}")
        positions = cell_centres(size // 4, like=photo).expand(len(photo), -1, -1, -1)
        around = None
        if self.label_stem is not None and labels is not None:
            around = self.label_stem(F.pixel_unshuffle(labels, 4))
        wider = None if self.context is None or context is None else self.context(context)
        seen = self.unet.features(
            torch.cat([F.pixel_unshuffle(torch.cat([photo, mask * 2 - 1], 1), 4), positions], 1),
            beside=around,
            beneath=wider,
        )
        logits = F.avg_pool2d(mask, 2).clamp(_SURE, 1 - _SURE).logit() + self.unet.unfolded(seen)
        silhouette = (logits + logits.flip(-1)) / 2
        # One half says all; and it is drawn for its own sake, not so that it reads well.
        drawn = F.adaptive_avg_pool2d(silhouette.detach().sigmoid(), _READ_SIDE)[..., : _READ_SIDE // 2]
        overall, activation = self.reading
        told = overall(torch.cat([seen[-1].mean((2, 3)), drawn.flatten(1)], 1))
        for glances, features in zip(self.glancing, seen, strict=False):  # only of the finest
            told = told + glances(features)
        read = activation(told)
        return SilhouettePrediction(silhouette, [head(read) for head in self.attribute_heads])
