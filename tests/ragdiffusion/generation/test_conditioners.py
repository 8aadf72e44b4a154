"""EP-Adapter, Landmark Guider, conv_in and ReferenceNet: nothing changes at first, gradients reach what trains."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel

from ragdiffusion.generation.attention import Conditioning, attention_layers, install_processors
from ragdiffusion.generation.builder.untrained import build_unets
from ragdiffusion.generation.conditioners import (
    EPAdapter,
    LandmarkGuider,
    capture_reference,
    expand_conv_in,
    freeze_after_last_capture,
)


@pytest.fixture(params=["studio", "sdxl"])
def unet(request, presets) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, net = build_unets(presets[request.param])
    install_processors(net)
    return net


@pytest.fixture
def arguments(unet, randn):
    """Latent, text and SDXL's extras, two rows."""
    added = None
    if unet.config.addition_embed_type == "text_time":
        added = {"text_embeds": randn(2, 16), "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]] * 2)}
    # Large enough for several tokens at the coarsest level: a lone one attends to itself whatever its query.
    return randn(2, unet.config.in_channels, 8, 8), randn(2, 6, unet.config.cross_attention_dim), added


def _run(unet, latent, text, added, conditioning=None):
    with torch.no_grad():
        return unet(
            latent,
            500,
            text,
            added_cond_kwargs=added,
            cross_attention_kwargs=conditioning.kwargs() if conditioning else None,
        ).sample


# ---- EP-Adapter


@pytest.fixture
def adapter(unet) -> EPAdapter:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return EPAdapter.of_unet(unet, embedding_dim=12, tokens=3, dim=16, attention_heads=2)


@torch.no_grad()
def test_a_new_adapter_leaves_mainnet_unchanged(unet, adapter, arguments, randn):
    structure = adapter(randn(2, 12) * 10)
    assert set(structure) == set(attention_layers(unet, "attn2"))
    plain = _run(unet, *arguments)
    assert torch.equal(_run(unet, *arguments, Conditioning(structure=structure)), plain)
    for projection in adapter.to_v.values():
        projection.weight.normal_()
    assert not torch.allclose(_run(unet, *arguments, Conditioning(structure=adapter(randn(2, 12)))), plain)


@torch.no_grad()
def test_the_adapter_projects_its_resamplers_tokens(unet, adapter, randn):
    for projection in adapter.to_v.values():
        projection.weight.normal_()
    embedding = randn(2, 12)
    tokens = adapter.resampler(embedding[:, None])
    assert tokens.shape == (2, 3, unet.config.cross_attention_dim)
    for name, (key, value) in adapter(embedding).items():
        assert torch.equal(key, tokens @ adapter.state_dict()[f"to_k.{name.replace('.', '/')}.weight"].T)
        assert torch.equal(value, tokens @ adapter.state_dict()[f"to_v.{name.replace('.', '/')}.weight"].T)


@torch.no_grad()
def test_an_adapter_comes_back_from_disk(adapter, randn, tmp_path):
    adapter.save_pretrained(tmp_path)
    loaded, embedding = EPAdapter.from_pretrained(tmp_path), randn(1, 12)
    wanted = adapter(embedding)
    for name, pair in loaded(embedding).items():
        # Not to the bit: a processor may multiply by weights that lie elsewhere in memory in another order.
        torch.testing.assert_close(pair, wanted[name], atol=1e-5, rtol=1e-5)


# ---- Landmark Guider and conv_in


@torch.no_grad()
def test_four_strides_land_on_the_grid_without_a_shift(randn):
    guider = LandmarkGuider(channels=(4, 4, 8, 8))
    landmark = (randn(1, 1, 48, 32) > 0).float()
    features = guider(landmark)
    assert features.shape == (1, 8, 3, 2)
    # A stride-2 kernel of 4 with a rim of 1 is centred on its cell: mirrored in, mirrored out.
    mirrored = copy.deepcopy(guider)
    for convolution in mirrored.convolutions:
        convolution.weight.copy_(convolution.weight.flip(-1))
    torch.testing.assert_close(mirrored(landmark.flip(-1)), features.flip(-1), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_one_guider_convolution_by_hand():
    guider = LandmarkGuider(channels=(1,))
    guider.convolutions[0].weight.fill_(0.25)
    guider.convolutions[0].bias.fill_(-1.0)
    # Landmark 1 becomes +1; the corner window sees 9 of its 16 cells, the rest is the zero rim: 9/4 - 1.
    value = 9 / 4 - 1
    assert guider(torch.ones(1, 1, 4, 4))[0, 0, 0, 0].item() == pytest.approx(value / (1 + 2.718281828**-value), 1e-6)


@torch.no_grad()
def test_widened_conv_in_leaves_the_unet_unchanged(unet, arguments, randn):
    latent, text, added = arguments
    wanted, channels = _run(unet, latent, text, added), unet.config.in_channels
    weight = unet.conv_in.weight.clone()
    expand_conv_in(unet, channels + 9)
    assert unet.config.in_channels == channels + 9
    assert torch.equal(unet.conv_in.weight[:, :channels], weight) and not unet.conv_in.weight[:, channels:].any()
    widened = torch.cat([latent, randn(2, 9, 8, 8) * 100], 1)
    torch.testing.assert_close(_run(unet, widened, text, added), wanted, atol=1e-5, rtol=1e-5)
    unet.conv_in.weight[:, channels:].normal_()
    assert not torch.allclose(_run(unet, widened, text, added), wanted, atol=1e-2)


# ---- ReferenceNet


def _captured_gradients(unet, arguments, *, checkpointing):
    """Gradients of every parameter under a loss that reads all captured keys and values."""
    net = copy.deepcopy(unet).train()
    install_processors(net)
    freeze_after_last_capture(net)
    if checkpointing:
        net.enable_gradient_checkpointing()
    generator = torch.Generator().manual_seed(3)
    captured = capture_reference(net, *arguments)
    loss = sum((t * torch.randn(t.shape, generator=generator)).sum() for pair in captured.values() for t in pair)
    loss.backward()
    return net, {name: parameter.grad for name, parameter in net.named_parameters()}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_every_reference_parameter_left_to_train_gets_a_gradient(unet, arguments, checkpointing):
    net, gradients = _captured_gradients(unet, arguments, checkpointing=checkpointing)
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            assert gradients[name] is not None and gradients[name].abs().sum() > 0, name
        else:
            assert gradients[name] is None, name
    share = sum(p.numel() for p in net.parameters() if p.requires_grad) / sum(p.numel() for p in net.parameters())
    assert 0.6 < share < 1


def test_gradient_checkpointing_changes_no_gradient(unet, arguments):
    _, wanted = _captured_gradients(unet, arguments, checkpointing=False)
    _, found = _captured_gradients(unet, arguments, checkpointing=True)
    for name, gradient in wanted.items():
        if gradient is not None:
            torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-4, msg=name)


@torch.no_grad()
def test_what_is_frozen_does_not_reach_what_is_captured(unet, arguments):
    freeze_after_last_capture(unet)
    before = capture_reference(unet, *arguments)
    frozen = [parameter for parameter in unet.parameters() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.add_(1.0)
    after = capture_reference(unet, *arguments)
    assert frozen and all(torch.equal(before[name][i], after[name][i]) for name in before for i in (0, 1))
