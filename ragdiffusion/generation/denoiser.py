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

from ragdiffusion.generation.attention import Conditioning, KeysValues, install_processors, text_keys_values
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
    def draw(
        cls, batch: int, device: torch.device, generator: torch.Generator, *, drop: float, drop_draft: float
    ) -> ConditionMask:
        """Drop each condition of each row at random."""
        rows = torch.rand(4, batch, generator=generator, device=device)
        return cls(
            reference=rows[0] >= drop, embedding=rows[1] >= drop, landmark=rows[2] >= drop, draft=rows[3] >= drop_draft
        )

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
        extra: (B, channels, h, w), what joins the noisy latent at conv_in; None: nothing.
        base: (B, C, h, w) packed, what MainNet's answer is added to: the draft; None: nothing.
        text: (B, L, width), for MainNet's signature.
        added: SDXL's pooled text and size ids, or None.
    """

    conditioning: Conditioning
    extra: torch.Tensor | None
    base: torch.Tensor | None
    text: torch.Tensor
    added: dict[str, torch.Tensor] | None


@dataclass(frozen=True)
class Captured:
    """What ReferenceNet says of a photo (Eq. 4).

    Attributes:
        keys_values: of its self-attention layers; None: nobody looks at them.
        rows: (B,) bool, the rows that may look; None: all.
    """

    keys_values: KeysValues | None
    rows: torch.Tensor | None = None


class GarmentDenoiser(nn.Module):
    """Predicts what the scheduler wants from a noisy latent and its conditions.

    Args:
        unet: MainNet; its conv_in takes noisy latent, guider features and, with a draft, draft and visibility.
        reference_net: of the same shape, taking a packed latent alone; it may be MainNet itself.
        ep_adapter: for ê; None: MainNet gets no structure embedding.
        landmark_guider: for the landmark; None: MainNet gets none.
        packing: latents are folded p x p into channels.
    """

    def __init__(
        self,
        *,
        unet: UNet2DConditionModel,
        reference_net: UNet2DConditionModel,
        ep_adapter: EPAdapter | None,
        landmark_guider: LandmarkGuider | None,
        packing: int,
    ) -> None:
        super().__init__()
        self.unet, self.reference_net = unet, reference_net
        self.ep_adapter, self.landmark_guider = ep_adapter, landmark_guider
        self.packing = packing
        guided = landmark_guider.config.channels[-1] if landmark_guider is not None else 0
        self.takes_draft = unet.config.in_channels > unet.config.out_channels + guided
        install_processors(unet)
        if reference_net is not unet:
            install_processors(reference_net)
            freeze_after_last_capture(reference_net)

    def capture(self, sources: Sources, keep: ConditionMask | None = None, *, always: bool = False) -> Captured:
        """Ask ReferenceNet, once per picture.

        Args:
            sources: B rows.
            keep: conditions kept; None keeps all.
            always: ask even where no row looks at the answer, as processes that train together must.
        """
        if keep is not None and not always and not bool(keep.reference.any()):
            return Captured(None)
        photo = F.pixel_unshuffle(sources.photo, self.packing)  # (B, C p^2, h, w)
        found = capture_reference(self.reference_net, photo, sources.text.hidden, self._added(sources))
        everyone = keep is None or (not always and bool(keep.reference.all()))
        return Captured(found, None if everyone else keep.reference)

    def prepare(
        self, sources: Sources, keep: ConditionMask | None = None, captured: Captured | None = None
    ) -> DenoiserInputs:
        """Digest the sources once per picture.

        Args:
            sources: B rows.
            keep: conditions kept; None keeps all.
            captured: from `capture`, where it was asked already.

        Raises:
            ValueError: if a draft is missing where MainNet takes one, or the landmark is of a wrong size.
        """
        captured = self.capture(sources, keep) if captured is None else captured
        latent = F.pixel_unshuffle(sources.photo, self.packing)
        extra, base = self._beside_the_noise(sources, keep, latent)
        structure = self.ep_adapter(sources.embedding) if self.ep_adapter is not None else None
        conditioning = Conditioning(
            reference=captured.keys_values,
            has_reference=captured.rows,
            text=text_keys_values(self.unet, sources.text.hidden),
            structure=structure,
            structure_scale=1.0 if keep is None else keep.embedding.to(latent.dtype),
        )
        return DenoiserInputs(
            conditioning=conditioning, extra=extra, base=base, text=sources.text.hidden, added=self._added(sources)
        )

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
        given = noisy if prepared.extra is None else torch.cat([noisy, prepared.extra], 1)
        out = self.unet(
            given,
            t,
            prepared.text,
            added_cond_kwargs=prepared.added,
            cross_attention_kwargs=prepared.conditioning.kwargs(),
        ).sample
        return out if prepared.base is None else prepared.base + out

    def _beside_the_noise(
        self, sources: Sources, keep: ConditionMask | None, latent: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """What joins the noisy latent at conv_in, and what the answer is added to."""
        extra, base = [], None
        if self.landmark_guider is not None:
            wanted = tuple(16 * side for side in latent.shape[-2:])
            if sources.landmark.shape[-2:] != wanted:
                raise ValueError(
                    f"landmark is {tuple(sources.landmark.shape[-2:])}, {wanted} wanted: 16 times the "
                    "grid of packed latents"
                )
            extra.append(_kept(self.landmark_guider(sources.landmark), keep and keep.landmark))
        if self.takes_draft:
            if sources.draft is None or sources.visibility is None:
                raise ValueError("this checkpoint corrects a draft: give its latent and its visibility")
            base = _kept(F.pixel_unshuffle(sources.draft, self.packing), keep and keep.draft)
            extra += [base, _kept(F.pixel_unshuffle(sources.visibility, self.packing), keep and keep.draft)]
        return torch.cat(extra, 1) if extra else None, base

    def _added(self, sources: Sources) -> dict[str, torch.Tensor] | None:
        if sources.text.pooled is None:
            return None
        side = sources.photo.shape[-1] * 8
        ids = torch.tensor([side, side, 0, 0, side, side], device=sources.photo.device, dtype=torch.float32)
        ids = ids.expand(len(sources.photo), -1)
        return {"text_embeds": sources.text.pooled, "time_ids": ids}


def _kept(condition: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """A condition, zero in the rows that lose it."""
    if rows is None:
        return condition
    return condition * rows.to(condition.dtype).view(-1, *(1,) * (condition.ndim - 1))
