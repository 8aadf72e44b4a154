"""The studio's own autoencoder: 8x down, 16 channels, cheap enough for a laptop CPU.

A linear 8x8 patch code (its best 16 components to start with) carries the bulk; small convolutional networks
correct what it loses. Work is done at 1/4 and 1/8 of the image, never at full size. The latent is normalised
per channel by running statistics, so it has zero mean and unit variance by construction.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.layers import ResidualBlock

_CERTAIN = -30.0  # log-variance of a deterministic code


class GarmentAutoencoder(ModelMixin, ConfigMixin):
    """Image to latent and back, with the interface of diffusers' `AutoencoderKL`.

    Args:
        latent_channels: channels of the latent.
        widths: channels at 1/4 and at 1/8 of the image.
        blocks: residual blocks of the decoder at each of the two.
        scaling_factor: what a latent is multiplied by before diffusion; unit variance needs none.
        shift_factor: what is taken off before that.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        widths: tuple[int, int] = (64, 144),
        blocks: int = 3,
        scaling_factor: float = 1.0,
        shift_factor: float = 0.0,
    ) -> None:
        super().__init__()
        fine, coarse = widths
        self.patch_encoder = nn.Conv2d(3, latent_channels, 8, stride=8)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, fine, 3, padding=1),
            ResidualBlock(fine, fine),
            nn.Conv2d(fine, coarse, 4, stride=2, padding=1),
            ResidualBlock(coarse, coarse),
            ResidualBlock(coarse, coarse),
            nn.SiLU(),
            nn.Conv2d(coarse, latent_channels, 3, padding=1),
        )
        self.normalise = nn.BatchNorm2d(latent_channels, affine=False, momentum=0.02)
        self.patch_decoder = nn.ConvTranspose2d(latent_channels, 3, 8, stride=8)
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, coarse, 3, padding=1),
            *(ResidualBlock(coarse, coarse) for _ in range(blocks)),
            nn.Conv2d(coarse, 4 * fine, 3, padding=1),
            nn.PixelShuffle(2),
            *(ResidualBlock(fine, fine) for _ in range(blocks)),
            nn.SiLU(),
            nn.Conv2d(fine, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )
        for last in (self.encoder[-1], self.decoder[-2]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple:
        """(B, 3, H, W) in [-1, 1], H and W multiples of 8 -> distribution over (B, C, H/8, W/8), without spread."""
        mean = self.normalise(self.patch_encoder(x) + self.encoder(x))
        code = DiagonalGaussianDistribution(torch.cat([mean, torch.full_like(mean, _CERTAIN)], 1), deterministic=True)
        return AutoencoderKLOutput(latent_dist=code) if return_dict else (code,)

    def decode(
        self, z: torch.Tensor, return_dict: bool = True, generator: torch.Generator | None = None
    ) -> DecoderOutput | tuple:
        """(B, C, h, w) -> image (B, 3, 8h, 8w), about [-1, 1]. `generator` is part of the interface, unused."""
        image = self.patch_decoder(z) + self.decoder(z)
        return DecoderOutput(sample=image) if return_dict else (image,)

    @torch.no_grad()
    def initialise_patch_code(self, images: torch.Tensor) -> None:
        """Set the linear code to the principal components of 8x8 patches.

        Args:
            images: (B, 3, H, W) in [-1, 1], enough for stable statistics (a hundred or more).
        """
        patches = F.unfold(images, 8, stride=8).transpose(1, 2).flatten(0, 1)  # (B * patches, 192)
        mean = patches.mean(0)
        looked_at = (patches - mean)[:: max(1, len(patches) // 40000)]
        _, values, components = torch.linalg.svd(looked_at, full_matrices=False)
        count = self.config.latent_channels
        basis = components[:count]  # (C, 192)
        spread = values[:count] / len(looked_at) ** 0.5
        self.patch_encoder.weight.copy_((basis / spread[:, None]).view(count, 3, 8, 8))
        self.patch_encoder.bias.copy_(-(basis / spread[:, None]) @ mean)
        self.patch_decoder.weight.copy_((basis * spread[:, None]).view(count, 3, 8, 8))
        self.patch_decoder.bias.copy_(mean.view(3, 64).mean(1))
