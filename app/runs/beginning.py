"""Work on a photo begins: it is seen, its structure is found, and what the canvas needs is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.runs.drafts import at_screen_size, in_eight_bits
from app.runs.photos import BenchPhoto, look_at
from app.runs.work import Work
from ragdiffusion.parsing.found import GarmentChoice

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight
    from ragdiffusion.parsing.parse import Parse


def begin(
    model: RAGDiffusion,
    photo: BenchPhoto,
    garment: GarmentChoice | None,
    *,
    parse: Parse | None,
    k: int,
    alpha: float,
    attributes: Mapping[str, str],
    token: int,
    sight: Sight | None = None,
) -> Work:
    """See a photo and find its structure.

    Args:
        model: that looks.
        photo: to look at.
        garment: which one of it is meant, None where nobody said.
        parse: of the photo; None where the model has no parser.
        k: number of candidates.
        alpha: share of the reconstruction, in [0, 1].
        attributes: that the person set.
        token: of the work.
        sight: where the photo was seen before.

    Raises:
        ValueError: if the garment cannot be found, or a value is out of range.
    """
    seen = sight or look_at(model, photo, garment)
    guide = in_eight_bits(model.retrieve(seen, k=k, alpha=alpha, attributes=dict(attributes)))
    return Work(
        photo=photo,
        sight=seen,
        screen=at_screen_size(seen, 2 * model.image_size),
        guide=guide,
        drafts=(None,) * len(guide.neighbours.ids),
        parse=parse,
        garment=garment,
        unmended=garment,
        corrected=dict(attributes),
        token=token,
    )
