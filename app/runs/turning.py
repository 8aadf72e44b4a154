"""A guess whether a photo is turned, from what the model sees of it in four turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.runs.photos import garment_on_photo
from app.runs.work import Unmarked, Work
from ragdiffusion.bank.search import Ranking
from ragdiffusion.bank.shape_bits import SIDE, bits_overlap, shape_bits
from ragdiffusion.images import cut_to_frame
from ragdiffusion.parsing.turned import TURNS, confidence_and_body, likelier_turn

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion


def guess_turn(model: RAGDiffusion, shown: Work | Unmarked) -> int:
    """Return by how many quarters clockwise the photo should be turned; 0 where that is not clear.

    Args:
        model: whose own parser is asked; any other makes no guess, as it is not known how sure it is when.
        shown: the photo, and the garment that was found in it.
    """
    label = getattr(getattr(model.parser, "parser", None), "label", None)
    if label is None:
        return 0
    pixels = np.asarray(shown.photo.image)
    seen = [confidence_and_body(label(np.ascontiguousarray(np.rot90(pixels, -turn)))) for turn in range(TURNS)]
    overlap = [0.0] * TURNS if isinstance(shown, Unmarked) else _overlaps(model, shown)
    return likelier_turn([sure for sure, _ in seen], [body for _, body in seen], overlap)


def _overlaps(model: RAGDiffusion, work: Work) -> list[float]:
    """IoU of the garment's outline in each turn with the bank's silhouette that it fits best."""
    mask = garment_on_photo(work.sight)
    if mask is None or not (mask > 0.5).any():
        return [0.0] * TURNS
    outlines = [shape_bits(cut_to_frame(np.rot90(mask, -turn).copy(), SIDE)[None])[0] for turn in range(TURNS)]
    best: list[float] = []

    def look(similarity: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        best.extend(float(bits_overlap(outline, shapes).max()) for outline in outlines)
        return np.arange(len(similarity))

    model.bank.search(work.guide.query, 1, ranking=Ranking(len(model.bank), look))  # it passes all shapes
    return best
