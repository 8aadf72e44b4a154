"""Pairs with a known map, and a tiny pipeline to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.config import FlowConfig, StructureConfig, get_preset
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.warps import identity_map, sample
from ragdiffusion.generation.builder.untrained import build_components
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.training.loop import LoopConfig


@pytest.fixture(scope="session")
def make_pair() -> Callable[..., Pair]:
    """A smooth photo, seen by the flat-lay through a known affine map, in an ellipse on white."""

    def make(
        rng: np.random.Generator, size: int = 32, *, photo: np.ndarray | None = None, structure: str = "a"
    ) -> Pair:
        if photo is None:
            photo = cv2.resize(rng.integers(0, 256, (4, 4, 3)).astype(np.uint8), (size, size))
        shift = rng.uniform(1, size * 0.15, 2).astype(np.float32)
        flow = identity_map(size) * np.float32(rng.uniform(0.6, 0.8)) + shift
        silhouette = np.zeros((size, size), np.uint8)
        cv2.ellipse(silhouette, (size // 2, size // 2), (size // 4, size // 3), 0, 0, 360, 255, -1)
        inside = (silhouette > 127)[..., None]
        standard = np.where(inside, sample(photo, flow), 255).astype(np.uint8)
        return Pair(
            photo=photo,
            standard=standard,
            silhouette=silhouette,
            flow=flow,
            visible=inside[..., 0].astype(np.float32),
            photo_mask=np.full((size, size), 255, np.uint8),
            category="dress",
            structure=structure,
            attributes={"category": "Dress", "collar": "Round"},
        )

    return make


@pytest.fixture
def config(tmp_path) -> Callable[..., LoopConfig]:
    """A loop in this process that counts steps, not time."""

    def make(steps: int, folder: str = "run", **changes) -> LoopConfig:
        return replace(
            LoopConfig(
                out=tmp_path / folder,
                minutes=60,
                steps=steps,
                batch_size=2,
                warmup=2,
                cooldown=0.0,
                workers=0,
                sample_every=1000,
                bfloat16=False,
            ),
            **changes,
        )

    return make


@pytest.fixture
def pipeline() -> Callable[..., RAGDiffusionPipeline]:
    """The studio preset at 32 pixels, or the same without a draft and with another prediction."""

    def make(kind: str = "sample", *, drafted: bool = True) -> RAGDiffusionPipeline:
        studio = get_preset("studio")
        preset = replace(
            studio,
            image_size=32,
            prediction_type=kind,
            autoencoder=("GarmentAutoencoder", {"widths": (8, 8), "blocks": 1}),
            unet={
                **studio.unet,
                "sample_size": 2,
                "block_out_channels": (8, 16),
                "cross_attention_dim": 16,
                "attention_head_dim": 2,
                "norm_num_groups": 4,
            },
            text=(
                {
                    "hidden_size": 16,
                    "intermediate_size": 16,
                    "num_hidden_layers": 2,
                    "num_attention_heads": 2,
                    "max_position_embeddings": 48,
                },
            ),
            structure=StructureConfig(
                vision={
                    "hidden_size": 16,
                    "intermediate_size": 16,
                    "num_hidden_layers": 1,
                    "num_attention_heads": 2,
                    "image_size": 16,
                    "patch_size": 8,
                },
                feature_dim=8,
                embedding_dim=8,
                resampler_dim=8,
                resampler_heads=2,
                attribute_dim=2,
                resampler_depth=1,
                resampler_queries=2,
            ),
            ep_tokens=2,
            ep_dim=8,
            ep_heads=2,
            guider_channels=(4, 4, 4, 8),
            flow=FlowConfig(input_size=16, finder_widths=(8, 8), refiner_widths=(8, 8)) if drafted else None,
            silhouette=None,
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            components = build_components(preset)
        return RAGDiffusionPipeline(
            **components, preset_name="studio", latent_packing=2, image_size=32, sampling=asdict(preset.defaults)
        )

    return make
