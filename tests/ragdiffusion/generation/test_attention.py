"""Attention processors: bit-equal when off, Eq. 4 and Eq. 5 against naive versions, no weights and no state."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0, IPAdapterAttnProcessor2_0

from ragdiffusion.generation.attention import (
    Conditioning,
    ReferenceAttention,
    StructureAttention,
    attention_layers,
    install_processors,
    text_keys_values,
)
from ragdiffusion.generation.builder.untrained import build_unets


@pytest.fixture(params=["studio", "sdxl"])
def unet(request, presets) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, net = build_unets(presets[request.param])  # ReferenceNet: the plain one, no zero columns
    install_processors(net)
    return net.eval()


@pytest.fixture
def call(unet, randn):
    """Calls a UNet on fixed inputs of two rows."""
    sample, text = randn(2, unet.config.in_channels, 4, 4), randn(2, 6, unet.config.cross_attention_dim)
    added = None
    if unet.config.addition_embed_type == "text_time":
        added = {"text_embeds": randn(2, 16), "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]] * 2)}

    def run(net: UNet2DConditionModel, conditioning: Conditioning | None = None, **kwargs) -> torch.Tensor:
        with torch.no_grad():
            return net(
                sample,
                torch.tensor([3, 700]),
                text,
                added_cond_kwargs=added,
                cross_attention_kwargs=conditioning.kwargs() if conditioning else None,
                **kwargs,
            ).sample

    run.text = text
    return run


def _stock(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    stock = copy.deepcopy(unet)
    stock.set_attn_processor(AttnProcessor2_0())
    return stock


@pytest.mark.parametrize("masked", [False, True])
def test_without_conditioning_the_unet_is_bit_equal_to_the_stock_one(unet, call, masked):
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1] * 6], dtype=torch.bool) if masked else None
    wanted = call(_stock(unet), encoder_attention_mask=mask)
    assert torch.equal(call(unet, encoder_attention_mask=mask), wanted)
    assert torch.equal(call(unet, Conditioning(), encoder_attention_mask=mask), wanted)


def test_cached_text_keys_and_values_are_bit_equal_to_computed_ones(unet, call):
    with torch.no_grad():
        cached = text_keys_values(unet, call.text)
    assert list(cached) == list(attention_layers(unet, "attn2"))
    assert torch.equal(call(unet, Conditioning(text=cached)), call(unet))
    other = {name: (key + 1, value + 1) for name, (key, value) in cached.items()}
    assert not torch.allclose(call(unet, Conditioning(text=other)), call(unet))


def test_capturing_changes_nothing_and_records_each_layers_own_projections(unet, call):
    seen, hooks = {}, []
    for name, layer in attention_layers(unet, "attn1").items():
        for which in ("to_k", "to_v"):

            def remember(module, inputs, output, key=(name, which)):
                seen[key] = output

            hooks.append(getattr(layer, which).register_forward_hook(remember))
    captured = {}
    output = call(unet, Conditioning(capture=captured))
    for hook in hooks:
        hook.remove()
    assert torch.equal(output, call(unet))
    assert set(captured) == set(attention_layers(unet, "attn1"))
    for name, (key, value) in captured.items():
        assert torch.equal(key, seen[name, "to_k"]) and torch.equal(value, seen[name, "to_v"])


def _naive_attention(layer, query, key, value):
    """softmax(QK^T / sqrt(d)) V of one row, head by head."""
    width = query.shape[-1] // layer.heads
    heads = []
    for head in range(layer.heads):
        part = slice(head * width, (head + 1) * width)
        scores = (query[:, part] @ key[:, part].T / width**0.5).exp()
        heads.append(scores / scores.sum(1, keepdim=True) @ value[:, part])
    return torch.cat(heads, 1)


@pytest.mark.parametrize("rows", [1, 2])
@torch.no_grad()
def test_reference_attention_is_softmax_over_keys_of_both(unet, randn, rows):
    for name, layer in attention_layers(unet, "attn1").items():
        width = layer.inner_dim
        hidden, reference = randn(2, 5, width), (randn(rows, 7, width), randn(rows, 7, width))
        output = ReferenceAttention(name)(layer, hidden, conditioning=Conditioning(reference={name: reference}))
        for row in range(2):
            own = hidden[row]
            key, value = (
                torch.cat([project(own), extra[min(row, rows - 1)]])
                for project, extra in zip((layer.to_k, layer.to_v), reference, strict=True)
            )
            wanted = layer.to_out[0](_naive_attention(layer, layer.to_q(own), key, value))
            torch.testing.assert_close(output[row], wanted, atol=1e-5, rtol=1e-5)


def test_rows_without_reference_are_as_if_there_were_none(unet, call, randn):
    with torch.no_grad():
        captured = {}
        call(unet, Conditioning(capture=captured))
        reference = {
            name: (key + randn(*key.shape), value + randn(*value.shape)) for name, (key, value) in captured.items()
        }
    with_reference, without = call(unet, Conditioning(reference=reference)), call(unet)
    assert (with_reference - without).abs().amax((1, 2, 3)).min() > 1e-3
    mixed = call(unet, Conditioning(reference=reference, has_reference=torch.tensor([True, False])))
    torch.testing.assert_close(mixed[0], with_reference[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mixed[1], without[1], atol=1e-5, rtol=1e-5)
    none = call(unet, Conditioning(reference=reference, has_reference=torch.tensor([False, False])))
    torch.testing.assert_close(none, without, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.3])
@torch.no_grad()
def test_structure_attention_equals_ip_adapters_with_the_same_weights(unet, randn, scale):
    width = unet.config.cross_attention_dim
    for name, layer in attention_layers(unet, "attn2").items():
        theirs = IPAdapterAttnProcessor2_0(layer.inner_dim, width, num_tokens=(3,), scale=scale)
        hidden, text, tokens = randn(2, 5, layer.inner_dim), randn(2, 6, width), randn(2, 3, width)
        structure = {name: (theirs.to_k_ip[0](tokens), theirs.to_v_ip[0](tokens))}
        ours = StructureAttention(name)(
            layer, hidden, text, conditioning=Conditioning(structure=structure, structure_scale=scale)
        )
        torch.testing.assert_close(ours, theirs(layer, hidden, (text, [tokens])), atol=1e-5, rtol=1e-5)


def test_structure_scale_of_a_row_is_that_rows_own(unet, call, randn):
    structure = {
        name: (randn(1, 3, layer.inner_dim), randn(1, 3, layer.inner_dim))
        for name, layer in attention_layers(unet, "attn2").items()
    }
    full, off = call(unet, Conditioning(structure=structure)), call(unet)
    mixed = call(unet, Conditioning(structure=structure, structure_scale=torch.tensor([0.0, 1.0])))
    assert torch.equal(mixed[0], off[0])
    torch.testing.assert_close(mixed[1], full[1], atol=1e-6, rtol=1e-5)
    assert (full - off).abs().amax((1, 2, 3)).min() > 1e-3


def test_processors_hold_no_weights_and_no_state(unet, call):
    before = {name: copy.deepcopy(vars(processor)) for name, processor in unet.attn_processors.items()}
    captured = {}
    call(unet, Conditioning(capture=captured))
    call(unet, Conditioning(reference=captured))
    assert list(unet.state_dict()) == list(_stock(unet).state_dict())
    for name, processor in unet.attn_processors.items():
        assert not isinstance(processor, torch.nn.Module)
        assert vars(processor) == before[name] == {"layer": name.removesuffix(".processor")}
        kind = ReferenceAttention if ".attn1." in name else StructureAttention
        assert isinstance(processor, kind)
