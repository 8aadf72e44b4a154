"""A finished picture in the colours of its photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image
from torch.nn import functional as F

from ragdiffusion.colour import match_colours
from ragdiffusion.images import photo_to_tensor, tensor_to_images

if TYPE_CHECKING:
    from ragdiffusion.api import GenerationResult, RAGDiffusion


def match_to_photo(
    model: RAGDiffusion, photo: Image.Image, result: GenerationResult
) -> tuple[Image.Image, dict[str, float]]:
    """Give a result's garment the colours that the garment has in the photo.

    Returns:
        The picture, and ΔE2000 between the garments' mean colours `before` and `after`.

    Raises:
        ValueError: no garment is found in the photo, or this preset has nothing to find it with.
    """
    sight, size = model.see(photo), model.image_size
    if sight.garment is None:
        raise ValueError(f"the {model.preset} preset has nothing to find the garment in the photo with")
    garment = F.interpolate(sight.garment_tensor(), size=(size, size), mode="bilinear")[:, 0]  # [1, H, W]
    match = match_colours(
        photo_to_tensor(result.image, size), result.landmark[None].cpu(), photo=sight.tensor(size), photo_mask=garment
    )
    return tensor_to_images(match.image)[0], {"before": match.before, "after": match.after}
