"""The appearance flow (DESIGN 5b): for each point of a landmark, where it lies in the photo and whether it is seen.

A photo encoder and a landmark encoder meet in a small transformer at 1/16 of the input size. Attention from
landmark to photo gives a first place for every cell; four finer levels correct it, each looking at the photo's
features where the flow so far points. Warping the photo by the flow gives the *draft* of the flat-lay.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.generation.layers import ResidualBlock


@dataclass(frozen=True)
class FlowPrediction:
    """What the network says, at half the input size.

    Attributes:
        levels: the flow, coarse to fine; each (B, 2, h, w), (x, y) in [-1, 1] of the photo (pixel corners at +-1).
        visibility: (B, 1, H/2, W/2) logits: the point is seen in the photo.
        garment: (B, 1, H/2, W/2) logits on the photo's own grid: a garment pixel.
    """

    levels: tuple[torch.Tensor, ...]
    visibility: torch.Tensor
    garment: torch.Tensor

    @property
    def flow(self) -> torch.Tensor:
        """The finest flow, (B, 2, H/2, W/2)."""
        return self.levels[-1]


def cell_centres(size: int, *, like: torch.Tensor) -> torch.Tensor:
    """Places of a grid's cell centres: (1, 2, size, size), (x, y) in [-1, 1]."""
    axis = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]


def take(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Take an image where a flow points: (B, C, H, W), (B, 2, h, w) -> (B, C, h, w); the rim goes on outside."""
    return F.grid_sample(image.float(), flow.float().permute(0, 2, 3, 1), mode="bilinear", padding_mode="border",
                         align_corners=False).to(image.dtype)


class _Encoder(nn.Module):
    """A feature pyramid: level 0 at 1/2 of the input, each next at half of the one before."""

    def __init__(self, in_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(widths[max(0, i - 1)], width) for i, width in enumerate(widths))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x, levels = self.stem(x), []
        for index, block in enumerate(self.blocks):
            x = block(F.avg_pool2d(x, 2) if index else x)
            levels.append(x)
        return levels


class _JointLayer(nn.Module):
    """A pre-norm transformer layer over the photo's and the landmark's tokens together."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.heads = heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, L, d)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


class AppearanceFlow(ModelMixin, ConfigMixin):
    """Photo and landmark to flow, visibility and the photo's garment mask.

    Args:
        input_size: side of photo and landmark, pixels; the flow comes at half of it.
        widths: channels of the pyramid, finest first; the coarsest carries the transformer.
        decoder_widths: channels of the decoder, coarsest first.
        layers: transformer layers.
        attention_heads: of the transformer.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, input_size: int = 128, widths: tuple[int, ...] = (32, 64, 128, 192),
                 decoder_widths: tuple[int, ...] = (160, 112, 72, 48), layers: int = 4,
                 attention_heads: int = 6) -> None:
        super().__init__()
        if len(widths) != len(decoder_widths):
            raise ValueError(f"widths {widths} and decoder_widths {decoder_widths} must be of one length")
        width, tokens = widths[-1], (input_size >> len(widths)) ** 2
        self.photo_encoder, self.landmark_encoder = _Encoder(5, widths), _Encoder(3, widths)
        self.position = nn.Parameter(torch.randn(2, tokens, width) * 0.02)
        self.joint = nn.ModuleList(_JointLayer(width, attention_heads) for _ in range(layers))
        self.match_query, self.match_key = nn.Linear(width, width), nn.Linear(width, width)
        below = (2 * width + 2, *(w for w in decoder_widths[:-1]))
        fine = tuple(reversed(widths[:-1]))
        extra = (0, *(2 * w + 2 for w in fine))
        self.decoder = nn.ModuleList(
            ResidualBlock(b + e, d) for b, e, d in zip(below, extra, decoder_widths, strict=True))
        self.flow_heads = nn.ModuleList(nn.Conv2d(d, 2, 3, padding=1) for d in decoder_widths)
        self.visibility_head = nn.Conv2d(decoder_widths[-1], 1, 3, padding=1)
        self.garment_blocks = nn.ModuleList(
            nn.Conv2d(coarse, w, 1) for coarse, w in zip((width, *fine[:-1]), fine, strict=True))
        self.garment_head = nn.Sequential(nn.SiLU(), nn.Conv2d(fine[-1], fine[-1], 3, padding=1), nn.SiLU(),
                                          nn.Conv2d(fine[-1], 1, 3, padding=1))
        for head in self.flow_heads:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, photo: torch.Tensor, landmark: torch.Tensor) -> FlowPrediction:
        """Predict.

        Args:
            photo: (B, 3, S, S) in [-1, 1], S = `input_size`.
            landmark: (B, 1, S, S) in [0, 1].

        Raises:
            ValueError: if either is of another size.
        """
        size = self.config.input_size
        for name, value in (("photo", photo), ("landmark", landmark)):
            if value.shape[-2:] != (size, size):
                raise ValueError(f"{name} is {tuple(value.shape[-2:])}, the appearance flow wants {(size, size)}")
        batch = len(photo)
        grid = cell_centres(size, like=photo).expand(batch, -1, -1, -1)
        seen = self.photo_encoder(torch.cat([photo, grid], 1))
        wanted = self.landmark_encoder(torch.cat([landmark * 2 - 1, grid], 1))
        side = seen[-1].shape[-1]
        tokens = torch.cat([seen[-1].flatten(2).transpose(1, 2) + self.position[0],
                            wanted[-1].flatten(2).transpose(1, 2) + self.position[1]], 1)  # (B, 2 * side^2, width)
        for layer in self.joint:
            tokens = layer(tokens)
        photo_tokens, landmark_tokens = tokens.chunk(2, 1)
        logits = self.match_query(landmark_tokens) @ self.match_key(photo_tokens).transpose(1, 2)
        places = cell_centres(side, like=photo).flatten(2).transpose(1, 2).expand(batch, -1, -1)
        matched = logits.float().mul(photo_tokens.shape[-1] ** -0.5).softmax(-1) @ places.float()  # (B, side^2, 2)
        unfold = lambda t: t.transpose(1, 2).unflatten(2, (side, side))  # noqa: E731
        flow = unfold(matched)
        x = self.decoder[0](torch.cat([unfold(landmark_tokens), wanted[-1], flow.to(wanted[-1].dtype)], 1))
        flow = flow + self.flow_heads[0](x).float()
        levels = [flow]
        for index in range(1, len(self.decoder)):
            flow = F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)
            there = take(seen[-1 - index], flow.clamp(-1.2, 1.2))
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self.decoder[index](torch.cat([x, wanted[-1 - index], there, flow.to(x.dtype)], 1))
            flow = flow + self.flow_heads[index](x).float()
            levels.append(flow)
        garment = unfold(photo_tokens)
        for block, finer in zip(self.garment_blocks, reversed(seen[:-1]), strict=True):
            garment = F.interpolate(block(garment), scale_factor=2, mode="bilinear", align_corners=False) + finer
        return FlowPrediction(levels=tuple(levels), visibility=self.visibility_head(F.silu(x)),
                              garment=self.garment_head(garment))
