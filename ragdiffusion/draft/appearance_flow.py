"""The appearance flow: for each point of a landmark, where it lies in the photo and whether it is seen.

This is no part of the paper; docs/architecture.md ("The draft") says what it is for.

Three stages. A U-Net finds the garment in the photo. Its mask is laid onto the landmark by an affine map
(`alignment`), or, where somebody wears it, by a lattice (`placement`), so that garment and landmark stand over each
other. A second U-Net then looks at the photo as laid so
far and moves each point into its place, more than once. Warping the photo by the flow gives the *draft* of the
flat-lay.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.draft.alignment import align
from ragdiffusion.layers import UNet, cell_centres


@dataclass(frozen=True)
class FlowPrediction:
    """What the network says.

    Attributes:
        levels: the flow after each refinement, at half the input size; each (B, 2, S/2, S/2), (x, y) in [-1, 1] of
            the photo (pixel corners at +-1).
        visibility: (B, 1, S/2, S/2) logits: the point is seen in the photo.
        garment: (1 or B, 1, S, S) logits on the photo's own grid: a garment pixel.
    """

    levels: tuple[torch.Tensor, ...]
    visibility: torch.Tensor
    garment: torch.Tensor

    @property
    def flow(self) -> torch.Tensor:
        """The finest flow, (B, 2, S/2, S/2)."""
        return self.levels[-1]


def sample_at(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Sample an image where a flow points: (B, C, H, W), (B, 2, h, w) -> (B, C, h, w); the rim goes on outside."""
    return F.grid_sample(
        image.float(), flow.float().permute(0, 2, 3, 1), mode="bilinear", padding_mode="border", align_corners=False
    ).to(image.dtype)


class AppearanceFlow(ModelMixin, ConfigMixin):
    """Photo and landmark to flow, visibility and the photo's garment mask.

    Args:
        input_size: side of photo and landmark, pixels; the flow comes at half of it.
        finder_widths: channels of the U-Net that finds the garment, finest first.
        refiner_widths: channels of the U-Net that moves points into place, finest first.
        refinements: how often it does so, 1 or more.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        input_size: int = 128,
        finder_widths: tuple[int, ...] = (24, 48, 80, 128, 160),
        refiner_widths: tuple[int, ...] = (64, 96, 128, 128),
        refinements: int = 2,
    ) -> None:
        super().__init__()
        if refinements < 1:
            raise ValueError(f"refinements is {refinements}, 1 or more wanted")
        halvings = max(len(finder_widths), len(refiner_widths) + 1)
        if input_size % (1 << halvings):
            raise ValueError(f"input_size is {input_size}, a multiple of {1 << halvings} wanted for these widths")
        self.finder = UNet(4 * 3 + 2, finder_widths, 1, unfold=2)
        # photo and garment as laid (4), landmark (1), positions, displacement (2 each) and visibility (1)
        self.refiner = UNet(16 * 5 + 4 * 5, refiner_widths, 3, unfold=2)
        nn.init.zeros_(self.refiner.head.weight)  # untrained, it leaves the garment where the affine map lays it
        nn.init.zeros_(self.refiner.head.bias)

    def find_garment(self, photo: torch.Tensor) -> torch.Tensor:
        """Logits of the garment's mask: (B, 3, S, S) in [-1, 1] -> (B, 1, S, S).

        Raises:
            ValueError: if the photo is of another size.
        """
        self._check(photo, "photo")
        half = self.config.input_size // 2
        positions = cell_centres(half, like=photo).expand(len(photo), -1, -1, -1)
        return self.finder(torch.cat([F.pixel_unshuffle(photo, 2), positions], 1))

    def forward(
        self,
        photo: torch.Tensor,
        landmark: torch.Tensor,
        start: torch.Tensor | None = None,
        garment: torch.Tensor | None = None,
        *,
        refinements: int | None = None,
    ) -> FlowPrediction:
        """Predict.

        Args:
            photo: (B, 3, S, S) in [-1, 1], S = `input_size`; or (1, 3, S, S), one photo for all landmarks.
            landmark: (B, 1, S, S) in [0, 1].
            start: the map to begin with: an affine one, (B, 2, 3), as `align` gives it, or a lattice, (B, 2, g, g),
                as PlacementNet does, in [-1, 1] of the photo; an affine one is found when not given.
            garment: (1 or B, 1, S, S), what `find_garment` says of the photo, where it was asked already.
            refinements: how often the points are moved; None: as configured.

        Raises:
            ValueError: if either is of another size.
        """
        self._check(landmark, "landmark")
        garment = self.find_garment(photo) if garment is None else garment
        found = garment.detach().float().sigmoid()
        start = align(landmark, found) if start is None else start
        batch, half = len(landmark), self.config.input_size // 2
        seen = torch.cat([photo.float(), found * 2 - 1], 1).expand(batch, -1, -1, -1)
        positions = cell_centres(half, like=photo).float().expand(batch, -1, -1, -1)
        outline = landmark.float() * 2 - 1
        moved, visibility = torch.zeros_like(positions), torch.zeros_like(positions[:, :1])
        levels = []
        for _ in range(self.config.refinements if refinements is None else refinements):
            moved = moved.detach()  # each refinement learns from where it begins
            where = follow(start, F.interpolate(positions + moved, scale_factor=2, mode="bilinear"))
            laid = sample_at(seen, where)
            beyond = (where.abs().amax(1, keepdim=True) > 1).float()
            laid = torch.cat([laid[:, :3], laid[:, 3:] * (1 - beyond) - beyond], 1)  # nothing lies beyond the photo
            change = self.refiner(
                torch.cat(
                    [
                        F.pixel_unshuffle(torch.cat([laid, outline], 1), 4),
                        F.pixel_unshuffle(torch.cat([positions, moved, visibility], 1), 2),
                    ],
                    1,
                )
            )
            moved, visibility = moved + change[:, :2].float(), visibility + change[:, 2:].float()
            levels.append(follow(start, positions + moved))
        return FlowPrediction(levels=tuple(levels), visibility=visibility, garment=garment)

    def _check(self, image: torch.Tensor, name: str) -> None:
        size = self.config.input_size
        if image.shape[-2:] != (size, size):
            raise ValueError(f"{name} is {tuple(image.shape[-2:])}, the appearance flow wants {(size, size)}")


def follow(maps: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Where maps take positions.

    Args:
        maps: affine ones, (B, 2, 3), or lattices from corner to corner, (B, 2, g, g), whose cells go on beyond the rim.
        positions: (B, 2, h, w), (x, y) in [-1, 1].

    Returns:
        (B, 2, h, w).
    """
    if maps.ndim == 3:
        return torch.einsum("bij,bjhw->bihw", maps[:, :, :2], positions) + maps[:, :, 2, None, None]
    inside = positions.clamp(-1, 1)
    placed = F.grid_sample(maps, inside.permute(0, 2, 3, 1), mode="bilinear", padding_mode="border", align_corners=True)
    # Beyond the rim go on as steeply as the whole lattice does.
    slope = torch.stack(
        [maps[..., -1].mean(2) - maps[..., 0].mean(2), maps[:, :, -1].mean(2) - maps[:, :, 0].mean(2)], -1
    )
    return placed + torch.einsum("bij,bjhw->bihw", slope / 2, positions - inside)
