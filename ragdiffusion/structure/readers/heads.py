"""What attribute heads say, and when it is sure enough to be a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading

SURE = 0.4
"""An attribute is read when its likeliest value has more than this probability."""


def taught_attributes(heads: nn.ModuleList) -> frozenset[str]:
    """Keys of the attributes whose head ever saw a label; the others are still all zeros.

    Args:
        heads: a linear one for each of Table 6's attributes.
    """
    return frozenset(
        attribute.key
        for attribute, head in zip(ATTRIBUTES, heads, strict=True)
        if any(bool(part.any()) for part in head.parameters())
    )


def head_probabilities(logits: Sequence[torch.Tensor], taught: frozenset[str]) -> dict[str, np.ndarray]:
    """What heads give each value of the attributes they were taught: key -> (values,) that sum to 1.

    Args:
        logits: of one photo, 14 x (1, number of values).
        taught: see `taught_attributes`.
    """
    joined = torch.cat(list(logits), -1)[0].double().cpu()  # one transfer for all heads
    parts = zip(ATTRIBUTES, joined.split([len(attribute.values) for attribute in ATTRIBUTES]), strict=True)
    return {attribute.key: own.softmax(-1).numpy() for attribute, own in parts if attribute.key in taught}


def sure_reading(probabilities: Mapping[str, np.ndarray], *, started: float, sure: float = SURE) -> AttributeReading:
    """The likeliest value of each attribute where it is likely enough; the rest is "Unknown".

    Args:
        probabilities: key -> probabilities of its values, (values,), which sum to at most 1.
        started: `time.perf_counter()` when reading began.
        sure: what a probability must exceed, in [0, 1).

    Raises:
        ValueError: if `sure` is out of range.
    """
    if not 0 <= sure < 1:
        raise ValueError(f"sure is {sure}, a probability from 0 to just below 1 wanted")
    values, confidence = {}, {}
    for attribute in ATTRIBUTES:
        own = probabilities.get(attribute.key)
        if own is not None and own.max() > sure:
            values[attribute.key] = attribute.values[int(own.argmax())]
            confidence[attribute.key] = min(1.0, float(own.max()))
    return complete_reading(values, confidence, reader="heads", started=started)
