"""PGEA: what is linear is solved, what is widened is loaded by diffusers, and each stage trains its own."""

from __future__ import annotations

import copy
import json

import cv2
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from torch import nn

from ragdiffusion.cli import main
from ragdiffusion.training.scale.captioned import NO_CAPTION, open_captioned
from ragdiffusion.training.scale.least_squares import ConvolutionFit, LeastSquares
from ragdiffusion.training.scale.loop import ScaleConfig, train_at_scale
from ragdiffusion.training.scale.pgea import DistilConvIn, TextToImage, expand_channels
from tests.ragdiffusion.published import UNET, VAE, publish_flux, publish_sdxl, publish_unet


@pytest.fixture(autouse=True)
def _fresh_accelerator():
    from accelerate.state import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eight checked images, the last two captioned in metadata.jsonl, one not at all."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for index in range(8):
        small = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.resize(small, (96, 64), interpolation=cv2.INTER_NEAREST))
        if index < 5:
            (folder / f"{index}.txt").write_text(f"a flat photo of\n shirt {index}\n")
    lines = [{"file_name": f"{index}.png", "text": "a dress"} for index in (6, 7)]
    (folder / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return publish_sdxl(tmp_path_factory.mktemp("base") / "sdxl")


@pytest.fixture(scope="module")
def flux(tmp_path_factory):
    return publish_flux(tmp_path_factory.mktemp("base") / "flux")


def _vae(channels: int) -> AutoencoderKL:
    with torch.random.fork_rng():
        torch.manual_seed(channels)
        return AutoencoderKL(latent_channels=channels, **VAE).eval()


def _unet(channels: int = 4) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet2DConditionModel(in_channels=channels, out_channels=channels, **UNET).eval()


def test_captions_lie_beside_or_in_the_metadata_and_samples_have_numbers(images):
    found = open_captioned(images, 32, seed=3)
    assert found.captions == (*(f"a flat photo of shirt {i}" for i in range(5)), "", "a dress", "a dress")
    whole, first, rest = found(range(10, 16)), found(range(10, 12)), found(range(12, 16))
    for name, rows in whole.items():
        assert torch.equal(rows, torch.cat([first[name], rest[name]])), name
    assert whole["image"].shape == (6, 3, 32, 32) and whole["image"].dtype == torch.uint8
    # The middle of 96 x 64 pixels at a half: squares of 8 pixels, as many as 4 x 4.
    drawn = cv2.imread(str(found.files[0]))[::16, 16:80:16, ::-1]
    from ragdiffusion.training.scale.captioned import square

    np.testing.assert_array_equal(square(found.files[0], 32)[:, ::8, ::8].transpose(1, 2, 0)[1:3, 1:3], drawn[1:3, 1:3])
    lost = [int(row == NO_CAPTION) for row in found(range(400))["caption"]]
    assert 0.05 < np.mean(lost) < 0.16


def test_images_of_all_formats_that_photos_have_are_taken(tmp_path):
    for name, kind in (("a.gif", "GIF"), ("b.TIF", "TIFF"), ("more/c.jfif", "JPEG"), ("._d.jpg", "JPEG")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), "red").save(tmp_path / name, kind)
    found = open_captioned(tmp_path, 32)
    assert [file.name for file in found.files] == ["a.gif", "b.TIF", "c.jfif"]
    assert (found(range(3))["image"].float().mean((0, 2, 3)) > torch.tensor([240.0, -1, -1])).all()


def test_bad_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no images here"):
        open_captioned(tmp_path, 32)
    with pytest.raises(ValueError, match="size is 30, a multiple of 8 wanted"):
        open_captioned(tmp_path, 30)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a\.png is not a picture that can be read"):
        open_captioned(tmp_path, 32)(range(1))
    (tmp_path / "metadata.jsonl").write_text('{"file": 1}')
    with pytest.raises(ValueError, match="each line must be an object with file_name and text"):
        open_captioned(tmp_path, 32)


def test_a_linear_map_is_found_from_its_answers():
    rows = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    true = torch.arange(15.0).view(5, 3)
    fit = LeastSquares(5, 3)
    for part in rows.split(20):
        fit.add(part, part @ true)
    torch.testing.assert_close(fit.solve(ridge=1e-12).float(), true)
    with pytest.raises(ValueError, match="no rows"):
        LeastSquares(5, 3).solve()


def test_a_convolution_is_found_from_its_answers_borders_and_all():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        true, found = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    fit = ConvolutionFit(found)
    for seed in range(4):
        given = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
        fit.add(given, true(given))
    fit.set(ridge=1e-12)
    torch.testing.assert_close(found.weight, true.weight, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.bias, true.bias, atol=1e-4, rtol=1e-4)


