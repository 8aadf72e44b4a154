"""A guess whether a photo is turned, from what a parser, a bank and a closer look make of it in four turns."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.bank import Bank
from ragdiffusion.bank.search import Ranking
from ragdiffusion.bank.shape_bits import SIDE, bits_overlap, shape_bits
from ragdiffusion.images import cut_to_frame, turned_plane
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.parser import Labeller
from ragdiffusion.parsing.turned import (
    TURNS,
    at_a_glance,
    confidence_and_body,
    likelier_turn,
    possible_turns,
    worth_a_look,
)
from ragdiffusion.retrieval.sight import Observer, Sight

_EXPECTED_WEIGHT = 0.5
_UNREAD, _UNEXPECTED = 0.4, 0.3  # certainty and overlap where no garment is found: little more than of the worst


def guess_turn(label: Labeller, observer: Observer, bank: Bank, photo: Image.Image, sight: Sight | None) -> int:
    """Return by how many quarters clockwise a photo should be turned; 0 where that is not clear.

    Each step looks at those turns alone that may still be likelier, so most upright photos cost one parse.

    Args:
        label: a parser's look at one picture.
        observer: looks closely.
        bank: whose silhouettes are upright.
        photo: RGB, as it is.
        sight: of it; None where no garment was found.
    """
    pixels, nothing = np.asarray(photo), (0.0, 0.0)
    overlap = _overlaps(sight, observer, bank)
    seen = [confidence_and_body(label(pixels)), *[nothing] * (TURNS - 1)]
    for turn in possible_turns(*seen[0], overlap):
        seen[turn] = confidence_and_body(label(turned_plane(pixels, 90 * turn)))
    likely = at_a_glance([sure for sure, _ in seen], [body for _, body in seen], overlap)
    turns = worth_a_look(likely)
    if not turns:
        return 0
    close = {turn: _fit(_look(observer, Image.fromarray(turned_plane(pixels, 90 * turn)))) for turn in turns}
    return likelier_turn(likely, {0: _fit(sight), **close})


def _look(observer: Observer, photo: Image.Image) -> Sight | None:
    try:
        return observer.see(photo)
    except NoGarmentError:
        return None


def _fit(sight: Sight | None) -> float:
    """How well a sight agrees with itself: its attributes are plain, its outline is what the networks expect."""
    sure, overlap = _UNREAD, _UNEXPECTED
    if sight is not None and sight.probabilities:
        sure = float(np.mean([values.max() for values in sight.probabilities.values()]))
    if sight is not None and sight.outline is not None and sight.expected is not None:
        overlap = _soft_overlap(sight.outline, sight.expected)
    return sure + _EXPECTED_WEIGHT * overlap


def _soft_overlap(outline: torch.Tensor, expected: torch.Tensor) -> float:
    """IoU of two silhouettes (H, W) and (h, w) in [0, 1], without cutting them at a half."""
    expected = F.interpolate(expected[None, None], size=outline.shape, mode="bilinear")[0, 0]
    return float(torch.minimum(outline, expected).sum() / torch.maximum(outline, expected).sum().clamp(min=1))


def _overlaps(sight: Sight | None, observer: Observer, bank: Bank) -> list[float]:
    """IoU of a garment's outline in each turn with the silhouette that it fits best; zeros where none is known."""
    mask = None if sight is None or sight.garment is None else sight.garment.over(sight.photo.size)
    if sight is None or mask is None or not (mask > 0.5).any():
        return [0.0] * TURNS
    outlines = [shape_bits(cut_to_frame(turned_plane(mask, 90 * turn), SIDE)[None])[0] for turn in range(TURNS)]
    best: list[float] = []

    def look(similarity: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        best.extend(float(bits_overlap(outline, shapes).max()) for outline in outlines)
        return np.arange(len(similarity))

    # A search passes the shapes; where the bank is too large for all, those near the photo.
    bank.search(observer.embed(sight, {}), 1, ranking=Ranking(len(bank), look))
    return best
