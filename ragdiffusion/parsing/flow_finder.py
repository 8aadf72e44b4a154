"""The appearance flow's own finder: the one garment of a photo of one garment."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ragdiffusion.draft.appearance_flow import AppearanceFlow
from ragdiffusion.images import photo_to_tensor
from ragdiffusion.parsing.found import FoundGarment, GarmentChoice, given_garment


class FlowFinder:
    """Finds the garment in a photo; it cannot tell several apart.

    Args:
        flow: trained.
    """

    def __init__(self, flow: AppearanceFlow) -> None:
        self._flow = flow

    @torch.no_grad()
    def find(self, photo: Image.Image, garment: GarmentChoice | None = None) -> FoundGarment:
        """Find the garment.

        Args:
            photo: RGB.
            garment: None, or its mask, (H, W) in [0, 1] of the photo's own size.

        Raises:
            ValueError: if the garment is named or pointed at, or the mask is of another size.
        """
        size = self._flow.config.input_size
        if isinstance(garment, np.ndarray):
            return given_garment(photo, garment, size)
        if garment is not None:
            raise ValueError(
                f"garment is {garment!r}, but this checkpoint has no parser that tells garments apart: "
                "give the garment's mask, or leave it out"
            )
        seen = photo_to_tensor(photo, size).to(self._flow.device)
        return FoundGarment(self._flow.find_garment(seen).float().sigmoid()[0, 0].cpu().numpy(), "flow")
