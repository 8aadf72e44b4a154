"""The studio's autoencoder: a principal-component code to start with, latents of unit variance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.generation.autoencoder import GarmentAutoencoder


@pytest.fixture
def model() -> GarmentAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GarmentAutoencoder(latent_channels=6, widths=(8, 8), blocks=1).eval()


@pytest.fixture
def images(randn) -> torch.Tensor:
    """Smooth pictures of 32 pixels, each beside its negative: the mean patch is 0."""
    smooth = torch.nn.functional.interpolate(randn(30, 3, 6, 6), size=32, mode="bicubic")
    smooth = (smooth + 0.1 * randn(30, 3, 32, 32)) * 0.3
    return torch.cat([smooth, -smooth])


def _patches(images: torch.Tensor) -> np.ndarray:
    """(B, 3, H, W) to (patches, 192), channels first."""
    count, _, height, width = images.shape
    grid = images.numpy().reshape(count, 3, height // 8, 8, width // 8, 8)
    return grid.transpose(0, 2, 4, 1, 3, 5).reshape(-1, 192)


@torch.no_grad()
def test_the_first_code_is_numpys_principal_components(model, images):
    model.initialise_patch_code(images)
    patches = _patches(images).astype(np.float64)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    best = vectors[:, -6:]
    latent = model.encode(images).latent_dist.mode()
    wanted = patches @ best @ best.T
    found = _patches(model.decode(latent).sample)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.abs(found - patches).mean() < 0.6 * np.abs(patches).mean()
    # Each component has the variance of its eigenvalue, which the code divides by.
    assert latent.square().mean((0, 2, 3)).tolist() == pytest.approx([1.0] * 6, abs=1e-3)
    scale = model.patch_decoder.weight.flatten(1).square().sum(1)
    assert sorted(scale.tolist()) == pytest.approx(values[-6:].tolist(), rel=1e-3)


@torch.no_grad()
def test_a_code_of_more_patches_than_are_looked_at_has_unit_variance(model, randn):
    many = randn(60, 3, 200, 200) * 0.2  # 37,500 patches, all looked at
    more = torch.cat([many, many[:30]])  # 56,250
    for images in (many, more):
        model.initialise_patch_code(images)
        latent = model.encode(images[:20]).latent_dist.mode()
        assert latent.var().item() == pytest.approx(1.0, abs=0.06)


@torch.no_grad()
def test_the_latent_keeps_zero_mean_and_unit_variance_by_running_statistics(model, images):
    model.initialise_patch_code(images)
    model.patch_encoder.weight.mul_(3.0)
    model.patch_encoder.bias.add_(2.0)
    assert model.encode(images).latent_dist.mode().std() > 2
    model.train()
    for _ in range(300):
        model.encode(images)
    latent = model.eval().encode(images).latent_dist.mode()
    assert latent.mean((0, 2, 3)).abs().max() < 0.02
    assert latent.var((0, 2, 3)).tolist() == pytest.approx([1.0] * 6, abs=0.02)
    # In use the statistics stand still: a picture's code does not depend on what else is encoded.
    torch.testing.assert_close(model.encode(images[:1]).latent_dist.mode(), latent[:1])


@torch.no_grad()
def test_the_code_has_no_spread_and_diffusers_interface(model, images):
    code = model.encode(images[:2]).latent_dist
    assert torch.equal(code.sample(), code.mode()) and not code.std.any()
    assert torch.equal(model.encode(images[:2], return_dict=False)[0].mode(), code.mode())
    assert torch.equal(model.decode(code.mode(), return_dict=False)[0], model.decode(code.mode()).sample)
    assert model.decode(code.mode()).sample.shape == images[:2].shape


@torch.no_grad()
def test_statistics_come_back_from_disk(model, images, tmp_path):
    model.initialise_patch_code(images)
    model.train().encode(images * 2 + 0.5)
    wanted = model.eval().encode(images).latent_dist.mode()
    model.save_pretrained(tmp_path)
    loaded = GarmentAutoencoder.from_pretrained(tmp_path, low_cpu_mem_usage=False).eval()
    assert torch.equal(loaded.encode(images).latent_dist.mode(), wanted)
