"""`checkpoint build`: published parts become a checkpoint that draws, or nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ragdiffusion import RAGDiffusion
from ragdiffusion.cli import main
from ragdiffusion.generation.sampling import seeded_noise
from tests.ragdiffusion.published import copied, publish_clip, publish_flux, publish_sdxl, publish_unet


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


def test_what_lies_outside_is_white_at_the_noise_of_every_step(refined, make_photo):
    model = RAGDiffusion.from_pretrained(refined, preset="sdxl-refine", device="cpu")
    pipeline, seen = model.pipeline, []
    photo = make_photo(3)
    guide = model.retrieve(photo)
    pipeline.unet.register_forward_pre_hook(lambda _, given: seen.append((int(given[1]), given[0][:1].clone())))
    model.generate(photo, guide, steps=6, strength=0.5, guidance=1.0, seed=4)
    landmark = torch.from_numpy(np.asarray(guide.landmark, np.float32))[None, None].clamp(0, 1)
    with torch.no_grad():
        around = pipeline.surroundings(landmark)
        white = pipeline.encode(torch.ones(1, 3, 256, 256))
    torch.testing.assert_close(around.clean, white)
    outside = around.inside == 0
    assert 0.1 < outside.float().mean() < 0.9
    assert not (torch.nn.functional.adaptive_max_pool2d(landmark, 32)[outside] > 0.01).any()
    noise = seeded_noise([4], tuple(white.shape[1:]), torch.device("cpu"))
    steps = [(t, given) for t, given in seen if t > 0][-2:]  # the first of a run is the noised draft
    for t, given in steps:
        signal = pipeline.scheduler.alphas_cumprod[t]
        wanted = signal**0.5 * white + (1 - signal) ** 0.5 * noise
        everywhere = outside.expand_as(white)
        torch.testing.assert_close(given[everywhere], wanted[everywhere], atol=1e-4, rtol=1e-4)
        assert not torch.allclose(given[~everywhere], wanted[~everywhere], atol=1e-2)


def test_a_hub_id_is_read_as_its_folder_is(sdxl, refined, tiny_checkpoint, tmp_path, monkeypatch):
    """From the hub's own cache, as it lies after a download."""
    hub = tmp_path / "hub" / "models--somebody--sdxl"
    copied(sdxl, hub / "snapshots" / "c0ffee")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("c0ffee")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    words = ["checkpoint", "build", "sdxl-refine", "--sdxl", "somebody/sdxl", "--studio", str(tiny_checkpoint)]
    assert main([*words, "--out", str(tmp_path / "out"), "--size", "256"]) == 0
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        (found,) = (tmp_path / "out" / part).glob("*.safetensors")
        assert found.read_bytes() == (refined / part / found.name).read_bytes(), part


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
    assert main([*words, "--unet", str(unet), "--vae", str(sdxl)]) == 2
    assert "autoencoder has 4 channels and the UNet takes 16 and gives 16: adapt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
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


def _weights(folder: Path, part: str) -> Path:
    (file,) = (folder / part).glob("*.safetensors")
    return file


def _overflow(folder: Path) -> None:
    file = _weights(folder, "unet")
    save_file({**(tensors := load_file(file)), "conv_in.bias": tensors["conv_in.bias"] + 1e6}, file)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a part": (lambda folder: (folder / "vae").rename(folder / "other"), "the folder vae/ is missing; take the whole"),
    "a file": (lambda folder: (folder / "unet" / "config.json").unlink(), "config.json is missing; take the whole"),
    "weights": (lambda folder: _weights(folder, "text_encoder_2").unlink(), "no weights here"),
    "a tokenizer": (lambda folder: (folder / "tokenizer_2" / "merges.txt").unlink(), "merges.txt is missing"),
    "a LoRA": (
        lambda folder: save_file({"unet.mid_block.lora_A.weight": torch.zeros(2, 2)}, _weights(folder, "unet")),
        "a LoRA, which changes a model and is none; give the folder of the model itself",
    ),
    "a pickle": (
        lambda folder: _weights(folder, "unet").rename(folder / "unet" / "sd_xl_base.ckpt"),
        "sd_xl_base.ckpt is a pickle, which is never loaded; take the model's *.safetensors",
    ),
    "cut short": (
        lambda folder: _weights(folder, "vae").write_bytes(_weights(folder, "vae").read_bytes()[:-100]),
        "damaged or cut short",
    ),
    "overflow": (_overflow, "conv_in.bias holds numbers that are not finite in torch.float16; take the weights anew"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_download_is_one_line_and_nothing_is_written(sdxl, tiny_checkpoint, tmp_path, capsys, damage):
    harm, message = DAMAGES[damage]
    harm(copied(sdxl, tmp_path / "in" / "sdxl"))
    words = ["checkpoint", "build", "sdxl-refine", "--sdxl", str(tmp_path / "in" / "sdxl")]
    assert main([*words, "--studio", str(tiny_checkpoint), "--out", str(tmp_path / "out" / "built")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ragdiffusion: error: ") and error.count("\n") == 1 and message in error
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.parametrize(("name", "message"), [("model.safetensors", "single file"), ("model.ckpt", "single file")])
def test_a_file_in_place_of_a_folder_is_one_line(tiny_checkpoint, tmp_path, capsys, name, message):
    (tmp_path / name).write_bytes(b"weights")
    words = ["checkpoint", "build", "sdxl-refine", "--sdxl", str(tmp_path / name), "--studio", str(tiny_checkpoint)]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert f"{name}: a {message}; give the folder of the model in diffusers layout" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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
