"""Both presets as the paper and the design size them; SDXL's on the meta device, where weights take no memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL

from ragdiffusion.commands.parts_beside import EIGHT_BITS
from ragdiffusion.config import get_preset
from ragdiffusion.generation.attention import attention_layers
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.builder.untrained import build_autoencoder, build_components, build_scheduler, build_unets
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def sdxl() -> dict:
    with torch.device("meta"):
        return build_components(get_preset("sdxl"))


def test_sdxl_is_sdxl_with_wider_ends(sdxl):
    # Stock SDXL has 2,567,463,684 parameters; conv_in takes 16 + 128 channels instead of 4, conv_out gives 16.
    wider_in, wider_out = (16 + 128 - 4) * 320 * 9, (16 - 4) * (320 * 9 + 1)
    assert _count(sdxl["unet"]) == 2_567_463_684 + wider_in + wider_out
    assert _count(sdxl["reference_net"]) == 2_567_463_684 + (16 - 4) * 320 * 9 + wider_out
    assert sdxl["unet"].conv_in.weight.shape == (320, 144, 3, 3)
    assert sdxl["reference_net"].conv_in.weight.shape == (320, 16, 3, 3)
    assert sdxl["unet"].conv_out.out_channels == sdxl["vae"].config.latent_channels == 16
    assert isinstance(sdxl["vae"], AutoencoderKL)
    assert (sdxl["vae"].config.scaling_factor, sdxl["vae"].config.shift_factor) == (0.3611, 0.1159)


def test_sdxls_text_is_2048_wide_and_its_time_ids_fit(sdxl):
    first, second = sdxl["text_encoder"].config, sdxl["text_encoder_2"].config
    assert first.hidden_size + second.hidden_size == sdxl["unet"].config.cross_attention_dim == 2048
    assert sdxl["text_encoder"].config.num_hidden_layers == 12 and sdxl["text_encoder_2"].config.num_hidden_layers == 32
    ids = 6 * sdxl["unet"].config.addition_time_embed_dim
    assert sdxl["unet"].add_embedding.linear_1.in_features == second.projection_dim + ids == 2816


def test_sdxls_adapter_reaches_every_cross_attention(sdxl):
    layers = attention_layers(sdxl["unet"], "attn2")
    assert len(layers) == 70  # (2 + 3) x 2 blocks of 640 channels, (2 + 1 + 3) x 10 of 1280
    adapter = sdxl["ep_adapter"]
    assert set(adapter.to_k) == {name.replace(".", "/") for name in layers}
    assert {projection.out_features for projection in adapter.to_v.values()} == {640, 1280}
    assert adapter.resampler.queries.shape[1] == 16 and len(adapter.resampler.layers) == 4


def test_sdxls_structure_towers_are_vit_l_without_its_last_layer(sdxl):
    net = sdxl["structure_net"]
    assert set(net.towers) == {"photo", "standard"}
    # ViT-L/14 has 303,179,776 parameters; each of its layers 12,596,224.
    assert [_count(tower) for tower in net.towers.values()] == [303_179_776 - 12_596_224] * 2
    assert net.config.embedding_dim == 768 and len(net.resampler.layers) == 4


def test_sdxl_puts_itself_together(sdxl):
    preset = get_preset("sdxl")
    pipeline = RAGDiffusionPipeline(
        **sdxl, preset_name=preset.name, latent_packing=preset.latent_packing, image_size=preset.image_size
    )
    assert (pipeline.grid, pipeline.denoiser.takes_draft) == (96, False)
    assert sdxl["appearance_flow"] is None and sdxl["silhouette_net"] is None


def test_the_studio_is_small_and_sees_its_draft():
    with torch.device("meta"):
        components = build_components(get_preset("studio"))
    unet = components["unet"]
    # Noisy latent and draft of 64 packed channels, 128 of the guider, 4 of visibility.
    assert unet.config.in_channels == unet.conv_in.in_channels == 64 + 128 + 64 + 4
    assert isinstance(components["vae"], GarmentAutoencoder)
    parts = {name: part for name, part in components.items() if isinstance(part, torch.nn.Module)}
    total = sum(_count(part) * (1 if name in EIGHT_BITS else 2) for name, part in parts.items())
    assert total <= 60e6  # bytes as they are bundled
    assert components["text_encoder_2"] is None


def test_mainnet_and_referencenet_start_from_the_same_weights(presets):
    unet, reference = build_unets(presets["sdxl"])
    given = reference.state_dict()
    for name, value in unet.state_dict().items():
        if name == "conv_in.weight":
            assert torch.equal(value[:, :16], given[name]) and not value[:, 16:].any()
        else:
            assert torch.equal(value, given[name]), name
    drafted, _ = build_unets(presets["studio"])
    assert not drafted.conv_out.weight.any() and not drafted.conv_out.bias.any()


@pytest.mark.parametrize(("kind", "last"), [("sample", 0.0), ("v_prediction", 0.0), ("epsilon", 0.0047)])
def test_the_schedule_ends_in_noise_and_in_the_clean_picture(presets, kind, last):
    scheduler = build_scheduler(replace(presets["studio"], flow=None, silhouette=None, prediction_type=kind))
    scheduler.set_timesteps(30)
    assert scheduler.timesteps[0] == 999 and len(scheduler.timesteps) == 30
    assert scheduler.alphas_cumprod[-1].item() == pytest.approx(last, abs=1e-4)
    assert scheduler.alphas_cumprod[0].item() == pytest.approx(1 - 0.00085, abs=1e-5)
    assert scheduler.final_alpha_cumprod == 1


def test_an_autoencoder_is_built_by_its_class_name(presets):
    assert isinstance(build_autoencoder(presets["studio"]), GarmentAutoencoder)
    assert isinstance(build_autoencoder(presets["sdxl"]), AutoencoderKL)
