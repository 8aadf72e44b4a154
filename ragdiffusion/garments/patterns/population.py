"""The population that patterns are drawn from: measures of garments that a catalogue shows, by kind.

Each was fitted to one real silhouette (`ragdiffusion.training.patterns`). A new garment lies between two that are
alike, a little off. A kind with few fits borrows from kinds that are built like it, as far as their measures are within
its ranges.
What silhouettes do not show (front necklines, plackets) is drawn from the kind's ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.fitting import HIDDEN
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.library import as_measures
from ragdiffusion.garments.patterns.measures import MeasureError
from ragdiffusion.garments.patterns.pattern import Pattern, draft, kind_of, sample, sample_many
from ragdiffusion.garments.patterns.tidiness import is_tidy

SCHEMA = 1
_LEVELS = 255  # to which a measure's range is divided in the file
_NEIGHBOURS = 8  # of a fit, among which its partner is
_PARTNER = 0.5  # greatest share of the partner's measures
_NOISE = 0.015  # deviation of what is added to a measure, in ranges
_OUTSIDE = 0.08  # how far beyond a kind's range a borrowed measure may lie, in ranges; it is brought to its end
_PLENTY = 100  # own fits from which a kind borrows none: others' are cut a little otherwise
_SHARED = 0.6  # share of a kind's shown measures that a lender must have
_ENOUGH = 24  # fits below which a kind is drawn from its ranges alone
_TRIES = 60
_OF_SKIRTS = ("slit", "slit_opening", "hem_slant")  # what other garments of a catalogue hardly have
_DIGITS = 2  # of a measure, as banks store it


@dataclass(frozen=True)
class Population:
    """Fitted measures.

    Attributes:
        fits: (N, M) by kind, in the order of the kind's measures.
    """

    fits: Mapping[str, np.ndarray]
    _pools: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def pool(self, kind: str) -> np.ndarray:
        """Measures (N, M) of garments of a kind: its own fits; where these are few, then those it borrows too, with NaN
        where a lender has none.

        Raises:
            MeasureError: unknown kind.
        """
        if kind not in self._pools:
            spec = kind_of(kind)
            own = self.fits.get(kind, np.empty((0, len(spec.measures))))
            lent = [
                _borrowed(spec, KINDS[other], vectors)
                for other, vectors in self.fits.items()
                if len(own) < _PLENTY and other != kind and _alike(spec, KINDS[other])
            ]
            self._pools[kind] = np.concatenate([own, *lent])
        return self._pools[kind]

    def sample(self, kind: str, rng: np.random.Generator) -> dict[str, float]:
        """Measures of a garment of a kind that could be in a catalogue; they can be drawn.

        Raises:
            MeasureError: unknown kind.
        """
        return self.pattern(kind, rng).measures

    def pattern(self, kind: str, rng: np.random.Generator) -> Pattern:
        """Draw a garment of a kind that could be in a catalogue.

        Raises:
            MeasureError: unknown kind.
        """
        pool = self.pool(kind)
        if len(pool) < _ENOUGH:
            return draft(kind, sample(kind, rng))
        spec = kind_of(kind)
        for _ in range(_TRIES):
            vector = _between(pool, rng, spec)
            drawn = sample_many(kind, rng, 1)
            measures = {
                key: float(values[0]) if np.isnan(value) or key in HIDDEN else float(value)
                for (key, values), value in zip(drawn.items(), vector, strict=True)
            }
            if not (spec.skirt or spec.upper == "waist"):
                measures |= {key: spec.measures[key].default for key in _OF_SKIRTS if key in measures}
            if "neck_drop_back" in measures:
                front = max(measures["neck_drop_front"], measures["neck_drop_back"])
                measures["neck_drop_front"] = min(front, spec.measures["neck_drop_front"].high)
            try:
                drawn_pattern = draft(kind, {key: round(value, _DIGITS) for key, value in measures.items()})
            except MeasureError:
                continue
            if is_tidy(drawn_pattern):
                return drawn_pattern
        return draft(kind, sample(kind, rng))

    def save(self, path: str | Path) -> None:
        """Write the fits as an npz, each measure in 256 levels of its range."""
        arrays: dict[str, np.ndarray] = {"schema": np.int64(SCHEMA)}
        for kind, vectors in self.fits.items():
            low, span = _ranges(KINDS[kind])
            arrays[kind] = np.rint((vectors - low) / span * _LEVELS).clip(0, _LEVELS).astype(np.uint8)
            arrays[f"{kind}.measures"] = np.array(list(KINDS[kind].measures))
            arrays[f"{kind}.low"], arrays[f"{kind}.span"] = low, span
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)

    @staticmethod
    def load(path: str | Path) -> Population:
        """Read what `save` wrote; a measure that its kind has no more is left out, a new one is drawn from its range.

        Raises:
            ValueError: the file is missing or of another schema.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"no population of patterns at {path}: it comes with the project, or fit one anew")
        with np.load(path, allow_pickle=False) as data:
            if int(data["schema"]) != SCHEMA:
                raise ValueError(f"{path}: schema {int(data['schema'])}, wanted {SCHEMA}; fit it again")
            fits = {}
            for kind in (name for name in data.files if name in KINDS):
                stored = data[f"{kind}.low"] + data[kind] * (data[f"{kind}.span"] / _LEVELS)
                names = data[f"{kind}.measures"].tolist()
                low, span = _ranges(KINDS[kind])
                columns = [
                    stored[:, names.index(key)] if key in names else np.full(len(stored), np.nan)
                    for key in KINDS[kind].measures
                ]
                fits[kind] = np.clip(np.stack(columns, axis=1), low, low + span)
            return Population(fits)


