"""`checkpoint build`: published parts become a checkpoint that draws, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from ragdiffusion import RAGDiffusion
from ragdiffusion.cli import main
from tests.ragdiffusion.published import publish_clip, publish_flux, publish_sdxl, publish_unet


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory) -> Path:
    return publish_sdxl(tmp_path_factory.mktemp("published") / "sdxl")


@pytest.fixture(scope="module")
def refined(sdxl, tiny_checkpoint, tmp_path_factory) -> Path:
    """A checkpoint built from published SDXL and the tiny studio."""
    out = tmp_path_factory.mktemp("built") / "refine"
    assert (
        main(
            [
                "checkpoint",
                "build",
                "sdxl-refine",
                "--sdxl",
                str(sdxl),
                "--studio",
                str(tiny_checkpoint),
                "--out",
                str(out),
                "--size",
                "256",
            ]
        )
        == 0
    )
    return out


def test_published_sdxl_draws_over_the_draft(refined, make_photo):
    model = RAGDiffusion.from_pretrained(refined, preset="sdxl-refine", device="cpu")
    pipeline = model.pipeline
    assert pipeline.reference_net is None and pipeline.denoiser.reference_net is pipeline.unet
    assert pipeline.unet.config.in_channels == 4 and model.defaults.strength == 0.35
    photo = make_photo(3)
    guide = model.retrieve(photo)
    result = model.generate(photo, guide, steps=6)
    assert result.image.size == (256, 256) and result.draft is not None
    outside = guide.landmark == 0
    assert (torch.from_numpy(np.array(result.image))[outside] == 255).all()
    # It does draw: another share of the schedule, another caption, another picture.
    for other in (model.generate(photo, guide, steps=6, strength=0.8), model.generate(photo, guide, steps=6, seed=1)):
        assert other.image.tobytes() != result.image.tobytes()
    assert model.generate(photo, guide, steps=6).image.tobytes() == result.image.tobytes()


def test_the_bank_still_belongs_to_the_encoder_and_no_place_is_told(refined, tiny_checkpoint):
    name = "structure_net/diffusion_pytorch_model.safetensors"
    assert (refined / name).read_bytes() == (tiny_checkpoint / name).read_bytes()
    with safe_open(refined / "unet" / "diffusion_pytorch_model.safetensors", "pt") as tensors:
        assert tensors.get_tensor("conv_in.weight").dtype == torch.float16
    assert not [file for file in refined.rglob("*.json") if "_name_or_path" in file.read_text()]


def test_a_caption_reaches_published_text_encoders_and_an_empty_one_is_zeros(refined):
    pipeline = RAGDiffusion.from_pretrained(refined, preset="sdxl-refine", device="cpu").pipeline
    text = pipeline.encode_text(["a flat photo of a dress", "", "a shirt"])
    assert text.hidden.shape[-1] == 32 and text.hidden[0].any() and not torch.equal(text.hidden[0], text.hidden[2])
    assert not text.hidden[1].any() and not text.pooled[1].any()


def test_the_papers_start_is_built_from_its_four_sources(sdxl, tmp_path, capsys):
    flux, clip = publish_flux(tmp_path / "flux"), publish_clip(tmp_path / "clip")
    unet = publish_unet(tmp_path / "pgea" / "unet", 16)
    words = [
        "checkpoint",
        "build",
        "sdxl",
        "--sdxl",
        str(sdxl),
        "--vae",
        str(flux),
        "--clip",
        str(clip),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 2
    assert "autoencoder has 16 channels and the UNet takes 4" in capsys.readouterr().err
    assert main([*words, "--unet", str(unet), "--dtype", "bfloat16"]) == 0
    assert "structure_net" in capsys.readouterr().out
    from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

    pipeline = RAGDiffusionPipeline.from_pretrained(tmp_path / "out", dtype=torch.bfloat16)
    assert pipeline.unet.config.in_channels == 16 + 128 and pipeline.unet.dtype == torch.bfloat16
    assert pipeline.structure_net.dtype == torch.float32 and pipeline.config.preset_name == "sdxl"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--sdxl", "nowhere"], "'nowhere': no such folder, and no hub id like owner/name"),
        (["--size", "100"], "--size is 100, a multiple of 64 from 256 up wanted"),
        (["--studio", "."], "no studio checkpoint with a bank here"),
        (["--variant", "fp16"], "no fp16 weights here"),
    ],
)
def test_when_something_is_wrong_nothing_is_written(
    sdxl, tiny_checkpoint, tmp_path, monkeypatch, capsys, change, message
):
    monkeypatch.chdir(tmp_path)
    words = [
        "checkpoint",
        "build",
        "sdxl-refine",
        "--sdxl",
        str(sdxl),
        "--studio",
        str(tiny_checkpoint),
        "--out",
        "out",
    ]
    assert main([*words, *change]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(sdxl, refined, tiny_checkpoint, capsys):
    before = (refined / "model_index.json").stat().st_mtime_ns
    assert (
        main(
            [
                "checkpoint",
                "build",
                "sdxl-refine",
                "--sdxl",
                str(sdxl),
                "--studio",
                str(tiny_checkpoint),
                "--out",
                str(refined),
            ]
        )
        == 2
    )
    assert "there is something already" in capsys.readouterr().err
    assert (refined / "model_index.json").stat().st_mtime_ns == before
