"""The presets' derived numbers, and what may not be combined."""

from __future__ import annotations

import dataclasses

import pytest

from ragdiffusion.config import PRESETS, FlowConfig, assets_folder, get_preset


def test_derived_numbers_by_hand():
    studio, sdxl = get_preset("studio"), get_preset("sdxl")
    assert (studio.packed_channels, sdxl.packed_channels) == (64, 16)
    assert studio.main_in_channels == 64 + 128 + 64 + 4  # latent, guider, draft, visibility of 2 x 2
    assert sdxl.main_in_channels == 16 + 128


def test_a_twin_differs_in_its_latents_alone():
    studio = get_preset("studio")
    twin = studio.with_latent_channels(4)
    assert (twin.packed_channels, twin.main_in_channels) == (16, 16 + 128 + 16 + 4)
    assert twin.autoencoder == (studio.autoencoder[0], {**studio.autoencoder[1], "latent_channels": 4})
    assert twin.with_latent_channels(16) == studio
    with pytest.raises(ValueError, match="latents of -1 channels were asked for, 1 at least wanted"):
        studio.with_latent_channels(-1)


@pytest.mark.parametrize("name", PRESETS)
def test_numbers_fit_each_other(name):
    preset = get_preset(name)
    assert preset.name == name
    grid = preset.image_size // (8 * preset.latent_packing)
    halvings = len(preset.unet["block_out_channels"]) - 1
    assert preset.image_size % (8 * preset.latent_packing) == 0 and grid % 2**halvings == 0
    assert preset.unet["sample_size"] == grid
    assert preset.unet["cross_attention_dim"] == sum(text["hidden_size"] for text in preset.text)
    assert (preset.unet.get("addition_embed_type") == "text_time") == (len(preset.text) == 2)
    assert preset.ep_dim % preset.ep_heads == 0
    assert preset.structure.resampler_dim % preset.structure.resampler_heads == 0
    vision = preset.structure.vision
    assert vision["image_size"] % vision["patch_size"] == 0
    assert vision["hidden_size"] % vision["num_attention_heads"] == 0
    if preset.flow is not None:
        assert preset.flow.input_size % 2 ** len(preset.flow.finder_widths) == 0
        assert preset.flow.input_size % 2 ** (len(preset.flow.refiner_widths) + 1) == 0
    assert 0 < preset.defaults.strength <= 1 and 0 <= preset.defaults.alpha <= 1
    assert preset.defaults.strength == 1 or preset.flow is not None
    assert (preset.defaults.k, preset.defaults.steps) == (4, 30)  # as in the paper


def test_a_draft_is_corrected_in_x0_only():
    with pytest.raises(ValueError, match="prediction_type must be 'sample', got 'epsilon'"):
        dataclasses.replace(get_preset("studio"), prediction_type="epsilon")
    with pytest.raises(ValueError, match="got 'v_prediction'"):
        dataclasses.replace(get_preset("sdxl"), flow=FlowConfig())


def test_presets_cannot_be_changed_and_unknown_ones_are_named():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_preset("studio").image_size = 512
    with pytest.raises(ValueError, match="unknown preset 'sd15': choose one of studio, sdxl"):
        get_preset("sd15")


def test_assets_lie_beside_the_package():
    assert (assets_folder().parent / "ragdiffusion" / "config.py").is_file()