@lru_cache(maxsize=1)
def bundled_population() -> Population:
    """The population that comes with the project."""
    return Population.load(Path(__file__).resolve().parents[3] / "assets" / "patterns.npz")


def _ranges(kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    specs = kind.measures.values()
    low, high = np.array([spec.low for spec in specs]), np.array([spec.high for spec in specs])
    return low, np.maximum(high - low, 1e-9)


def _alike(kind: Kind, other: Kind) -> bool:
    """Whether a kind may borrow measures of another: both hang by the same, and end in the same."""
    return kind.upper == other.upper and kind.lower == other.lower


def _borrowed(kind: Kind, other: Kind, vectors: np.ndarray) -> np.ndarray:
    """The rows of another kind's fits that are garments of this one."""
    lent = as_measures(other, vectors)
    shown = [key for key in kind.measures if key not in HIDDEN]
    if sum(key in lent for key in shown) < _SHARED * len(shown) or ("hip" in kind.measures and "hip" not in lent):
        return np.empty((0, len(kind.measures)))
    low, span = _ranges(kind)
    found = np.stack([lent.get(key, np.full(len(vectors), np.nan)) for key in kind.measures], axis=1)
    hidden = np.array([key in HIDDEN for key in kind.measures])
    found[:, hidden] = np.nan
    share = (found - low) / span
    fits = (np.isnan(share) | ((share > -_OUTSIDE) & (share < 1 + _OUTSIDE))).all(1)
    return np.clip(found[fits], low, low + span)


def _between(pool: np.ndarray, rng: np.random.Generator, kind: Kind) -> np.ndarray:
    """A row of the pool moved towards one of its neighbours, and a little off."""
    low, span = _ranges(kind)
    one = pool[int(rng.integers(len(pool)))]
    some = pool[rng.integers(len(pool), size=min(len(pool), 40 * _NEIGHBOURS))]
    distance = np.nansum(((some - one) / span) ** 2, axis=1) + np.isnan(some).sum(1)
    other = some[int(rng.choice(np.argsort(distance)[:_NEIGHBOURS]))]
    share = rng.uniform(0, _PARTNER)
    mixed = np.where(np.isnan(other), one, one + share * (other - one))
    return np.clip(mixed + _NOISE * span * rng.standard_normal(len(mixed)), low, low + span)
