"""The garment that a photo is about, and who can say which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from ragdiffusion.images import mask_to_tensor

GarmentChoice = str | tuple[float, float] | np.ndarray
"""Which garment of a photo is meant: its name ("upper", "outer", "inner", "lower", "dress"), a point (x, y) on it in
pixels of the photo, or its mask, (H, W) in [0, 1] of the photo's own size."""


@dataclass(frozen=True, eq=False)
class FoundGarment:
    """Where a garment is in a photo.

    Attributes:
        mask: (h, w) float32 in [0, 1], on the padded square photo.
        source: who found it: "flow" (the appearance flow's own finder), "parser", "alpha" (the photo is cut out) or
            "given" (a person's mask).
        name: what it is, as in `GarmentChoice`; None where nobody knows.
    """

    mask: np.ndarray
    source: str
    name: str | None = None


class GarmentFinder(Protocol):
    """Finds the garment that is meant in a photo."""

    def find(self, photo: Image.Image, garment: GarmentChoice | None = None) -> FoundGarment:
        """Find it; None takes the one that the photo is most likely about.

        Raises:
            ValueError: if this finder cannot tell garments apart that way, or there is no such garment.
        """
        ...


def given_garment(photo: Image.Image, mask: np.ndarray, size: int, source: str = "given") -> FoundGarment:
    """A garment whose mask somebody brings.

    Args:
        photo: that it belongs to.
        mask: (H, W) in [0, 1], of the photo's own size.
        size: side of the result's mask, pixels.
        source: who brings it, as in `FoundGarment`.

    Raises:
        ValueError: if the mask is of another size, or leaves [0, 1].
    """
    if mask.shape != photo.size[::-1]:
        raise ValueError(f"the garment's mask is {mask.shape[1]}x{mask.shape[0]} and the photo {photo.width}x"
                         f"{photo.height}: give a mask of the photo's own size")
    return FoundGarment(mask_to_tensor(mask, size)[0].numpy(), source)
