"""Which entries may be the garment that is meant: those that contradict what was clearly seen come last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ragdiffusion.attributes import UNKNOWN, VALUES
from ragdiffusion.attributes import group_of as group_of_values
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.search import Suits
from ragdiffusion.garments.patterns.labels import group_of, group_of_label
from ragdiffusion.retrieval.sight import Sight

_MASS = 0.92  # of probability, that the sleeve lengths which may be hold together
_LEGS, _SKIRT = 0.3, 0.8  # share of cloth between the legs, up to which there are two, and from which there is none
_LEGGED, _LEGLESS = ("trousers", "shorts"), ("skirt",)
_CLOSED = ("bodysuit", "swimsuit")  # between the legs: one in twenty of the bank's 65 is as wide there as a hem
_HEM = 0.8  # width at the bottom over that a quarter of the height above, from which there is a hem
_SLIT, _OPEN = 5.0, 1.0  # cm: height and width of an opening from which a slit is seen to stand open
_CLEARLY = 0.8  # probability of "Skirt" from which there is one, and 1 less it, up to which there is none
_LOOSE = ("Shawl", "Robe")  # whose outline is that of anything with its sleeves spread:
_BARE = ("Strapless", "Off-shoulder", "One-shoulder")  # which the straps of who wears a tank top are soon mistaken for
_READ = 0.1  # those have to be read with this probability


def suits_of(sight: Sight) -> Suits | None:
    """Who may be the garment of a sight: of the group that the parse names, with or without legs as it has, not closed
    between the legs where it has a hem, no shawl or robe that nobody read, and where somebody wears it also with
    sleeves as long as they are seen, no bare shoulders that nobody read and no slit that stands open, as those of a
    standard lie closed. None where nothing is clear.
    """
    group = None if sight.garment is None else group_of_label(sight.garment.name)
    if group is None:
        return None
    worn = sight.garment is not None and sight.garment.worn
    sleeves = _sleeves(sight) if worn and group != "lower" else None
    legs = _has_legs(sight, worn) if group == "lower" else None
    hem = group != "lower" and sight.expected is not None and _has_hem(sight.expected)
    unread = _unread(sight, "category", _LOOSE) + (_unread(sight, "collar", _BARE) if worn else [])

    def suits(attributes: Mapping[str, str], pattern: PatternSpec | None) -> bool:
        kind = None if pattern is None else pattern.kind
        own = group_of(kind) if kind is not None else group_of_values(attributes)
        if own not in (group, UNKNOWN):
            return False
        if legs is not None and kind in (_LEGLESS if legs else _LEGGED):
            return False
        if hem and kind in _CLOSED:
            return False
        if worn and pattern is not None and _stands_open(pattern.measures):
            return False
        if any(attributes.get(key) == value for key, value in unread):
            return False
        length = attributes.get("sleeve_length", UNKNOWN)
        return sleeves is None or length == UNKNOWN or length in sleeves

    return suits


def _sleeves(sight: Sight) -> frozenset[str] | None:
    """The likeliest sleeve lengths that hold most of the probability together; None where nobody read them."""
    probabilities = sight.probabilities.get("sleeve_length")
    if probabilities is None:
        return None
    values = VALUES["sleeve_length"]
    order = np.argsort(-np.asarray(probabilities))
    enough = int(np.searchsorted(np.cumsum(np.asarray(probabilities)[order]), _MASS)) + 1
    return frozenset(values[i] for i in order[:enough])


def _has_legs(sight: Sight, worn: bool) -> bool | None:
    """Whether a lower garment has two legs, as the heads read it or else as it is expected; None: it is not clear."""
    skirt = _probability(sight, "category", "Skirt", default=0.5)
    if skirt >= _CLEARLY or skirt <= 1 - _CLEARLY:
        return skirt < 0.5
    return _legs(sight.expected) if worn and sight.expected is not None else None


def _unread(sight: Sight, key: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """Those of some values of an attribute that nobody would take the garment for, each with its key."""
    return [(key, value) for value in values if _probability(sight, key, value, default=1) < _READ]


def _probability(sight: Sight, key: str, value: str, *, default: float) -> float:
    """What the heads think of a value of Table 6, in [0, 1]; `default` where there are none."""
    found = sight.probabilities.get(key)
    return default if found is None else float(found[VALUES[key].index(value)])


def _stands_open(measures: Mapping[str, float]) -> bool:
    """Whether a pattern has a slit that is drawn open."""
    return measures.get("slit", 0.0) >= _SLIT and measures.get("slit_opening", 0.0) >= _OPEN


def _legs(expected: torch.Tensor) -> bool | None:
    """Whether a silhouette (h, w) in the canonical frame has two legs; None where it does not say clearly."""
    side, (bottom, height) = expected.shape[0], _bottom_and_height(expected)
    if not height:
        return None
    between = expected[bottom - max(1, height // 6) : bottom + 1, side // 2 - side // 32 : side // 2 + side // 32]
    share = float(between.mean())
    return True if share < _LEGS else False if share > _SKIRT else None


def _has_hem(expected: torch.Tensor) -> bool:
    """Whether a silhouette (h, w) in the canonical frame ends about as wide as it is above."""
    bottom, height = _bottom_and_height(expected)
    if not height:
        return False
    end, above = (_width_at_axis(expected[bottom - part] > 0.5) for part in (max(1, height // 16), height // 4))
    return end > _HEM * above > 0


def _width_at_axis(row: torch.Tensor) -> int:
    """Width of the cloth that a row (w,) of a silhouette has at the axis."""
    left, right = row[: len(row) // 2].flip(0), row[len(row) // 2 :]
    return sum(int(side.int().cumprod(0).sum()) for side in (left, right))


def _bottom_and_height(expected: torch.Tensor) -> tuple[int, int]:
    """The lowest row of a silhouette (h, w), and how many rows it spans; (0, 0) where there is none."""
    rows = (expected > 0.5).any(1).nonzero().flatten()
    return (int(rows[-1]), int(rows[-1] - rows[0]) + 1) if len(rows) else (0, 0)
