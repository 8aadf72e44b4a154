"""Training of the studio's autoencoder on crops of flat-lays and photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ragdiffusion.files import sync_tree
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.metrics.perceptual import load_perceptual_features, lpips_distance
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train

LATENT_NOISE = 0.03  # std of noise added to codes, so that the decoder forgives a denoiser's small errors


@dataclass(frozen=True)
class PerceptualLoss:
    """A distance between pictures as an ImageNet network sees them.

    Attributes:
        weight: share of it in the loss, above 0.
        features: (B, 3, H, W) in [-1, 1] -> features of each scale, and pooled ones.
    """

    weight: float
    features: Callable[[torch.Tensor], tuple[list[torch.Tensor], torch.Tensor]]

    def distance(self, output: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Mean distance of two batches, (B, 3, H, W) in [-1, 1]; gradients reach `output`."""
        with torch.no_grad():
            wanted = self.features(image)[0]
        return lpips_distance(self.features(output)[0], wanted).mean()


def imagenet_loss(weight: float, device: str = "cpu") -> PerceptualLoss | None:
    """The loss on the features that `evaluate generation` measures with; None for a weight of 0.

    Raises:
        ValueError: if the weight is negative or not finite, or the package of the features is not installed.
    """
    if not 0 <= weight < float("inf"):
        raise ValueError(f"the perceptual loss has weight {weight}, 0 (off) or more wanted")
    return PerceptualLoss(weight=weight, features=load_perceptual_features().to(device)) if weight > 0 else None


def crop_batch(images: np.ndarray, rng: np.random.Generator, count: int, crop: int) -> dict[str, np.ndarray]:
    """Random crops, mirrored, relit and recoloured: uint8 (count, 3, crop, crop)."""
    chosen = []
    for _ in range(count):
        image = images[rng.integers(len(images))]
        top, left = rng.integers(0, (image.shape[0] - crop) // 8 + 1, 2) * 8
        patch = image[top : top + crop, left : left + crop]
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        if rng.random() < 0.3:
            patch = patch[..., rng.permutation(3)]
        if rng.random() < 0.3:
            patch = np.clip(patch * rng.uniform(0.6, 1.15, size=3), 0, 255).astype(np.uint8)
        chosen.append(patch)
    return {"image": np.stack(chosen).transpose(0, 3, 1, 2).copy()}


def reconstruction_losses(
    module: GarmentAutoencoder,
    image: torch.Tensor,
    generator: torch.Generator,
    perceptual: PerceptualLoss | None = None,
) -> dict[str, torch.Tensor]:
    """L1 and edge differences of a reconstruction and, where one is given, its perceptual distance.

    Args:
        module: the autoencoder.
        image: (B, 3, H, W) in [-1, 1].
        generator: of the latent noise.
        perceptual: joins the loss.

    Returns:
        `loss`, `mse`, `psnr` in dB of images in [0, 255], and `perceptual`, the distance before its weight.
    """
    latent = module.encode(image).latent_dist.mode()
    noise = torch.randn(latent.shape, generator=generator, device=latent.device)
    output = module.decode(latent + LATENT_NOISE * noise).sample.float()
    error = output - image
    edges = sum((error.diff(dim=d)).abs().mean() for d in (2, 3))
    mse = error.square().mean()
    figures = {
        "loss": error.abs().mean() + 0.5 * edges + mse,
        "mse": mse.detach(),
        "psnr": 10 * torch.log10(4 / mse.detach()),
    }
    if perceptual is not None:
        distance = perceptual.distance(output, image)
        figures["loss"] = figures["loss"] + perceptual.weight * distance
        figures["perceptual"] = distance.detach()
    return figures


def train_autoencoder(
    config: LoopConfig,
    images: np.ndarray,
    held_out: np.ndarray,
    *,
    model: GarmentAutoencoder,
    crop: int = 128,
    perceptual: PerceptualLoss | None = None,
) -> GarmentAutoencoder:
    """Train an autoencoder; writes `vae/` in diffusers layout and reconstructions under `config.out`.

    Args:
        config: budget and optimiser.
        images: uint8 (n, N, N, 3) RGB to draw crops from.
        held_out: uint8 (m, N, N, 3) RGB for the curve and the sheets.
        model: to train; its linear code is set from the images unless a state is resumed.
        crop: side of the crops, a multiple of 8, at most N.
        perceptual: joins the loss, and is reported of the held-out pictures.

    Raises:
        ValueError: if the crop is not a multiple of 8 that fits the pictures.
    """
    if crop % 8 or not 0 < crop <= images.shape[1]:
        raise ValueError(f"crops of {crop} pixels were asked for, a multiple of 8 up to {images.shape[1]} wanted")
    to_float = lambda array: torch.from_numpy(array).permute(0, 3, 1, 2).float() / 127.5 - 1  # noqa: E731
    if not (config.out / "state.safetensors").is_file():
        model.initialise_patch_code(to_float(images[:: max(1, len(images) // 200)]))

    def losses(module: GarmentAutoencoder, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return reconstruction_losses(module, batch["image"].float() / 127.5 - 1, generator, perceptual)

    def on_sample(module: GarmentAutoencoder, step: int) -> dict[str, float]:
        device = next(module.parameters()).device
        image = to_float(held_out).to(device)
        output = torch.cat([module.decode(module.encode(part).latent_dist.mode()).sample for part in image.split(8)])
        psnr = 10 * torch.log10(4 / (output - image).square().mean((1, 2, 3)))
        shown = torch.cat([image, output.float()], 3)[:16].add(1).mul(127.5).clamp(0, 255).byte()
        rows = shown.permute(0, 2, 3, 1).cpu().numpy()
        across = min(4, len(rows))
        sheet = np.vstack([np.hstack(list(rows[i : i + across])) for i in range(0, len(rows) - across + 1, across)])
        cv2.imwrite(str(config.out / f"sheet-{step:07d}.jpg"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        figures = {"held_out_psnr": round(float(psnr.mean()), 3)}
        if perceptual is not None:
            figures["held_out_perceptual"] = round(float(perceptual.distance(output.float(), image)), 5)
        return figures

    batches = SeededBatches(
        lambda rng, count: crop_batch(images, rng, count, crop), batch_size=config.batch_size, seed=config.seed
    )
    model.load_state_dict(train(config, model, batches, losses, on_sample=on_sample))
    model.eval().save_pretrained(config.out / "vae")
    sync_tree(config.out / "vae")
    return model
