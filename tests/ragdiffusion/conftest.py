"""A whole model of a few thousand weights, built by the code that builds the real one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.attributes import encode
from ragdiffusion.config import FlowConfig, Preset, SilhouetteConfig, StructureConfig, get_preset
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.images import encode_silhouette, photo_to_tensor

if TYPE_CHECKING:
    from ragdiffusion import RAGDiffusion

BANK_ENTRIES = 30


def tiny_preset() -> Preset:
    """The studio preset at 64 pixels."""
    studio = get_preset("studio")
    return replace(
        studio,
        image_size=64,
        autoencoder=("GarmentAutoencoder", {"latent_channels": 16, "widths": (8, 16), "blocks": 1}),
        unet={
            **studio.unet,
            "sample_size": 4,
            "block_out_channels": (16, 32),
            "norm_num_groups": 8,
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
        },
        text=(
            {
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 1,
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
                "image_size": 32,
                "patch_size": 16,
            },
            feature_dim=16,
            embedding_dim=16,
            resampler_dim=16,
            resampler_heads=2,
            resampler_depth=1,
        ),
        ep_tokens=2,
        ep_dim=16,
        ep_heads=2,
        guider_channels=(4, 4, 8, 8),
        flow=FlowConfig(input_size=32, finder_widths=(8, 8, 16, 16), refiner_widths=(8, 8, 16)),
        silhouette=SilhouetteConfig(input_size=32, widths=(8, 8, 16), depth=1, heads=2, context_widths=(8, 8)),
    )


def draw_shirt(index: int, size: int = 128) -> np.ndarray:
    """The silhouette of a shirt, float32 (size, size), another width, length and sleeve for each index."""
    body, length, sleeve = 0.14 + 0.02 * (index % 5), 0.5 + 0.06 * (index % 6), 0.1 + 0.05 * (index % 7)
    right = [
        (0.08, 0.08),
        (0.2, 0.1),
        (body + sleeve, 0.12 + sleeve),
        (body + sleeve - 0.08, 0.2 + sleeve),
        (body, 0.3),
        (body, 0.08 + length),
    ]
    outline = [(0.5 + x, y) for x, y in right] + [(0.5 - x, y) for x, y in reversed(right)]
    mask = np.zeros((size, size), np.float32)
    cv2.fillPoly(mask, [np.rint(np.array(outline) * size).astype(np.int32)], 1.0)
    return mask


def draw_photo(index: int, size: int = 96) -> Image.Image:
    """A checked shirt on the floor."""
    rng = np.random.default_rng(index)
    mask = draw_shirt(index, size)[..., None]
    rows, columns = np.indices((size, size)) // 8
    cloth = np.where(((rows + columns) % 2)[..., None], rng.integers(0, 256, 3), rng.integers(0, 256, 3))
    ground = rng.integers(90, 200, 3) + rng.normal(size=(size, size, 1)) * 6
    return Image.fromarray((cloth * mask + ground * (1 - mask)).clip(0, 255).astype(np.uint8))


def save_tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    """Write a random checkpoint with its bank."""
    # Here, so that tests of small parts do not wait for the large libraries.
    from ragdiffusion.bank import Bank, NewEntry
    from ragdiffusion.generation.builder.untrained import build_components
    from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

    preset = tiny_preset()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        components = build_components(preset)
        # New, these start at zero and say nothing; a trained model's do not.
        torch.nn.init.normal_(components["unet"].conv_out.weight, std=0.2)
        for part in ("landmark_guider", "ep_adapter"):
            for weight in components[part].parameters():
                if not weight.any():
                    torch.nn.init.normal_(weight, std=0.2)
        torch.nn.init.normal_(components["vae"].decoder[-2].weight, std=0.2)
    for part in components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    pipeline = RAGDiffusionPipeline(
        **components,
        preset_name=preset.name,
        latent_packing=preset.latent_packing,
        image_size=preset.image_size,
        sampling=asdict(preset.defaults),
    )
    pipeline.save_pretrained(folder)
    net, attributes = pipeline.structure_net, {"category": "T-shirt"}
    with (
        Bank.create(
            folder / "bank.sqlite3",
            fingerprint=fingerprint(folder, ENCODER_PARTS),
            dimension=preset.structure.embedding_dim,
        ) as bank,
        torch.no_grad(),
    ):
        images = torch.cat([photo_to_tensor(draw_photo(i), net.image_size) for i in range(BANK_ENTRIES)])
        codes = torch.tensor([encode(attributes)] * BANK_ENTRIES)
        silhouettes = [encode_silhouette(torch.from_numpy(draw_shirt(i))) for i in range(BANK_ENTRIES)]
        bank.add(
            [
                NewEntry(embedding, silhouette, attributes, source=f"shirt {i}")
                for i, (embedding, silhouette) in enumerate(
                    zip(net(images, codes, "standard"), silhouettes, strict=True)
                )
            ]
        )
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in diffusers layout with `bank.sqlite3`; leave it as it is."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the same build with other weights."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "other", seed=1)


@pytest.fixture(scope="session")
def tiny_model(tiny_checkpoint: Path) -> RAGDiffusion:
    """The model over `tiny_checkpoint`."""
    from ragdiffusion import RAGDiffusion

    return RAGDiffusion.from_pretrained(tiny_checkpoint, device="cpu")


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    """A photo of a shirt, as a file."""
    path = tmp_path / "shirt.png"
    draw_photo(3).save(path)
    return path


@pytest.fixture(scope="session")
def make_photo() -> Callable[[int], Image.Image]:
    """Draws photo number n."""
    return draw_photo


@pytest.fixture(scope="session")
def make_mask() -> Callable[..., bytes]:
    """Draws silhouette number n as the bytes of a PNG of any width and height."""

    def make(index: int, width: int = 128, height: int = 128) -> bytes:
        buffer = io.BytesIO()
        picture = Image.fromarray((draw_shirt(index) * 255).astype(np.uint8))
        picture.resize((width, height)).save(buffer, format="PNG")
        return buffer.getvalue()

    return make


@pytest.fixture
def randn() -> Callable[..., torch.Tensor]:
    """Normal numbers, each call other ones, the same in every run."""
    generator = torch.Generator().manual_seed(1)
    return lambda *shape: torch.randn(*shape, generator=generator)
