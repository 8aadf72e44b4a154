"""RelightNet: what wearing and the room's light did to cloth, taken off a draft again.

A worn garment's draft has the folds and shadows of the body that is gone. A flat-lay has neither: its cloth lies in
even light. This network looks at a draft and says by what each of its pixels would have to be multiplied to look so.
A factor can lift a shadow and lower a gleam; it can neither blur a print nor move it nor change its hue, and so the
photo's own pixels stay what the picture is made of. How bright the cloth is, its own brightest parts say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.draft.detail import gaussian_blur
from ragdiffusion.layers import UNet, cell_centres
from ragdiffusion.optional_parts import open_part

PART = "relight_net"
"""Folder of RelightNet in a checkpoint."""
_SHARE = 0.8  # of what the network wants: a little of the cloth's fall is left, and all of its seams
_ABOVE = 0.25  # share that is left of what is lifted above the cloth's brightest parts
_WHITEST = 0.945  # of white, the brightest parts of cloth: as catalogues expose it, so that it shows on their white
_BRIGHT, _SHOWN = 0.9, 0.5  # share of the pixels that are darker; visibility from which one counts
_LIFTED = 0.2  # logarithm of a factor from which a pixel lay in shadow
_NEAR, _FAR = 1 / 32, 1 / 8  # of a draft's side: blur of a shadow's own tint, and of the tint of the cloth around it
_LIT = 0.02  # share of the cloth around that must have lain in the light to be compared with
_TINT = 0.25  # length of the difference of logarithms from which it is the cloth's colour, and no tint


@dataclass(frozen=True)
class Light:
    """What brings a draft into even light, at whatever size the draft is drawn.

    Attributes:
        factors: (B, 3, h, w), logarithms of what its colours of [0, 1] are multiplied by.
        limit: (B, 3, 1, 1) in [-1, 1], `brightest` of its cloth.
    """

    factors: torch.Tensor
    limit: torch.Tensor

    @classmethod
    def as_it_is(cls, like: torch.Tensor) -> Light:
        """Of one draft (1, 3, H, W) that keeps its own."""
        return cls(torch.zeros_like(like[..., :1, :1]), -torch.ones_like(like[..., :1, :1]))

    def row(self, index: int) -> Light:
        """Of one draft of several."""
        return Light(self.factors[index : index + 1], self.limit[index : index + 1])


Relighting = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Light]
"""A draft (B, 3, H, W) in [-1, 1], its landmark and visibility (B, 1, H, W) in [0, 1] -> what evens its light."""


class RelightNet(ModelMixin, ConfigMixin):
    """A draft to the logarithms of the factors that even its light.

    Untrained it changes nothing.

    Args:
        input_size: side of the draft, pixels; the factors come at half of it.
        widths: channels of the U-Net, finest first.
        reach: bound of the factors' logarithms.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self, input_size: int = 256, widths: tuple[int, ...] = (32, 64, 96, 128, 128), reach: float = 0.7
    ) -> None:
        super().__init__()
        coarsest = 1 << (len(widths) + 1)
        if input_size % coarsest:
            raise ValueError(f"input_size is {input_size}, a multiple of {coarsest} wanted for these widths")
        self.unet = UNet(16 * 5 + 2, widths, 1, unfold=2)
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)

    def forward(self, draft: torch.Tensor, landmark: torch.Tensor, visibility: torch.Tensor) -> torch.Tensor:
        """Predict.

        Args:
            draft: (B, 3, S, S) in [-1, 1], S = `input_size`, on white.
            landmark: (B, 1, S, S) in [0, 1].
            visibility: (B, 1, S, S) in [0, 1], where the photo shows the cloth.

        Returns:
            (B, 1, S/2, S/2) in [-reach, reach], to be added to the logarithm of the draft's colours of [0, 1].

        Raises:
            ValueError: if the draft is of another size.
        """
        size = self.config.input_size
        if draft.shape[-2:] != (size, size):
            raise ValueError(f"draft is {tuple(draft.shape[-2:])}, RelightNet wants {(size, size)}")
        positions = cell_centres(size // 4, like=draft).expand(len(draft), -1, -1, -1)
        seen = F.pixel_unshuffle(torch.cat([draft, landmark * 2 - 1, visibility * 2 - 1], 1), 4)
        reach = self.config.reach
        return reach * torch.tanh(self.unet(torch.cat([seen, positions], 1)) / reach)


def in_even_light(draft: torch.Tensor, landmark: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Multiply a draft's cloth; what lies around it stays white.

    Args:
        draft: (B, 3, H, W) in [-1, 1], on white.
        landmark: (B, 1, H, W) in [0, 1].
        factors: (B, 1 or 3, h, w), their logarithms, of any size.

    Returns:
        (B, 3, H, W) in [-1, 1].
    """
    if factors.shape[-2:] != draft.shape[-2:]:
        factors = F.interpolate(factors, size=draft.shape[-2:], mode="bilinear", align_corners=False)
    lit = ((draft + 1) * factors.exp()).clamp(0, 2) - 1
    return draft + (lit - draft) * landmark


def brightest(draft: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Measure how bright a draft's cloth is where most light falls.

    Args:
        draft: (B, 3, H, W) in [-1, 1].
        seen: (B, 1, H, W) in [0, 1], where the photo shows the cloth.

    Returns:
        (B, 3, 1, 1) in [-1, 1]: the colour that a tenth of its pixels exceed; 1 where nothing is seen.
    """
    limits = []
    for cloth, shown in zip(draft.float(), seen[:, 0] > _SHOWN, strict=True):
        pixels = cloth[:, shown]
        limits.append(pixels.quantile(_BRIGHT, 1) if pixels.shape[1] else torch.ones(3, device=draft.device))
    return torch.stack(limits)[..., None, None].to(draft.dtype)


def below_gleam(lit: torch.Tensor, draft: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Hold what was lifted above the cloth's brightest parts back, so that white cloth still shows on white.

    Args:
        lit: (B, 3, H, W) in [-1, 1], a draft in even light.
        draft: the same before.
        limit: (B, 3, 1, 1) in [-1, 1], `brightest` of it.
    """
    ceiling = torch.maximum(draft, limit)
    return torch.where(lit > ceiling, ceiling + (lit - ceiling) * _ABOVE, lit)


def exposed(lit: torch.Tensor, landmark: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Darken cloth that is as white as the ground, all of it alike; cloth of any other colour stays.

    Args:
        lit: (B, 3, H, W) in [-1, 1], on white.
        landmark: (B, 1, H, W) in [0, 1].
        limit: (B, 3, 1, 1) in [-1, 1], `brightest` of it.
    """
    darkest = (limit * 0.5 + 0.5).amin(1, keepdim=True)  # a pale colour has one channel that shows
    factor = (_WHITEST / darkest.clamp(min=1e-3)).clamp(max=1)
    return in_even_light(lit, landmark, factor.log())


def tint_of_shadows(lit: torch.Tensor, landmark: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Find what takes the colour that a shadow got from skin or other cloth near by off again.

    A factor lifts all three channels alike, so what was shadow keeps its tint. Broadly, lifted cloth has the hue of the
    cloth around it that lay in the light; where the two are far apart they are two colours of a garment, and stay.

    Args:
        lit: (B, 3, H, W) in [-1, 1], a draft in even light.
        landmark: (B, 1, H, W) in [0, 1].
        factors: (B, 1, H, W), the logarithms that it was lit by.

    Returns:
        (B, 3, H, W), to be added to the logarithms of its colours of [0, 1]; of sum 0.
    """
    logs = (lit * 0.5 + 0.5).clamp(min=1 / 255).log()
    hue = logs - logs.mean(1, keepdim=True)
    lifted = (factors / _LIFTED).clamp(0, 1)
    side = lit.shape[-1]

    def broadly(weight: torch.Tensor, blur: float) -> tuple[torch.Tensor, torch.Tensor]:
        there = gaussian_blur(weight, blur * side)
        return gaussian_blur(hue * weight, blur * side) / there.clamp(min=1e-4), there

    shadow, _ = broadly(landmark * lifted, _NEAR)
    light, around = broadly(landmark * (1 - lifted), _FAR)
    tint = shadow - light
    believed = (1 - (tint.norm(dim=1, keepdim=True) / _TINT) ** 2).clamp(min=0) * (around / _LIT).clamp(max=1)
    return -tint * believed * lifted * landmark


def relit(draft: torch.Tensor, landmark: torch.Tensor, light: Light) -> torch.Tensor:
    """Bring a draft into even light.

    Args:
        draft: (B, 3, H, W) in [-1, 1], on white.
        landmark: (B, 1, H, W) in [0, 1].
        light: that was found for it, at this size or another.
    """
    lit = in_even_light(draft, landmark, light.factors)
    return exposed(below_gleam(lit, draft, light.limit), landmark, light.limit)


def relighting(net: RelightNet) -> Relighting:
    """Make what finds the light of drafts of any size, of a network in eval mode."""

    @torch.no_grad()
    def relight(draft: torch.Tensor, landmark: torch.Tensor, visibility: torch.Tensor) -> Light:
        size = (net.config.input_size,) * 2
        small = [F.interpolate(part.float(), size=size, mode="area") for part in (draft, landmark, visibility)]
        factors = net(*small) * _SHARE
        broad = F.interpolate(factors, size=size, mode="bilinear", align_corners=False)
        tints = tint_of_shadows(in_even_light(small[0], small[1], broad), small[1], broad)
        return Light(broad + tints, brightest(small[0], small[2]))

    return relight


def load_relighting(location: Path, device: str = "cpu") -> Relighting | None:
    """Load the relighting of a checkpoint's folder; None where it has no RelightNet.

    Raises:
        ValueError: if what is there can't be read.
    """
    net = open_part(RelightNet, location / PART, device)
    return None if net is None else relighting(net)
