"""Measures as numbers that a network can learn: free of the garment's size, and all of like spread.

A photo shows proportions, not centimetres. So lengths are written as shares of the longer side of the pattern's box,
and that side itself, which only a person's body hints at, is a number of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.patterns.measures import MEASURES
from ragdiffusion.garments.patterns.pattern import Pattern, draft, specs

TYPICAL_SIDE = 80.0
"""cm; the longer side of a box that is written as 0."""


@dataclass(frozen=True)
class MeasureCode:
    """How measures are written.

    Attributes:
        keys: the measures, in their order.
        centre: what is written as 0, for each key: shares of the box for cm, degrees and ratios as they are.
        spread: what is written as 1 above that, positive.
    """

    keys: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.keys) == len(self.centre) == len(self.spread) or not all(s > 0 for s in self.spread):
            raise ValueError(
                f"{len(self.keys)} keys, {len(self.centre)} centres and {len(self.spread)} spreads: one "
                "of each, and positive spreads, wanted"
            )

    @classmethod
    def fitted(cls, patterns: Sequence[Pattern]) -> MeasureCode:
        """A code in which the measures of such patterns have mean 0 and deviation 1.

        Raises:
            ValueError: if there are no patterns.
        """
        if not patterns:
            raise ValueError("no patterns to fit a code to")
        plain = [_plain(pattern.measures, longer_side(pattern)) for pattern in patterns]
        keys = tuple(sorted({key for values in plain for key in values}))
        columns = [np.array([values[key] for values in plain if key in values]) for key in keys]
        return cls(
            keys,
            tuple(round(float(c.mean()), 5) for c in columns),
            tuple(round(max(float(c.std()), 1e-3), 5) for c in columns),
        )

    def encode(self, pattern: Pattern) -> np.ndarray:
        """Write a pattern's measures: (M + 1,) float32, NaN for what its kind has not; the last is its size."""
        side = longer_side(pattern)
        values = _plain(pattern.measures, side)
        written = [
            (values[key] - centre) / spread if key in values else np.nan
            for key, centre, spread in zip(self.keys, self.centre, self.spread, strict=True)
        ]
        return np.array([*written, np.log(side / TYPICAL_SIDE)], np.float32)

    def side(self, written: np.ndarray) -> float:
        """The longer side of the box that a pattern so written has, cm."""
        return TYPICAL_SIDE * float(np.exp(np.clip(np.nan_to_num(written[-1]), -2, 2)))

    def decode(self, written: np.ndarray, kind: str) -> dict[str, float]:
        """Read the measures of a kind, brought into its ranges.

        Args:
            written: (M + 1,), as `encode` writes it.
            kind: of `patterns.kinds()`.
        """
        side = self.side(written)
        values = dict(zip(self.keys, written[:-1], strict=True))
        code = {key: (centre, spread) for key, centre, spread in zip(self.keys, self.centre, self.spread, strict=True)}
        found = {}
        for spec in specs(kind):
            if spec.key not in values or not np.isfinite(values[spec.key]):
                found[spec.key] = spec.default
                continue
            centre, spread = code[spec.key]
            value = float(values[spec.key]) * spread + centre
            found[spec.key] = float(np.clip(value * side if spec.unit == "cm" else value, spec.low, spec.high))
        return found


def longer_side(pattern: Pattern) -> float:
    """The longer side of a pattern's box, cm."""
    left, top, right, bottom = pattern.box
    return max(right - left, bottom - top)


def nearest_drawable(kind: str, measures: Mapping[str, float], *, steps: int = 6) -> Pattern:
    """Draw measures, moved towards the kind's defaults as far as they must be so that they do not contradict.

    Args:
        kind: of `patterns.kinds()`.
        measures: within their ranges.
        steps: tries between them and the defaults.
    """
    usual = {spec.key: spec.default for spec in specs(kind)}
    for share in np.linspace(0, 1, steps + 1)[:-1]:
        moved = {key: (1 - share) * value + share * usual[key] for key, value in measures.items()}
        try:
            return draft(kind, moved)
        except ValueError:
            continue
    return draft(kind)


def _plain(measures: Mapping[str, float], side: float) -> dict[str, float]:
    return {key: value / side if MEASURES[key].unit == "cm" else float(value) for key, value in measures.items()}
