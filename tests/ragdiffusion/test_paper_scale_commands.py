"""Every command of docs/paper_scale.md, in its order, on tiny random parts."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from ragdiffusion.cli import main
from ragdiffusion.config import PRESETS, StructureConfig, get_preset
from ragdiffusion.garments.datasets import open_dataset
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from tests.ragdiffusion.conftest import draw_photo
from tests.ragdiffusion.garments.datasets.conftest import write_viton
from tests.ragdiffusion.published import VISION, publish_clip, publish_flux, publish_sdxl
from tests.ragdiffusion.published_qwen import publish_qwen

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "paper_scale.md"
_AT_SCALE = ["--steps", "1", "--batch-size", "2", "--cpu", "--precision", "no", "--workers", "0", "--ema-every", "1"]
_TINY = {  # what makes a command small; each option is given but once on the page, and the last one counts
    "describe": ["--preset", "studio"],
    "benchmark": ["--preset", "sdxl", "--device", "cpu", "--dtype", "float32", "--steps", "1", "--training-steps", "1"],
    "generate": ["--dtype", "float32", "--device", "cpu", "--steps", "2"],
    "checkpoint build": ["--size", "256", "--dtype", "float32"],
    "bank build": ["--size", "4"],
    "train pgea": ["--size", "64", *_AT_SCALE],
    "train paper structure": _AT_SCALE,
    "train paper denoiser": [*_AT_SCALE, "--pool", "2", "--held-out", "1"],
}


def _lines() -> list[list[str]]:
    """The words after `python launch.py`, or after the launcher's `-m ragdiffusion`, of each line of code."""
    code = re.findall(r"^```\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in code for line in block.splitlines()]
    assert all(line.startswith(("python launch.py ", "accelerate launch --config_file ")) for line in lines)
    return [
        shlex.split(re.sub(r"^(python launch\.py|accelerate launch --config_file \S+ -m ragdiffusion) ", "", line))
        for line in lines
    ]


@pytest.fixture
def bench(tmp_path, monkeypatch, tiny_checkpoint):
    """A folder with everything that the page names, and a preset `sdxl` of its shape and next to no weights."""
    publish_sdxl(tmp_path / "SDXL")
    publish_flux(tmp_path / "FLUX")
    publish_clip(tmp_path / "CLIP")
    publish_qwen(tmp_path / "QWEN", scripted=True)
    write_viton(tmp_path / "VITON_HD", {f"{n:05d}_00": n for n in range(1, 6)}, {"00009_00": 9})
    (tmp_path / "CAPTIONED").mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "CAPTIONED" / f"{number}.png"), picture)
        (tmp_path / "CAPTIONED" / f"{number}.txt").write_text("a flat photo of a shirt")
    draw_photo(3).save(tmp_path / "photo.jpg")
    # CLIP's picture must be one that garments can be drawn at.
    monkeypatch.setitem(VISION, "image_size", 64)
    publish_clip(tmp_path / "CLIP")
    small = StructureConfig(
        vision={**VISION, "num_hidden_layers": 1},
        feature_dim=16,
        embedding_dim=12,
        resampler_dim=16,
        resampler_heads=2,
        attribute_dim=4,
        resampler_depth=1,
        resampler_queries=2,
    )
    sizes = {"ep_tokens": 2, "ep_dim": 16, "ep_heads": 2, "guider_channels": (4, 4, 8, 8), "structure": small}
    from tests.ragdiffusion.published import TEXT, UNET, VAE

    text = ({**TEXT}, {**TEXT, "projection_dim": 16, "hidden_act": "gelu"})
    vae = {**get_preset("sdxl").autoencoder[1], **VAE}
    monkeypatch.setitem(
        PRESETS,
        "sdxl",
        replace(
            get_preset("sdxl"),
            **sizes,
            unet=dict(UNET),
            text=text,
            image_size=64,
            autoencoder=("AutoencoderKL", vae),
            published={},
        ),
    )
    assets = tmp_path / "assets"
    (assets / "checkpoints").mkdir(parents=True)
    (assets / "checkpoints" / "studio").symlink_to(tiny_checkpoint)
    for module in ("ragdiffusion.config", "ragdiffusion.generation.loading"):
        monkeypatch.setattr(f"{module}.assets_folder", lambda: assets)
    monkeypatch.setattr("ragdiffusion.commands.train_pgea.FIT_BATCHES", 3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_runs_from_start_to_end(bench, capsys):
    from accelerate.state import AcceleratorState

    ran = []
    for words in _lines():
        AcceleratorState._reset_state(reset_partial_state=True)
        kind = next(
            (name for name in sorted(_TINY, key=len, reverse=True) if words[: len(name.split())] == name.split()), ""
        )
        assert main([*words, *_TINY.get(kind, [])]) == 0, f"{words}: {capsys.readouterr().err}"
        ran.append(" ".join(words[:3]))
    AcceleratorState._reset_state(reset_partial_state=True)
    assert {
        "data attributes DATA",
        "train pgea --stage",
        "train paper structure",
        "train paper denoiser",
        "checkpoint build sdxl",
        "checkpoint build sdxl-refine",
        "checkpoint update runs/start",
    } <= set(ran)
    assert open_dataset(bench / "DATA", 64)[0].caption == "a flat-lay photo of a garment with a polo collar"
    final = RAGDiffusionPipeline.from_pretrained(bench / "runs" / "final")
    start = RAGDiffusionPipeline.from_pretrained(bench / "runs" / "start")
    assert final.vae.config.latent_channels == 16 and final.unet.config.in_channels == 16 + 8
    # Each took a step from where it started; the guider follows once MainNet's columns for it are off zero.
    for part in ("unet", "reference_net", "ep_adapter"):
        moved = [
            not torch.equal(a, b)
            for a, b in zip(getattr(start, part).parameters(), getattr(final, part).parameters(), strict=True)
        ]
        assert any(moved), part
    assert (bench / "flat.png").is_file()
    _check_stages(bench / "runs" / "pgea")


def _check_stages(out: Path) -> None:
    """Stage II moves a UNet's ends alone, stage III the rest too."""
    first, second, third = (UNet2DConditionModel.from_pretrained(out / f"stage-{i}" / "unet") for i in (1, 2, 3))
    assert third.config.in_channels == third.config.out_channels == 16
    assert not torch.equal(first.conv_out.weight, second.conv_out.weight)
    middle = "mid_block.resnets.0.conv1.weight"
    assert torch.equal(first.get_parameter(middle), second.get_parameter(middle))
    assert not torch.equal(second.get_parameter(middle), third.get_parameter(middle))
