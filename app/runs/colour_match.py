"""A finished picture in the colours of its photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image
from torch.nn import functional as F

from ragdiffusion.colour import match_colours
from ragdiffusion.images import photo_to_tensor, tensor_to_images

if TYPE_CHECKING:
    from ragdiffusion.api import GenerationResult, Sight


def match_to_photo(sight: Sight, result: GenerationResult) -> tuple[Image.Image, dict[str, float]]:
    """Give a result's garment the colours that the garment has in the photo.

    Args:
        sight: of the photo.
        result: made from it.

    Returns:
        The picture, and ΔE2000 between the garments' mean colours `before` and `after`.

    Raises:
        ValueError: if no garment is found in the photo, or this preset has nothing to find it with.
    """
    if sight.garment is None:
        raise ValueError("this preset has nothing to find the garment in the photo with")
    size = result.image.width
    garment = sight.garment_tensor()[:, 0]  # (1, h, w)
    landmark = F.interpolate(result.landmark[None, None].cpu().float(), size=(size, size), mode="bilinear")[0]
    photo = sight.tensor(garment.shape[-1])
    match = match_colours(photo_to_tensor(result.image, size), landmark, photo=photo, photo_mask=garment)
    return tensor_to_images(match.image)[0], {"before": match.before, "after": match.after}
