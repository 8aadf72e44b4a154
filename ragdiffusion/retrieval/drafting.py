"""The drafted candidate: a pattern cut to the silhouette that a photo's garment would have, laid flat.

The bank holds some thousand shapes, and none may be this garment's. Its best ones know what kind of garment it is and
by what measures such a garment is cut; SilhouetteNet says what outline is wanted. Their measures are moved until what
they draw is that outline, as nearly as the kind's ranges allow; where it is blurred they stay as the bank has them. So
the result is crisp, and it has measures that a person can change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import MeasureError, Pattern, draft, draft_near
from ragdiffusion.garments.patterns.fitting import fit_deviations, fit_from
from ragdiffusion.garments.patterns.pattern import kind_of

KINDS_TRIED = 2
"""Kinds of garment, the best entries' first, that are cut to the silhouette."""
_DIGITS = 2  # after the point of a deviation that is told
_SIDE = 32  # at which silhouettes are compared, pixels
_CLEARLY = 0.01  # IoU by which a later kind must be nearer to be taken


@dataclass(frozen=True, eq=False)
class Drafted:
    """A pattern that fits a silhouette.

    Attributes:
        pattern: it; its measures are whole steps (`Measure.step`), as a person would set them.
        deviations: by measure, how far it may be off where the silhouette says little of it: one standard deviation,
            in the measure's unit; a measure that no silhouette shows has none.
        overlap: IoU with the silhouette, of shares of pixels.
    """

    pattern: Pattern
    deviations: dict[str, float]
    overlap: float

    def landmark(self, size: int) -> torch.Tensor:
        """The pattern's silhouette, (size, size) float in [0, 1]; drawn once, so read it only."""
        if size not in self._drawn:
            self._drawn[size] = landmark_of(self.pattern, size)
        return self._drawn[size]

    @cached_property
    def _drawn(self) -> dict[int, torch.Tensor]:
        return {}

    def moved(self, measures: Mapping[str, float]) -> Pattern:
        """The pattern with some measures as a person wants them.

        Args:
            measures: by key, in the unit that `garments.patterns.specs` says.

        Raises:
            MeasureError: one that the kind lacks, is out of range or contradicts another.
        """
        return draft(self.pattern.kind, {**self.pattern.measures, **measures})

    def summary(self) -> dict[str, Any]:
        """Kind, measures, deviations and overlap, ready for JSON."""
        return {
            "kind": self.pattern.kind,
            "measures": dict(self.pattern.measures),
            "deviations": {key: round(float(value), _DIGITS) for key, value in self.deviations.items()},
            "overlap": self.overlap,
        }


@dataclass(frozen=True, eq=False)
class Drafting:
    """A pattern that will be cut to a silhouette when somebody asks for it.

    To cut one takes as long as to search the bank, and who makes pictures of a folder never looks at it.

    Attributes:
        silhouette: (H, W) in [0, 1], in the canonical frame.
        starts: patterns to begin with, the likeliest first.
    """

    silhouette: torch.Tensor
    starts: tuple[PatternSpec, ...]

    @cached_property
    def drafted(self) -> Drafted | None:
        """What `draft_to` makes of it, made once."""
        return draft_to(self.silhouette, self.starts)


def landmark_of(pattern: Pattern, size: int) -> torch.Tensor:
    """A pattern's silhouette in the canonical frame, (size, size) float in [0, 1]."""
    return torch.from_numpy(pattern.rasterise(size)).float() / 255


def draft_to(silhouette: torch.Tensor, starts: Iterable[PatternSpec]) -> Drafted | None:
    """Cut patterns to a silhouette, and take the one that comes nearest.

    Args:
        silhouette: (H, W) in [0, 1], in the canonical frame.
        starts: patterns to begin with, the likeliest first; the first of each kind is taken.

    Returns:
        None where no start can be drawn.
    """
    target = F.interpolate(silhouette[None, None].float().cpu(), size=(_SIDE, _SIDE), mode="area")[0, 0].numpy()
    best: Drafted | None = None
    tried: set[str] = set()
    for start in starts:
        if start.kind in tried or len(tried) == KINDS_TRIED:
            continue
        try:
            first = draft(start.kind, start.measures)
        except MeasureError:  # of a version that knew other measures
            continue
        tried.add(start.kind)
        found = _cut(first, target)
        if best is None or found.overlap > best.overlap + _CLEARLY:
            best = found
    return best


def _cut(first: Pattern, target: np.ndarray) -> Drafted:
    kind = kind_of(first.kind)
    fits = fit_from([first], target[None], alike=True)
    measures = dict(zip(kind.measures, fits.vectors[0].tolist(), strict=True))
    whole = {key: kind.measures[key].rounded(value) for key, value in measures.items()}
    pattern = draft_near(first.kind, whole, towards=first.measures)
    return Drafted(pattern, fit_deviations(kind, target[None], fits)[0], float(fits.overlap[0]))
