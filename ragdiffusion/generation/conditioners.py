"""The networks that bring structure and pattern to MainNet: EP-Adapter, Landmark Guider and ReferenceNet's part."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.generation.attention import Conditioning, KeysValues, attention_layers
from ragdiffusion.resampler import Resampler


class EPAdapter(ModelMixin, ConfigMixin):
    """Embedding Prompt Adapter (3.2, 9.3): ê to keys and values for every cross-attention layer.

    Values start at zero, so a new adapter changes nothing.

    Args:
        embedding_dim: D of ê.
        cross_attention_dim: width of the tokens.
        layers: (layer name, width of its keys) for each cross-attention layer, from `of_unet`.
        tokens: N.
        dim: width inside the Resampler.
        attention_heads: of the Resampler.
        depth: attention layers of the Resampler, each with an MLP.
    """

    @register_to_config
    def __init__(
        self,
        embedding_dim: int,
        cross_attention_dim: int,
        layers: list[tuple[str, int]],
        tokens: int,
        dim: int,
        attention_heads: int,
        depth: int = 4,
    ) -> None:
        super().__init__()
        self.resampler = Resampler(
            in_dim=embedding_dim,
            dim=dim,
            out_dim=cross_attention_dim,
            depth=depth,
            heads=attention_heads,
            queries=tokens,
        )
        # A module's name must not hold a dot.
        self.to_k = nn.ModuleDict(
            {name.replace(".", "/"): nn.Linear(cross_attention_dim, width, bias=False) for name, width in layers}
        )
        self.to_v = nn.ModuleDict(
            {name.replace(".", "/"): nn.Linear(cross_attention_dim, width, bias=False) for name, width in layers}
        )
        for projection in self.to_v.values():
            nn.init.zeros_(projection.weight)

    @classmethod
    def of_unet(
        cls, unet: UNet2DConditionModel, *, embedding_dim: int, tokens: int, dim: int, attention_heads: int
    ) -> EPAdapter:
        """An adapter for every cross-attention layer of a UNet."""
        layers = [(name, layer.inner_dim) for name, layer in attention_layers(unet, "attn2").items()]
        return cls(
            embedding_dim=embedding_dim,
            cross_attention_dim=unet.config.cross_attention_dim,
            layers=layers,
            tokens=tokens,
            dim=dim,
            attention_heads=attention_heads,
        )

    def forward(self, embedding: torch.Tensor) -> KeysValues:
        """ê (B, D) to keys and values, each (B, N, width), by layer name."""
        tokens = self.resampler(embedding[:, None])  # (B, N, cross_attention_dim)
        return {name.replace("/", "."): (to_k(tokens), self.to_v[name](tokens)) for name, to_k in self.to_k.items()}


class LandmarkGuider(ModelMixin, ConfigMixin):
    """Four 4x4 convolutions of stride 2 (3.2) bring a silhouette to the grid of the latents.

    The result joins MainNet's input as extra channels: conv_in is linear, so this adds a projection of it after
    conv_in, zero at the start because those columns of conv_in start at zero.

    Args:
        channels: of the four convolutions.
    """

    @register_to_config
    def __init__(self, channels: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1)
            for before, after in zip((1, *channels[:-1]), channels, strict=True)
        )

    def forward(self, landmark: torch.Tensor) -> torch.Tensor:
        """(B, 1, 16h, 16w) in [0, 1] -> (B, 128, h, w)."""
        x = landmark * 2 - 1
        for convolution in self.convolutions:
            x = F.silu(convolution(x))
        return x


def capture_reference(
    reference_net: UNet2DConditionModel,
    photo_latent: torch.Tensor,
    text: torch.Tensor,
    added: dict[str, torch.Tensor] | None,
) -> KeysValues:
    """Run ReferenceNet once at t = 0 and take its self-attention keys and values.

    Args:
        reference_net: with this package's processors installed.
        photo_latent: (B, C, h, w), packed.
        text: (B, L, cross_attention_dim).
        added: SDXL's pooled text and size ids, or None.
    """
    captured: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    reference_net(
        photo_latent,
        torch.zeros((), dtype=torch.long, device=photo_latent.device),
        text,
        added_cond_kwargs=added,
        cross_attention_kwargs=Conditioning(capture=captured).kwargs(),
    )
    return captured


def freeze_after_last_capture(reference_net: UNet2DConditionModel) -> None:
    """Freeze what comes after the last captured layer: nothing of it reaches the output, so it gets no gradient."""
    with_attention = [i for i, block in enumerate(reference_net.up_blocks) if getattr(block, "attentions", None)]
    last = with_attention[-1]
    block = reference_net.up_blocks[last]
    transformer = block.attentions[-1]
    final = transformer.transformer_blocks[-1]
    dead: list[nn.Module | None] = [
        reference_net.conv_norm_out,
        reference_net.conv_out,
        *reference_net.up_blocks[last + 1 :],
        block.upsamplers,
        transformer.proj_out,
        final.attn1.to_q,
        final.attn1.to_out,
        final.norm2,
        final.attn2,
        final.norm3,
        final.ff,
    ]
    for module in dead:
        if module is not None:
            module.requires_grad_(False)


def expand_conv_in(unet: UNet2DConditionModel, channels: int) -> None:
    """Widen conv_in to more input channels; the new columns are zero, so the UNet's answer is unchanged."""
    old = unet.conv_in
    new = nn.Conv2d(channels, old.out_channels, old.kernel_size, padding=old.padding)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        new.bias.copy_(old.bias)
    unet.conv_in = new.to(old.weight.device, old.weight.dtype)
    unet.register_to_config(in_channels=channels)
