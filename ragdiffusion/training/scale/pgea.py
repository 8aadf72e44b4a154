"""Parameter Gradual Encoding Adaptation (3.3): a UNet of 4-channel latents learns those of 16 channels.

Stage I distils conv_in, stage II trains conv_in and conv_out on text to image, stage III the whole UNet. At its ends
a UNet is linear: both may start from a closed form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional as F

from ragdiffusion.generation.text import TextFeatures, encode_captions
from ragdiffusion.training.loop import Batch
from ragdiffusion.training.scale.captioned import NO_CAPTION
from ragdiffusion.training.scale.least_squares import ConvolutionFit
from ragdiffusion.training.scale.ranks import RowRandom

STAGES = (1, 2, 3)


def expand_channels(unet: UNet2DConditionModel, channels: int) -> None:
    """Give a UNet new ends for latents of other channels, and a config with which diffusers loads it.

    Args:
        unet: changed in place.
        channels: of the latents in and out.
    """
    for name, into, out in (
        ("conv_in", channels, unet.conv_in.out_channels),
        ("conv_out", unet.conv_out.in_channels, channels),
    ):
        old = getattr(unet, name)
        new = nn.Conv2d(into, out, old.kernel_size, padding=old.padding)
        setattr(unet, name, new.to(old.weight.device, old.weight.dtype))
    unet.register_to_config(in_channels=channels, out_channels=channels)


def latents_of(vae: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Images (B, 3, H, W) in [-1, 1] as latents, shifted and scaled as the autoencoder says."""
    shift = getattr(vae.config, "shift_factor", None) or 0.0
    return (vae.encode(images.to(vae.dtype)).latent_dist.mode() - shift) * vae.config.scaling_factor


class DistilConvIn(nn.Module):
    """Stage I: the new conv_in answers on the 16-channel latent as the old one did on the 4-channel one.

    Args:
        old: conv_in of the published UNet.
        new: to learn.
        old_vae: of 4 channels.
        new_vae: of 16.
    """

    def __init__(self, old: nn.Conv2d, new: nn.Conv2d, old_vae: nn.Module, new_vae: nn.Module) -> None:
        super().__init__()
        self.old, self.new, self.old_vae, self.new_vae = old, new, old_vae, new_vae
        for part in (old, old_vae, new_vae):
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> DistilConvIn:
        """Let the new convolution learn; the autoencoders stay as they are."""
        super().train(mode)
        self.old_vae.eval()
        self.new_vae.eval()
        return self

    @torch.no_grad()
    def pairs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """16-channel latents and what the old conv_in makes of the same images in 4 channels."""
        old, new = batch.get("old_latent"), batch.get("latent")
        if new is None:
            images = batch["image"].float() / 127.5 - 1
            old, new = latents_of(self.old_vae, images), latents_of(self.new_vae, images)
        return new, self.old(old.to(self.old.weight.dtype))

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """`loss`, the mean squared error; `left`, its share of the answers' variance."""
        given, wanted = self.pairs(batch)
        loss = F.mse_loss(self.new(given).float(), wanted.float())
        return {"loss": loss, "left": loss.detach() / wanted.float().var()}

    def solve(self, batches: Iterable[Batch]) -> None:
        """Set the new convolution to the closed form over some batches."""
        fit = ConvolutionFit(self.new)
        for batch in batches:
            fit.add(*self.pairs(batch))
        fit.set()


@dataclass(frozen=True)
class TextBase:
    """What reads captions.

    Attributes:
        encoders: one or two CLIP text models.
        tokenizers: one for each.
        captions: what the batches' indices stand for.
        zero_empty: an empty caption is zeros.
    """

    encoders: Sequence[nn.Module]
    tokenizers: Sequence[Any]
    captions: Sequence[str]
    zero_empty: bool = False


class TextToImage(nn.Module):
    """Stages II and III: noise is taken off latents under a caption (Eq. 6).

    Args:
        unet: to learn, as a whole or at its ends.
        vae: of its latents.
        text: what reads the captions.
        scheduler: of the noise.
        ends_only: only conv_in and conv_out learn (stage II).
    """

    def __init__(
        self, unet: UNet2DConditionModel, vae: nn.Module, text: TextBase, scheduler: DDIMScheduler, *, ends_only: bool
    ) -> None:
        super().__init__()
        self.unet, self.vae = unet, vae
        self.encoders = nn.ModuleList(text.encoders)
        self.text, self.scheduler = text, scheduler
        self.requires_grad_(False)
        for part in (unet.conv_in, unet.conv_out) if ends_only else (unet,):
            part.requires_grad_(True)

    def train(self, mode: bool = True) -> TextToImage:
        """Let the UNet learn; the rest stays as it is."""
        super().train(mode)
        self.vae.eval()
        self.encoders.eval()
        return self

    @torch.no_grad()
    def noised(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, TextFeatures, torch.Tensor]:
        """Noisy latents, their time steps, the captions, and what is to be said of them."""
        clean = batch.get("latent")
        if clean is None:
            clean = latents_of(self.vae, batch["image"].float() / 127.5 - 1)
        clean, rows = clean.float(), RowRandom(batch["seed"], clean.device)
        t = rows.randint(self.scheduler.config.num_train_timesteps)
        noise = rows.randn(*clean.shape[1:])
        captions = ["" if index == NO_CAPTION else self.text.captions[index] for index in batch["caption"].tolist()]
        features = encode_captions(
            captions,
            self.text.tokenizers,
            list(self.encoders),
            pooled=self.unet.config.addition_embed_type == "text_time",
            zero_empty=self.text.zero_empty,
        )
        kind = self.scheduler.config.prediction_type
        wanted = {"epsilon": noise, "sample": clean}.get(kind)
        if wanted is None:
            wanted = self.scheduler.get_velocity(clean, noise, t)
        return self.scheduler.add_noise(clean, noise, t), t, features, wanted

    def predict(self, noisy: torch.Tensor, t: torch.Tensor, text: TextFeatures) -> torch.Tensor:
        """One call of the UNet."""
        dtype, added = self.unet.dtype, None
        if text.pooled is not None:
            side = noisy.shape[-1] * 8
            ids = torch.tensor([side, side, 0, 0, side, side], device=noisy.device, dtype=torch.float32)
            added = {"text_embeds": text.pooled, "time_ids": ids.expand(len(noisy), -1)}
        return self.unet(noisy.to(dtype), t, text.hidden.to(dtype), added_cond_kwargs=added).sample

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """`loss`, the mean squared error of Eq. 6."""
        noisy, t, text, wanted = self.noised(batch)
        return {"loss": F.mse_loss(self.predict(noisy, t, text).float(), wanted.float())}

    @torch.no_grad()
    def solve_conv_out(self, batches: Iterable[Batch]) -> None:
        """Set conv_out to the closed form under the UNet as it is."""
        fit, seen = ConvolutionFit(self.unet.conv_out), []
        hook = self.unet.conv_out.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            for batch in batches:
                noisy, t, text, wanted = self.noised(batch)
                self.predict(noisy, t, text)
                fit.add(seen.pop(), wanted)
        finally:
            hook.remove()
        fit.set()
