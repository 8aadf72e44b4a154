"""The paper's model from published parts: same start for both UNets and both towers, and a picture at the end."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from ragdiffusion.config import StructureConfig, get_preset
from ragdiffusion.generation.builder.paper import PaperParts, paper_components, structure_from_clip
from ragdiffusion.generation.builder.published import load_clip_vision, load_unet
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from tests.ragdiffusion.published import publish_unet

PRESET = replace(
    get_preset("sdxl"),
    image_size=64,
    ep_tokens=3,
    ep_dim=16,
    ep_heads=2,
    guider_channels=(4, 4, 8, 8),
    structure=StructureConfig(
        vision={},
        feature_dim=16,
        embedding_dim=12,
        resampler_dim=16,
        resampler_heads=2,
        attribute_dim=4,
        resampler_depth=1,
        resampler_queries=2,
    ),
)


@pytest.fixture(scope="module")
def parts(sdxl, flux, clip, tmp_path_factory) -> PaperParts:
    unet = publish_unet(tmp_path_factory.mktemp("pgea") / "unet", 16)
    return PaperParts(sdxl=sdxl, vae=flux, clip=clip, unet=unet)


@pytest.fixture(scope="module")
def components(parts):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return paper_components(PRESET, parts)


def test_both_unets_start_from_the_published_one(parts, components):
    published = load_unet(parts.unet).state_dict()
    for name, value in components["reference_net"].state_dict().items():
        assert torch.equal(value, published[name]), name
    wide = components["unet"].conv_in.weight
    assert wide.shape[1] == 16 + 8 and torch.equal(wide[:, :16], published["conv_in.weight"])
    assert not wide[:, 16:].any()


def test_both_towers_start_from_clip_positions_and_all(clip, components):
    tower, net = load_clip_vision(clip), components["structure_net"]
    for domain in ("photo", "standard"):
        for name, value in tower.state_dict().items():
            assert torch.equal(net.towers[domain].state_dict()[name], value), (domain, name)
    assert net.config.vision["num_hidden_layers"] == 1 and net.config.vision["patch_size"] == 16
    assert structure_from_clip(PRESET, clip, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_it_draws_and_comes_back_from_disk(components, tmp_path):
    pipeline = RAGDiffusionPipeline(
        **components, preset_name="sdxl", latent_packing=1, image_size=64, sampling=asdict(PRESET.defaults)
    )
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "photo": torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1,
        "landmark": torch.ones(1, 1, 128, 128),
        "embedding": torch.randn(1, 12, generator=generator),
        "caption": "a photo of a dress",
    }
    image = pipeline(**inputs, num_inference_steps=2).images
    assert image.isfinite().all() and image.std() > 0.01
    pipeline.save_pretrained(tmp_path)
    again = RAGDiffusionPipeline.from_pretrained(tmp_path)
    torch.testing.assert_close(again(**inputs, num_inference_steps=2).images, image, atol=1e-4, rtol=1e-4)
    other = again(**{**inputs, "caption": "a shirt with a round collar"}, num_inference_steps=2).images
    assert not torch.allclose(other, image, atol=1e-4)  # the caption is read, after saving too


def test_an_autoencoder_of_other_channels_is_refused(parts, sdxl):
    with pytest.raises(ValueError, match=r"autoencoder has 16 channels and the UNet takes 4 and gives 4: adapt"):
        paper_components(PRESET, replace(parts, unet=None))
    with pytest.raises(ValueError, match=r"autoencoder has 4 channels and the UNet takes 16"):
        paper_components(PRESET, replace(parts, vae=sdxl))


def test_text_encoders_of_another_model_are_refused(parts, sdxl, tmp_path):
    from tests.ragdiffusion.published import copied

    folder = copied(sdxl, tmp_path / "sdxl")
    config = folder / "text_encoder" / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 16', '"hidden_size": 8'))
    with pytest.raises(ValueError, match=r"embeddings\.\w+\.weight is \(.*16\), \(.*8\) wanted by CLIPTextModel"):
        paper_components(PRESET, replace(parts, sdxl=folder))
