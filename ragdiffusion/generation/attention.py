"""Conditioning through attention, without a fork of the UNet (docs/architecture.md has what was found by trial).

Two processors replace diffusers' own in every transformer block. They hold no weights and no state: all that
belongs to one call travels in one `Conditioning`, handed to the UNet as `cross_attention_kwargs`. With an empty
one they compute exactly what diffusers' `AttnProcessor2_0` computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch.nn import functional as F

KeysValues = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""For each attention layer, by its name in the UNet: keys and values, each (B or 1, L, width)."""


@dataclass(frozen=True)
class Conditioning:
    """What one UNet call is conditioned on, beside its ordinary inputs.

    Attributes:
        capture: where self-attention layers leave their keys and values (a ReferenceNet's call).
        reference: keys and values that self-attention looks at too (Eq. 4).
        has_reference: (B,) bool, the rows that may look at them; None: all.
        text: keys and values of the text branch, computed once per image; None: computed in the call.
        structure: keys and values of the structure branch (Eq. 5).
        structure_scale: weight of that branch, a number or (B,).
    """

    capture: dict[str, tuple[torch.Tensor, torch.Tensor]] | None = None
    reference: KeysValues | None = None
    has_reference: torch.Tensor | None = None
    text: KeysValues | None = None
    structure: KeysValues | None = None
    structure_scale: torch.Tensor | float = 1.0

    def kwargs(self) -> dict[str, Conditioning]:
        """As the UNet takes it."""
        return {"conditioning": self}


_NOTHING = Conditioning()


def _attend(
    attn: Attention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Multi-head attention of projected (B, Lq, width) on (B, Lk, width)."""
    batch = query.shape[0]
    q, k, v = (t.view(batch, -1, attn.heads, t.shape[-1] // attn.heads).transpose(1, 2) for t in (query, key, value))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=0.0, is_causal=False)
    return out.transpose(1, 2).reshape(batch, -1, query.shape[-1])


def _project_out(attn: Attention, hidden_states: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    hidden_states = attn.to_out[1](attn.to_out[0](hidden_states))
    if attn.residual_connection:
        hidden_states = hidden_states + residual
    return hidden_states / attn.rescale_output_factor


class ReferenceAttention:
    """Self-attention that also looks at a reference's keys and values (Eq. 4), or records its own.

    Args:
        layer: name of the attention layer in its UNet.
    """

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
        conditioning: Conditioning = _NOTHING,
    ) -> torch.Tensor:
        query = attn.to_q(hidden_states)
        key, value = attn.to_k(hidden_states), attn.to_v(hidden_states)
        if conditioning.capture is not None:
            conditioning.capture[self.layer] = (key, value)
        mask = None
        if conditioning.reference is not None:
            batch, length = key.shape[:2]
            extra_key, extra_value = (t.to(key.dtype).expand(batch, -1, -1) for t in conditioning.reference[self.layer])
            key, value = torch.cat([key, extra_key], 1), torch.cat([value, extra_value], 1)  # (B, 2l, width)
            if conditioning.has_reference is not None:
                own = torch.ones(batch, length, dtype=torch.bool, device=key.device)
                other = conditioning.has_reference[:, None].expand(batch, extra_key.shape[1])
                mask = torch.cat([own, other], 1)[:, None, None]  # (B, 1, 1, 2l)
        return _project_out(attn, _attend(attn, query, key, value, mask), hidden_states)


class StructureAttention:
    """Cross-attention to the text plus, summed to it, to the structure tokens (Eq. 5).

    Args:
        layer: name of the attention layer in its UNet.
    """

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
        conditioning: Conditioning = _NOTHING,
    ) -> torch.Tensor:
        batch = len(hidden_states)
        query = attn.to_q(hidden_states)
        if conditioning.text is not None:
            key, value = (t.to(query.dtype).expand(batch, -1, -1) for t in conditioning.text[self.layer])
        else:
            key, value = attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states)
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(attention_mask, key.shape[1], batch)
            attention_mask = attention_mask.view(batch, attn.heads, -1, attention_mask.shape[-1])
        out = _attend(attn, query, key, value, attention_mask)
        if conditioning.structure is not None:
            key, value = (t.to(query.dtype).expand(batch, -1, -1) for t in conditioning.structure[self.layer])
            scale = conditioning.structure_scale
            if isinstance(scale, torch.Tensor):
                scale = scale.to(query.dtype).view(-1, 1, 1)
            out = out + scale * _attend(attn, query, key, value)
        return _project_out(attn, out, hidden_states)


def attention_layers(unet: UNet2DConditionModel, kind: str) -> dict[str, Attention]:
    """The UNet's attention layers of one kind (`attn1`: self, `attn2`: cross), by name, in the order of the modules."""
    return {
        name: module
        for name, module in unet.named_modules()
        if isinstance(module, Attention) and name.endswith(f".{kind}")
    }


def install_processors(unet: UNet2DConditionModel) -> None:
    """Give every transformer block of a UNet the two processors of this file."""
    processors = {f"{name}.processor": ReferenceAttention(name) for name in attention_layers(unet, "attn1")}
    processors |= {f"{name}.processor": StructureAttention(name) for name in attention_layers(unet, "attn2")}
    unet.set_attn_processor(processors)


def text_keys_values(unet: UNet2DConditionModel, text: torch.Tensor) -> KeysValues:
    """Keys and values of the text branch, which do not depend on the time step.

    Args:
        unet: the MainNet.
        text: (B, L, cross_attention_dim).
    """
    return {name: (layer.to_k(text), layer.to_v(text)) for name, layer in attention_layers(unet, "attn2").items()}