def test_a_widened_unet_is_loaded_by_diffusers_from_its_config(tmp_path):
    unet = _unet()
    kept = unet.mid_block.resnets[0].conv1.weight.clone()
    expand_channels(unet, 16)
    unet.save_pretrained(tmp_path)
    loaded = UNet2DConditionModel.from_pretrained(tmp_path)
    assert (loaded.config.in_channels, loaded.config.out_channels) == (16, 16)
    assert loaded.conv_in.weight.shape == (8, 16, 3, 3) and loaded.conv_out.weight.shape == (16, 8, 3, 3)
    assert torch.equal(loaded.mid_block.resnets[0].conv1.weight, kept)
    assert torch.equal(loaded.conv_in.weight, unet.conv_in.weight)


def test_the_closed_form_starts_stage_one_below_where_training_gets_in_many_steps(images, tmp_path):
    samples, unet = open_captioned(images, 64), _unet()
    old = copy.deepcopy(unet.conv_in)
    expand_channels(unet, 16)
    solved = DistilConvIn(old, copy.deepcopy(unet.conv_in), _vae(4), _vae(16)).eval()
    solved.solve([samples(range(i * 4, i * 4 + 4)) for i in range(6)])
    trained = DistilConvIn(old, unet.conv_in, _vae(4), _vae(16))
    before = float(trained(samples(range(500, 508)))["left"])
    train_at_scale(
        ScaleConfig(out=tmp_path, steps=30, batch_size=4, learning_rate=1e-2, warmup=1, ema_decay=0.0, cpu=True),
        trained,
        samples,
    )
    left = [float(module.eval()(samples(range(500, 508)))["left"]) for module in (solved, trained)]
    assert left[0] < left[1] < before


def test_conv_out_is_solved_under_the_unet_as_it_is(base, images):
    module = _text_to_image(base, images, ends_only=True)
    batches = [module.text_samples(range(i * 8, i * 8 + 8)) for i in range(12)]
    held = module.text_samples(range(1000, 1016))
    with torch.no_grad():
        before = float(module(held)["loss"])
        module.solve_conv_out(batches)
        assert float(module(held)["loss"]) < min(before, 1.0)  # saying nothing costs the noise's variance, 1


def _text_to_image(base, images, *, ends_only: bool) -> TextToImage:
    from ragdiffusion.generation.builder.published import load_scheduler, load_text_branch
    from ragdiffusion.training.scale.pgea import TextBase

    samples, text = open_captioned(images, 64), load_text_branch(base)
    module = TextToImage(
        _unet(16),
        _vae(16),
        TextBase(text.encoders, text.tokenizers, samples.captions, True),
        load_scheduler(base / "scheduler"),
        ends_only=ends_only,
    )
    module.text_samples = samples
    return module.eval()


@pytest.mark.parametrize("ends_only", [True, False])
def test_gradients_reach_what_a_stage_trains_and_nothing_else(base, images, ends_only):
    module = _text_to_image(base, images, ends_only=ends_only).train()
    assert not module.vae.training and not any(encoder.training for encoder in module.encoders)
    module(module.text_samples(range(3)))["loss"].backward()
    reached = {
        name.partition(".")[2].partition(".")[0]
        for name, parameter in module.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }
    if ends_only:
        assert reached == {"conv_in", "conv_out"}
    else:
        assert {"conv_in", "conv_out", "down_blocks", "mid_block", "up_blocks", "time_embedding"} <= reached
    frozen = [parameter.grad for part in (module.vae, module.encoders) for parameter in part.parameters()]
    assert all(gradient is None for gradient in frozen)


def test_rows_are_noised_the_same_in_any_batch(base, images):
    module = _text_to_image(base, images, ends_only=True)
    whole = module.noised(module.text_samples(range(4)))
    halves = [module.noised(module.text_samples(range(i, i + 2))) for i in (0, 2)]
    for index in (0, 1, 3):
        torch.testing.assert_close(whole[index], torch.cat([half[index] for half in halves]))


def test_a_stage_begins_with_the_one_before_and_is_not_done_twice(base, flux, images, tmp_path, capsys):
    """The three of them run one after the other in test_paper_scale_commands.py."""
    words = ["train", "pgea", "--base", str(base), "--vae", str(flux), "--images", str(images), "--out", str(tmp_path)]
    words += ["--size", "64", "--cpu", "--precision", "no", "--steps", "1", "--workers", "0"]
    assert main([*words, "--stage", "2"]) == 2
    assert "stage 2 begins with stage 1, which is not done" in capsys.readouterr().err
    publish_unet(tmp_path / "stage-3" / "unet", 16)
    assert main([*words, "--stage", "3"]) == 2
    assert "stage 3 is done; remove it to train on" in capsys.readouterr().err
    assert main([*words, "--stage", "3", "--out", str(tmp_path / "new"), "--unet", str(base / "unet")]) == 2
    assert "autoencoder has 16 channels and the UNet takes 4" in capsys.readouterr().err
