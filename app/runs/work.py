"""What lies on a bench, as plain values, and how work on a photo begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import torch
from PIL import Image
from torch import Tensor

from app.runs.drafts import at_screen_size, in_eight_bits
from app.runs.photos import BenchPhoto, look_at
from ragdiffusion.draft.completion import completed_notes

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight
    from ragdiffusion.bank import Bank
    from ragdiffusion.parsing.found import GarmentChoice
    from ragdiffusion.parsing.parse import Parse
    from ragdiffusion.retrieval.guide import StructureGuide


class Settings(TypedDict):
    """What a guide is found with."""

    k: int
    alpha: float


@dataclass(frozen=True, eq=False)
class Unmarked:
    """A photo in which no garment was found: it waits for a person to mark one.

    Args:
        photo: the photo at work.
        parse: what else is in it; None where the model has no parser.
        k: number of candidates, for when there is a garment.
        alpha: share of the reconstruction, as well.
        token: as in `Work`.
        why: no garment was found, in a line for the person.
    """

    photo: BenchPhoto
    parse: Parse | None
    k: int
    alpha: float
    token: int
    why: str

    @property
    def settings(self) -> Settings:
        """K and α."""
        return {"k": self.k, "alpha": self.alpha}


@dataclass(frozen=True, eq=False)
class Work:
    """What lies on the bench.

    Args:
        photo: the photo at work.
        sight: what the model sees in it of the garment that is meant; all else is asked of this.
        screen: the same of the padded photo at twice the model's size, to make drafts from.
        guide: its guide as the person left it; its silhouettes and its landmark are whole 255ths, so that what is
            drawn in the browser, used and logged is one and the same.
        drafts: the garment warped into each neighbour's silhouette, in the guide's order, and then into the drafted
            one, where there is one; None where not yet made.
        seen: share of each of these silhouettes that the photo shows, in the drafts' order; None where not yet known.
        draft: the garment warped into a landmark that the person drew, or set the measures of; None for any other,
            and where not yet made.
        parse: the garments of the photo; None where the model has no parser.
        garment: which garment of the photo is meant, None where nobody said.
        unmended: the same before anybody mended its mask with the brush; what `garment` is where nobody did.
        corrected: attributes that the person set.
        token: of the retrieval; grows with each.
        serial: of the newest change in the browser that is in it.
        pushed: how often the landmark was changed from here rather than in the browser.
        revision: grows with every action on this bench.
    """

    photo: BenchPhoto
    sight: Sight
    screen: Sight
    guide: StructureGuide
    drafts: tuple[Image.Image | None, ...]
    seen: tuple[float | None, ...]
    draft: Image.Image | None = None
    parse: Parse | None = None
    garment: GarmentChoice | None = None
    unmended: GarmentChoice | None = None
    corrected: dict[str, str] = field(default_factory=dict)
    token: int = 0
    serial: int = 0
    pushed: int = 0
    revision: int = 0

    @property
    def settings(self) -> Settings:
        """K and α."""
        return {"k": self.guide.k, "alpha": self.guide.alpha}

    @property
    def is_own(self) -> bool:
        """Whether the landmark is no entry of the bank: drawn by hand, or from measures."""
        return self.guide.landmark_source in ("drafted", "edited")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should be told: of the garment, and of what no photo shows of it once that is known."""
        notes, guide = self.sight.notes, self.guide
        if self.is_own:
            return notes
        seen = self.seen[guide.consensus if guide.choice is None else guide.choice]
        return notes if seen is None else (*notes, *completed_notes(seen))

    @property
    def silhouettes(self) -> Tensor:
        """All that drafts are made for: the neighbours' (M, H, W), and then the drafted one, where there is one."""
        guide = self.guide
        neighbours = guide.neighbours.silhouettes
        return neighbours if guide.drafted is None else torch.cat([neighbours, guide.draft().landmark[None]])


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
    bank: Bank | None = None,
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
        bank: to search in place of the model's own.

    Raises:
        ValueError: if the garment cannot be found, or a value is out of range.
    """
    seen = sight or look_at(model, photo, garment)
    guide = in_eight_bits(model.retrieve(seen, k=k, alpha=alpha, attributes=dict(attributes), bank=bank))
    laid = len(guide.neighbours.ids) + (guide.drafted is not None)
    return Work(
        photo=photo,
        sight=seen,
        screen=at_screen_size(seen, 2 * model.image_size),
        guide=guide,
        drafts=(None,) * laid,
        seen=(None,) * laid,
        parse=parse,
        garment=garment,
        unmended=garment,
        corrected=dict(attributes),
        token=token,
    )
