"""PlacementNet: where the parts of a landmark lie in a photo of somebody who wears the garment.

A garment that lies flat is turned, shifted and scaled at most, and `alignment` lays it by its outline alone. On a
person sleeves hang or bend, the frame cuts a leg off, a hand covers a hem; then the outline of what is seen says little
of where the rest would be, and the body around it says much. This network sees photo, mask and the labels of the parse
beside the landmark, and puts a coarse lattice over the landmark into the photo. The appearance flow goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from PIL import Image
from torch import nn
from torch.nn import functional as F

from ragdiffusion.draft.garment_view import NODES, lattice
from ragdiffusion.images import CANONICAL_MARGIN, photo_to_tensor
from ragdiffusion.layers import ResidualBlock, cell_centres
from ragdiffusion.optional_parts import open_part
from ragdiffusion.structure.framing import CONTEXT_MARGIN, LABEL_COUNT, context_frame, labels_over, laid_over

PART = "placement_net"
"""Folder of PlacementNet in a checkpoint."""


class PlacementNet(ModelMixin, ConfigMixin):
    """Photo, garment mask, labels and landmark to a lattice in the photo.

    Untrained it lays the landmark's box over the mask's.

    Args:
        input_size: side of photo, mask, labels and landmark, pixels.
        widths: channels of what looks at the photo, at 1/2, 1/4, ... of the input; the coarsest map is read whole.
        landmark_widths: the same of what looks at the landmark, at 1/4, 1/8, ... of the input.
        hidden: width of what the head looks at.
        nodes: of the lattice, along each side.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        input_size: int = 128,
        widths: tuple[int, ...] = (32, 64, 96, 128, 160),
        landmark_widths: tuple[int, ...] = (24, 48, 64, 96),
        hidden: int = 384,
        nodes: int = NODES,
    ) -> None:
        super().__init__()
        halvings = max(len(widths), len(landmark_widths) + 1)
        if input_size % (1 << halvings):
            raise ValueError(f"input_size is {input_size}, a multiple of {1 << halvings} wanted for these widths")
        if nodes < 2:
            raise ValueError(f"nodes is {nodes}, 2 or more wanted")
        self.stem = nn.Conv2d(4 * (3 + 1 + LABEL_COUNT) + 2, widths[0], 3, padding=1)
        self.down = _way_down(widths)
        self.landmark_stem = nn.Conv2d(16 + 2, landmark_widths[0], 3, padding=1)
        self.landmark_down = _way_down(landmark_widths)
        self.squeeze, self.landmark_squeeze = nn.Conv2d(widths[-1], 48, 1), nn.Conv2d(landmark_widths[-1], 32, 1)
        seen = 48 * (input_size >> len(widths)) ** 2 + 32 * (input_size >> (len(landmark_widths) + 1)) ** 2
        self.reading = nn.Sequential(
            nn.Linear(seen, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 2 * nodes**2)
        )
        nn.init.zeros_(self.reading[-1].weight)
        nn.init.zeros_(self.reading[-1].bias)

    def forward(
        self, photo: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor, landmark: torch.Tensor
    ) -> torch.Tensor:
        """Place landmarks.

        Args:
            photo: (1 or B, 3, S, S) in [-1, 1], S = `input_size`, framed by `framing.context_frame`.
            mask: (1 or B, 1, S, S) in [0, 1], the garment's, framed alike.
            labels: (1 or B, 9, S, S) in [0, 1], a parse's, framed alike; all zeros where no parser was asked.
            landmark: (B, 1, S, S) in [0, 1], in the canonical frame.

        Returns:
            (B, 2, nodes, nodes): for each node of a lattice from corner to corner of the landmark's frame, its (x, y)
            in [-1, 1] of the photo's frame.

        Raises:
            ValueError: if one is of another size.
        """
        size, batch = self.config.input_size, len(landmark)
        shown = ((photo, "photo", 3), (mask, "mask", 1), (labels, "labels", LABEL_COUNT), (landmark, "landmark", 1))
        for image, name, channels in shown:
            if image.shape[1:] != (channels, size, size):
                raise ValueError(f"{name} is {tuple(image.shape[1:])}, PlacementNet wants {(channels, size, size)}")
        seen = F.pixel_unshuffle(torch.cat([photo, mask * 2 - 1, labels * 2 - 1], 1), 2)
        seen = _go_down(self.down, self.stem(_with_positions(seen)))
        drawn = _go_down(
            self.landmark_down, self.landmark_stem(_with_positions(F.pixel_unshuffle(landmark * 2 - 1, 4)))
        )
        read = torch.cat(
            [
                self.squeeze(seen).flatten(1).expand(batch, -1),
                self.landmark_squeeze(drawn).flatten(1),
            ],
            1,
        )
        nodes = self.config.nodes
        moved = self.reading(read).float().unflatten(1, (2, nodes, nodes))
        return moved + lattice(nodes, like=moved) * (CANONICAL_MARGIN / CONTEXT_MARGIN)


class Placer:
    """Lays landmarks over worn garments.

    Args:
        net: trained, in eval mode.
    """

    def __init__(self, net: PlacementNet) -> None:
        self._net = net

    def over(
        self, pixels: np.ndarray, mask: np.ndarray, labels: np.ndarray | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """What places landmarks over a garment, for `GarmentView`.

        Args:
            pixels: uint8 (N, N, 3), the padded photo.
            mask: (h, w) in [0, 1], the garment's on the same square.
            labels: (9, h, w) in [0, 1], a parse's on the same square; None: nobody was asked.
        """
        size, device = self._net.config.input_size, self._net.device
        frame = context_frame(mask)
        photo, framed = laid_over(pixels, mask, frame, size)
        seen = (
            photo_to_tensor(Image.fromarray(photo), size).to(device),
            torch.from_numpy(framed)[None, None].to(device),
            torch.from_numpy(labels_over(labels, frame, size))[None].to(device),
        )
        middle = torch.tensor(frame[:2], device=device)[None, :, None, None] * 2 - 1

        @torch.no_grad()
        def place(landmark: torch.Tensor) -> torch.Tensor:
            nodes = self._net(*seen, F.interpolate(landmark.float(), size=(size, size), mode="area"))
            return middle + frame[2] * nodes

        return place


def load_placer(location: Path, device: str = "cpu") -> Placer | None:
    """The placer of a checkpoint's folder; None where it has no PlacementNet.

    Raises:
        ValueError: if what is there can't be read.
    """
    net = open_part(PlacementNet, location / PART, device)
    return None if net is None else Placer(net)


def _way_down(widths: tuple[int, ...]) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlock(widths[max(0, i - 1)], width) for i, width in enumerate(widths))


def _go_down(blocks: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    for index, block in enumerate(blocks):
        x = block(F.avg_pool2d(x, 2) if index else x)
    return x


def _with_positions(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, cell_centres(x.shape[-1], like=x).expand(len(x), -1, -1, -1)], 1)
