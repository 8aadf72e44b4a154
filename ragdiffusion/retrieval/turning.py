"""A guess whether a photo is turned, from what a parser and a bank make of it in four turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ragdiffusion.bank import Bank
from ragdiffusion.bank.search import Ranking
from ragdiffusion.bank.shape_bits import SIDE, bits_overlap, shape_bits
from ragdiffusion.images import cut_to_frame
from ragdiffusion.parsing.parser import Labeller
from ragdiffusion.parsing.turned import TURNS, confidence_and_body, likelier_turn, possible_turns


@dataclass(frozen=True, eq=False)
class Outline:
    """A garment that was found.

    Attributes:
        mask: (H, W) in [0, 1] of the photo's size.
        embedding: (D,) of the photo: a bank too large to be looked through is looked through near it.
    """

    mask: np.ndarray
    embedding: torch.Tensor


def guess_turn(label: Labeller, photo: Image.Image, found: Outline | None, bank: Bank) -> int:
    """Return by how many quarters clockwise a photo should be turned; 0 where that is not clear.

    Turns that can't be likelier any more are not looked at, so most upright photos cost one look.

    Args:
        label: a parser's look at one picture.
        photo: RGB.
        found: the garment in it; None where none is.
        bank: whose silhouettes are upright.
    """
    pixels, nothing = np.asarray(photo), (0.0, 0.0)
    overlap = [0.0] * TURNS if found is None or not (found.mask > 0.5).any() else _overlaps(found, bank)
    seen = [confidence_and_body(label(pixels)), *[nothing] * (TURNS - 1)]
    for turn in possible_turns(*seen[0], overlap):
        seen[turn] = confidence_and_body(label(np.ascontiguousarray(np.rot90(pixels, -turn))))
    return likelier_turn([sure for sure, _ in seen], [body for _, body in seen], overlap)


def _overlaps(found: Outline, bank: Bank) -> list[float]:
    """IoU of a garment's outline in each turn with the silhouette that it fits best."""
    outlines = [shape_bits(cut_to_frame(np.rot90(found.mask, -turn).copy(), SIDE)[None])[0] for turn in range(TURNS)]
    best: list[float] = []

    def look(similarity: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        best.extend(float(bits_overlap(outline, shapes).max()) for outline in outlines)
        return np.arange(len(similarity))

    bank.search(found.embedding, 1, ranking=Ranking(len(bank), look))  # it passes the shapes
    return best
