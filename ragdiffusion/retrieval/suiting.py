"""Which entries may be the garment that is meant: those that contradict what was clearly seen come last."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.attributes import group_of as group_of_values
from ragdiffusion.bank.search import Suits
from ragdiffusion.garments.patterns.labels import group_of, group_of_label
from ragdiffusion.retrieval.sight import Sight

_MASS = 0.92  # of probability, that the sleeve lengths which may be hold together
_LEGS, _SKIRT = 0.3, 0.8  # share of cloth between the legs, up to which there are two, and from which there is none
_LEGGED, _LEGLESS = ("trousers", "shorts"), ("skirt",)


def suits_of(sight: Sight) -> Suits | None:
    """Who may be the garment of a sight: of the group that the parse names, and where somebody wears it also with
    sleeves as long, and with or without legs, as they are seen. None where nothing is clear.
    """
    group = None if sight.garment is None else group_of_label(sight.garment.name)
    if group is None:
        return None
    worn = sight.garment is not None and sight.garment.worn
    sleeves = _sleeves(sight) if worn and group != "lower" else None
    legs = _legs(sight.expected) if worn and group == "lower" and sight.expected is not None else None

    def suits(attributes: Mapping[str, str], kind: str | None) -> bool:
        own = group_of(kind) if kind is not None else group_of_values(attributes)
        if own not in (group, UNKNOWN):
            return False
        if legs is not None and kind in (_LEGLESS if legs else _LEGGED):
            return False
        length = attributes.get("sleeve_length", UNKNOWN)
        return sleeves is None or length == UNKNOWN or length in sleeves

    return suits


def _sleeves(sight: Sight) -> frozenset[str] | None:
    """The likeliest sleeve lengths that hold most of the probability together; None where nobody read them."""
    probabilities = sight.probabilities.get("sleeve_length")
    if probabilities is None:
        return None
    values = next(attribute.values for attribute in ATTRIBUTES if attribute.key == "sleeve_length")
    order = np.argsort(-np.asarray(probabilities))
    enough = int(np.searchsorted(np.cumsum(np.asarray(probabilities)[order]), _MASS)) + 1
    return frozenset(values[i] for i in order[:enough])


def _legs(expected: torch.Tensor) -> bool | None:
    """Whether a silhouette (h, w) in the canonical frame has two legs; None where it does not say clearly."""
    side = expected.shape[0]
    rows = (expected > 0.5).any(1).nonzero().flatten()
    if not len(rows):
        return None
    bottom, height = int(rows[-1]), int(rows[-1] - rows[0]) + 1
    between = expected[bottom - max(1, height // 6) : bottom + 1, side // 2 - side // 32 : side // 2 + side // 32]
    share = float(between.mean())
    return True if share < _LEGS else False if share > _SKIRT else None
