"""The denoiser: MainNet with everything that conditions it, as one module for training and sampling alike.

It holds no weights of its own; it puts the parts of a preset together and reads the numbers off them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch.nn import functional as F

from ragdiffusion.generation.attention import Conditioning, install_processors, text_keys_values
from ragdiffusion.generation.conditioners import (
    EPAdapter,
    LandmarkGuider,
    capture_reference,
    freeze_after_last_capture,
)
from ragdiffusion.generation.text import TextFeatures


@dataclass(frozen=True)
class Sources:
    """What a picture is made from, one row each.

    Attributes:
        photo: (B, C, H/8, W/8) latent of the photo.
        landmark: (B, 1, S, S) in [0, 1], S = 16 x the packed grid.
        embedding: (B, D) fused structure embedding ê.
        text: encoded captions.
        draft: (B, C, H/8, W/8) latent of the draft, or None in a preset without one.
        visibility: (B, 1, H/8, W/8) of the draft in [0, 1], or None.
    """

    photo: torch.Tensor
    landmark: torch.Tensor
    embedding: torch.Tensor
    text: TextFeatures
    draft: torch.Tensor | None = None
    visibility: torch.Tensor | None = None


@dataclass(frozen=True)
class ConditionMask:
    """Which conditions a row keeps, each (B,) bool; dropped ones are as if never given."""

    reference: torch.Tensor
    embedding: torch.Tensor
    landmark: torch.Tensor
    draft: torch.Tensor

    @classmethod
    def all(cls, batch: int, device: torch.device) -> ConditionMask:
        """Keep everything."""
        kept = torch.ones(batch, dtype=torch.bool, device=device)
        return cls(reference=kept, embedding=kept, landmark=kept, draft=kept)

    @classmethod
    def draw(cls, batch: int, device: torch.device, generator: torch.Generator, *, drop: float, drop_draft: float
             ) -> ConditionMask:
        """Drop each condition of each row at random."""
        rows = torch.rand(4, batch, generator=generator, device=device)
        return cls(reference=rows[0] >= drop, embedding=rows[1] >= drop, landmark=rows[2] >= drop,
                   draft=rows[3] >= drop_draft)

    def without(self, names: Sequence[str]) -> ConditionMask:
        """The same, but never the named conditions: `reference`, `embedding`, `landmark`, `draft`.

        Raises:
            ValueError: if a name is none of them.
        """
        known = [field.name for field in fields(self)]
        if wrong := [name for name in names if name not in known]:
            raise ValueError(f"there is no condition {wrong[0]!r}: choose of {', '.join(known)}")
        return replace(self, **{name: torch.zeros_like(getattr(self, name)) for name in names})


@dataclass(frozen=True)
class DenoiserInputs:
    """Sources digested into what every sampling step shares: nothing here depends on t.

    Attributes:
        conditioning: for MainNet's attention.
        extra: (B, channels, h, w), what joins the noisy latent at conv_in.
        base: (B, C, h, w) packed, what MainNet's answer is added to: the draft, or zero.
        text: (B, L, width), for MainNet's signature.
        added: SDXL's pooled text and size ids, or None.
    """

    conditioning: Conditioning
    extra: torch.Tensor
    base: torch.Tensor
    text: torch.Tensor
    added: dict[str, torch.Tensor] | None


class GarmentDenoiser(nn.Module):
    """Predicts what the scheduler wants from a noisy latent and its conditions.

    Args:
        unet: MainNet; its conv_in takes noisy latent, guider features and, with a draft, draft and visibility.
        reference_net: of the same shape, taking a packed latent alone.
        ep_adapter: for ê.
        landmark_guider: for the landmark.
        packing: latents are folded p x p into channels.
    """

    def __init__(self, *, unet: UNet2DConditionModel, reference_net: UNet2DConditionModel, ep_adapter: EPAdapter,
                 landmark_guider: LandmarkGuider, packing: int) -> None:
        super().__init__()
        self.unet, self.reference_net = unet, reference_net
        self.ep_adapter, self.landmark_guider = ep_adapter, landmark_guider
        self.packing = packing
        self.takes_draft = unet.config.in_channels > unet.config.out_channels + landmark_guider.config.channels[-1]
        for net in (unet, reference_net):
            install_processors(net)
        freeze_after_last_capture(reference_net)

    def prepare(self, sources: Sources, keep: ConditionMask | None = None) -> DenoiserInputs:
        """Digest the sources once per picture.

        Args:
            sources: B rows.
            keep: conditions kept; None keeps all.

        Raises:
            ValueError: if a draft is missing where MainNet takes one, or the landmark is of a wrong size.
        """
        batch, device = len(sources.photo), sources.photo.device
        keep = keep or ConditionMask.all(batch, device)
        photo = F.pixel_unshuffle(sources.photo, self.packing)  # (B, C p^2, h, w)
        height, width = photo.shape[-2:]
        if sources.landmark.shape[-2:] != (16 * height, 16 * width):
            raise ValueError(f"landmark is {tuple(sources.landmark.shape[-2:])}, {(16 * height, 16 * width)} wanted: "
                             "16 times the grid of packed latents")
        row = lambda kept, like: kept.to(like.dtype).view(-1, *(1,) * (like.ndim - 1))  # noqa: E731
        added = self._added(sources)
        reference, has_reference = None, None
        if bool(keep.reference.any()):  # else nobody would look at what ReferenceNet has to say
            reference = capture_reference(self.reference_net, photo, sources.text.hidden, added)
            has_reference = None if bool(keep.reference.all()) else keep.reference
        guide = self.landmark_guider(sources.landmark)
        extra, base = [guide * row(keep.landmark, guide)], torch.zeros_like(photo)
        if self.takes_draft:
            if sources.draft is None or sources.visibility is None:
                raise ValueError("this checkpoint corrects a draft: give its latent and its visibility")
            draft = F.pixel_unshuffle(sources.draft, self.packing)
            base = draft * row(keep.draft, draft)
            visibility = F.pixel_unshuffle(sources.visibility, self.packing)
            extra += [base, visibility * row(keep.draft, visibility)]
        conditioning = Conditioning(
            reference=reference, has_reference=has_reference,
            text=text_keys_values(self.unet, sources.text.hidden), structure=self.ep_adapter(sources.embedding),
            structure_scale=keep.embedding.to(photo.dtype))
        return DenoiserInputs(conditioning=conditioning, extra=torch.cat(extra, 1), base=base, text=sources.text.hidden,
                        added=added)

    def forward(self, noisy: torch.Tensor, t: torch.Tensor, prepared: DenoiserInputs) -> torch.Tensor:
        """One call of MainNet.

        Args:
            noisy: (B, C p^2, h, w), packed z_t.
            t: () or (B,) time step.
            prepared: from `prepare`.

        Returns:
            (B, C p^2, h, w), of the scheduler's prediction type. With a draft that is x0: the draft's latent plus
            a correction, zero in a new network.
        """
        out = self.unet(torch.cat([noisy, prepared.extra], 1), t, prepared.text, added_cond_kwargs=prepared.added,
                        cross_attention_kwargs=prepared.conditioning.kwargs()).sample
        return prepared.base + out

    def _added(self, sources: Sources) -> dict[str, torch.Tensor] | None:
        if sources.text.pooled is None:
            return None
        side = sources.photo.shape[-1] * 8
        ids = sources.photo.new_tensor([side, side, 0, 0, side, side]).expand(len(sources.photo), -1)
        return {"text_embeds": sources.text.pooled, "time_ids": ids}
