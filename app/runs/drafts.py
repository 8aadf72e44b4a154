"""What the canvas is shown with: the garment warped into silhouettes, the photo in a landmark's frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from ragdiffusion.images import canonical_square, tensor_to_images, tensor_to_mask_image
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.structure.framing import crop, main_parts

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight


def in_eight_bits(guide: StructureGuide) -> StructureGuide:
    """Return the guide with silhouettes in whole 255ths, which a browser and a PNG hold exactly."""
    silhouettes = (guide.neighbours.silhouettes * 255).round() / 255
    return replace(guide, neighbours=replace(guide.neighbours, silhouettes=silhouettes)).retune()


def at_screen_size(sight: Sight, side: int) -> Sight:
    """Return a sight whose photo is the padded square at a side, so that drafts are not drawn from a large one."""
    return replace(sight, image=tensor_to_images(sight.tensor(side))[0])


class LaidGarment(NamedTuple):
    """A garment laid into a silhouette.

    Attributes:
        image: of it.
        seen: share of it, in [0, 1], that the photo shows; None where the preset makes no drafts.
    """

    image: Image.Image
    seen: float | None


def drafts_in(model: RAGDiffusion, sight: Sight, silhouettes: Tensor) -> tuple[LaidGarment, ...]:
    """Return the photo's garment in each silhouette; plain silhouettes where the preset makes no drafts.

    Args:
        model: with or without an appearance flow.
        sight: of the photo.
        silhouettes: (K, H, W) in [0, 1].
    """
    if model.pipeline.appearance_flow is None:
        plain = [tensor_to_mask_image(1 - silhouette).convert("RGB") for silhouette in silhouettes]
        return tuple(LaidGarment(image, None) for image in plain)
    draft = model.draft(sight, silhouettes)
    return tuple(LaidGarment(*each) for each in zip(draft.images, draft.seen, strict=True))


def in_landmark_frame(sight: Sight) -> Image.Image:
    """Return the square around the garment that a landmark of it would fill; all of it where no garment is found.

    Args:
        sight: of a square photo.
    """
    photo = sight.image
    part = None if sight.garment is None else main_parts(sight.garment.mask)
    if part is None:
        return photo
    x, y, side = (value / part.shape[0] for value in canonical_square(part))
    return Image.fromarray(crop(np.asarray(photo), (x, y, side), photo.width))
