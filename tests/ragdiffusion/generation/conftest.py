"""Both presets' shapes at tiny size: one that corrects a draft, one like SDXL."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import torch

from ragdiffusion.config import FlowConfig, Preset, SilhouetteConfig, StructureConfig, get_preset
from ragdiffusion.generation.builder.untrained import build_components
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

_STRUCTURE = StructureConfig(
    vision={
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 16,
        "patch_size": 8,
    },
    feature_dim=16,
    embedding_dim=12,
    resampler_dim=16,
    resampler_heads=2,
    attribute_dim=4,
    resampler_depth=1,
    resampler_queries=2,
)
_TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}

STUDIO = replace(
    get_preset("studio"),
    image_size=64,
    autoencoder=("GarmentAutoencoder", {"widths": (8, 8), "blocks": 1}),
    unet={
        **get_preset("studio").unet,
        "sample_size": 4,
        "block_out_channels": (16, 32),
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    },
    text=({**_TEXT, "max_position_embeddings": 48},),
    structure=_STRUCTURE,
    ep_tokens=3,
    ep_dim=16,
    ep_heads=2,
    guider_channels=(4, 4, 8, 8),
    flow=FlowConfig(input_size=32, finder_widths=(8, 12), refiner_widths=(8, 12)),
    silhouette=SilhouetteConfig(input_size=32, widths=(8, 8, 16), depth=1, heads=2, context_widths=(8, 8)),
)

SDXL = replace(
    get_preset("sdxl"),
    image_size=64,
    autoencoder=(
        "AutoencoderKL",
        {
            **get_preset("sdxl").autoencoder[1],
            "block_out_channels": (4, 4, 8, 8),
            "layers_per_block": 1,
            "norm_num_groups": 2,
        },
    ),
    unet={
        **get_preset("sdxl").unet,
        "sample_size": 8,
        "block_out_channels": (8, 16, 16),
        "layers_per_block": 1,
        "transformer_layers_per_block": (1, 1, 2),
        "cross_attention_dim": 32,
        "attention_head_dim": (1, 2, 2),
        "norm_num_groups": 4,
        "addition_time_embed_dim": 4,
        "projection_class_embeddings_input_dim": 6 * 4 + 16,
    },
    text=(_TEXT, {**_TEXT, "projection_dim": 16, "hidden_act": "gelu"}),
    structure=_STRUCTURE,
    ep_tokens=3,
    ep_dim=16,
    ep_heads=2,
    guider_channels=(4, 4, 8, 8),
)


def _shake(module: torch.nn.Module) -> None:
    """Move every weight off its start, so that what starts at zero takes part as after a training."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)


@pytest.fixture(scope="session")
def presets() -> dict[str, Preset]:
    return {"studio": STUDIO, "sdxl": SDXL}


@pytest.fixture(scope="session")
def build() -> Callable[..., RAGDiffusionPipeline]:
    """A new pipeline of a preset; `trained` moves all weights off their start."""
    built: dict[str, dict] = {}  # building takes longer than copying

    def make(preset: Preset, *, trained: bool = False) -> RAGDiffusionPipeline:
        key = f"{preset} {trained}"
        if key not in built:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                built[key] = build_components(preset)
            for part in built[key].values():
                if isinstance(part, torch.nn.Module):
                    part.eval()
                    if trained:
                        _shake(part)
        return RAGDiffusionPipeline(
            **copy.deepcopy(built[key]),
            preset_name=preset.name,
            latent_packing=preset.latent_packing,
            image_size=preset.image_size,
            sampling=asdict(preset.defaults),
        )

    return make


@pytest.fixture
def inputs(randn) -> dict[str, torch.Tensor | str]:
    """What a pipeline is called with: one photo, an ellipse as landmark, an embedding, a caption."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 128), torch.linspace(-1, 1, 128), indexing="ij")
    ellipse = (x / 0.6) ** 2 + (y / 0.8) ** 2 < 1
    return {
        "photo": randn(1, 3, 64, 64).clamp(-1, 1),
        "landmark": ellipse.float()[None, None],
        "embedding": torch.nn.functional.normalize(randn(1, 12), dim=-1),
        "caption": "a flat-lay photo of a T-shirt with a round collar",
    }
