"""New, untrained parts of a preset."""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import Any

import diffusers
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from ragdiffusion.config import Preset
from ragdiffusion.draft.appearance_flow import AppearanceFlow
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.conditioners import EPAdapter, LandmarkGuider, expand_conv_in
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.generation.text import caption_tokenizer
from ragdiffusion.structure.silhouette_net import SilhouetteNet
from ragdiffusion.structure.structure_net import StructureNet

_CAPTION_TOKENS = 48  # the longest caption has 45


def build_autoencoder(preset: Preset) -> torch.nn.Module:
    """The preset's autoencoder: ours, or one of diffusers'."""
    name, keywords = preset.autoencoder
    return (
        GarmentAutoencoder(**keywords) if name == GarmentAutoencoder.__name__ else getattr(diffusers, name)(**keywords)
    )


def build_unets(preset: Preset) -> tuple[UNet2DConditionModel, UNet2DConditionModel | None]:
    """MainNet and, with the same initial weights, ReferenceNet (3.3); None where MainNet serves as its own.

    MainNet's conv_in is widened by zero columns for guider and draft; where it corrects a draft, conv_out starts
    at zero, so the untrained answer is the draft.
    """
    channels = preset.packed_channels
    unet = UNet2DConditionModel(in_channels=channels, out_channels=channels, **preset.unet)
    reference_net = copy.deepcopy(unet) if preset.own_reference else None
    expand_conv_in(unet, preset.main_in_channels)
    if preset.flow is not None and preset.corrects_draft:
        torch.nn.init.zeros_(unet.conv_out.weight)
        torch.nn.init.zeros_(unet.conv_out.bias)
    return unet, reference_net


def build_scheduler(preset: Preset) -> DDIMScheduler:
    """DDIM over a schedule that ends in pure noise (zero terminal SNR), from the last step down."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=preset.prediction_type,
        rescale_betas_zero_snr=preset.prediction_type != "epsilon",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )


def build_components(preset: Preset) -> dict[str, Any]:
    """Every component of the pipeline, untrained; torch's global generator decides the weights."""
    tokenizer = caption_tokenizer(_CAPTION_TOKENS)
    first, *rest = preset.text
    vocabulary = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    unet, reference_net = build_unets(preset)
    return {
        "vae": build_autoencoder(preset),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**{**vocabulary, **first})),
        "tokenizer": tokenizer,
        "text_encoder_2": CLIPTextModelWithProjection(CLIPTextConfig(**{**vocabulary, **rest[0]})) if rest else None,
        "tokenizer_2": caption_tokenizer(_CAPTION_TOKENS) if rest else None,
        "structure_net": StructureNet(**asdict(preset.structure)),
        "unet": unet,
        "reference_net": reference_net,
        "ep_adapter": EPAdapter.of_unet(unet, **preset.ep_adapter) if preset.ep_tokens else None,
        "landmark_guider": LandmarkGuider(channels=preset.guider_channels) if preset.guider_channels else None,
        "appearance_flow": AppearanceFlow(**asdict(preset.flow)) if preset.flow is not None else None,
        "silhouette_net": SilhouetteNet(**asdict(preset.silhouette)) if preset.silhouette is not None else None,
        "scheduler": build_scheduler(preset),
    }


def build_pipeline(preset: Preset, components: dict[str, Any]) -> RAGDiffusionPipeline:
    """A pipeline of a preset's components, with the preset's numbers in its config."""
    return RAGDiffusionPipeline(
        **components,
        preset_name=preset.name,
        latent_packing=preset.latent_packing,
        image_size=preset.image_size,
        sampling=asdict(preset.defaults),
        white_outside=preset.white_outside,
        zero_empty_text=preset.zero_empty_text,
    )
