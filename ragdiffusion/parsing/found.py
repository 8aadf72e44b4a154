"""The garment that a photo is about, and who can say which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.images import mask_to_tensor

SMALL = 0.5
"""Longer side of a garment over the photo's, below which the photo is cut to it."""
AROUND = 1.6
"""Side of that cut over the garment's longer side: room for what arms and neck say of it."""

FROM_BEHIND = "it is seen from behind, as it seems: its front can't be known"
"""What a person is told of such a garment."""

GarmentChoice = str | tuple[float, float] | np.ndarray
"""Which garment of a photo is meant: its name ("upper", "outer", "inner", "lower", "dress"), a point (x, y) on it in
pixels of the photo, or its mask, (H, W) in [0, 1] of the photo's own size."""


@dataclass(frozen=True, eq=False)
class FoundGarment:
    """Where a garment is in a photo.

    Attributes:
        mask: (h, w) float32 in [0, 1], on the photo cut to `crop` and padded to a square.
        source: who found it: "flow" (the appearance flow's own finder), "parser", "alpha" (the photo is cut out) or
            "given" (a person's mask).
        name: what it is, as in `GarmentChoice`; None where nobody knows.
        crop: (left, top, right, bottom) in pixels of the photo, where a garment lies that would be too small in the
            whole; None: the whole.
        why: one line for the person who did not say which garment is meant; empty where that was plain.
        labels: (9, h, w) float32 in [0, 1], a parse's probabilities on the same square as the mask; None where no
            parser was asked.
        worn: whether the photo shows a person.
        from_behind: whether that person seems to turn their back.
    """

    mask: np.ndarray
    source: str
    name: str | None = None
    crop: tuple[int, int, int, int] | None = None
    why: str = ""
    labels: np.ndarray | None = None
    worn: bool = False
    from_behind: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should be told of it, in lines."""
        return (*([self.why] if self.why else []), *([FROM_BEHIND] if self.from_behind else []))

    def box(self, photo_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """What of a photo (width, height) its mask lies on: `crop`, or the whole."""
        return self.crop or (0, 0, *photo_size)

    def over(self, photo_size: tuple[int, int]) -> np.ndarray:
        """Its mask over the whole photo, float32 (H, W) in [0, 1].

        Args:
            photo_size: (width, height) of the photo that it was found in.
        """
        width, height = photo_size
        left, top, right, bottom = self.box(photo_size)
        across, down = right - left, bottom - top
        side = max(across, down)
        square = cv2.resize(self.mask, (side, side), interpolation=cv2.INTER_LINEAR)
        y, x = (side - down) // 2, (side - across) // 2
        whole = np.zeros((height, width), np.float32)
        whole[top:bottom, left:right] = square[y : y + down, x : x + across]
        return whole


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
        raise ValueError(
            f"the garment's mask is {mask.shape[1]}x{mask.shape[0]} and the photo {photo.width}x"
            f"{photo.height}: give a mask of the photo's own size"
        )
    return on_photo(mask, size, source)


def on_photo(mask: np.ndarray, size: int, source: str, *, name: str | None = None, why: str = "") -> FoundGarment:
    """A garment whose mask is known at the photo's own size, with the crop in which it is large enough.

    Args:
        mask: (H, W) in [0, 1].
        size: side of the result's mask, pixels.
        source: who brings it, as in `FoundGarment`.
        name: as in `FoundGarment`.
        why: as in `FoundGarment`.
    """
    crop = crop_around(mask)
    if crop is not None:
        left, top, right, bottom = crop
        mask = mask[top:bottom, left:right]
    return FoundGarment(mask_to_tensor(mask, size)[0].numpy(), source, name, crop, why)


def crop_around(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """The square around a garment in which it is seen large, as far as the photo reaches; None where it is already.

    Args:
        mask: (H, W) in [0, 1]; above 0.5 is garment.

    Returns:
        (left, top, right, bottom) in pixels, right and bottom exclusive.
    """
    height, width = mask.shape
    left, top, across, down = cv2.boundingRect((mask > 0.5).astype(np.uint8))
    longer = max(across, down)
    if longer == 0 or longer >= SMALL * max(height, width):
        return None
    side = AROUND * longer
    x, y = left + across / 2, top + down / 2
    return (
        max(0, round(x - side / 2)),
        max(0, round(y - side / 2)),
        min(width, round(x + side / 2)),
        min(height, round(y + side / 2)),
    )
