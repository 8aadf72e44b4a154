"""The bundled reader, heads and bank together: entries found for a photo vote on what the heads read from it.

A garment's outline says much of its kind, and the bank knows the kind of every outline in it. Retrieval has found the
entries anyway, so their vote costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, cannot_have
from ragdiffusion.structure.readers.heads import sure_reading
from ragdiffusion.structure.readers.reading import AttributeReading

VOTERS = 4
"""How many of the entries found vote, the best first."""
TRUST = 0.15
"""Weight of the vote where every voter has a say; the heads have the rest. Chosen on 224 rendered garments."""

Probabilities = Mapping[str, np.ndarray]
Look = Callable[[Image.Image], tuple[Probabilities, Sequence[Mapping[str, str]]]]


class VotingReader:
    """Reads attributes by the heads' probabilities and the vote of the entries found.

    Args:
        look: photo -> what the heads give each value (`head_probabilities`), and the attributes of the entries found,
            the best first.
    """

    def __init__(self, look: Look) -> None:
        self._look = look

    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo."""
        started = time.perf_counter()
        return voted_reading(*self._look(photo), started=started)


def voted_reading(
    probabilities: Probabilities, voters: Sequence[Mapping[str, str]], *, started: float
) -> AttributeReading:
    """What heads and bank say together of a photo that both have seen.

    Args:
        probabilities: what the heads give each value, see `head_probabilities`.
        voters: attributes of the entries found, the best first.
        started: `time.perf_counter()` when reading began.
    """
    return sure_reading(mix(probabilities, voters), started=started)


def mix(heads: Probabilities, voters: Sequence[Mapping[str, str]], *, trust: float = TRUST) -> dict[str, np.ndarray]:
    """Mix the heads' probabilities with a vote.

    A voter without a value abstains, as it may have one; one that cannot have a value (the collar of a skirt) votes
    for none, so the probabilities of the values fall. An earlier voter's vote counts more: 1, 1/2, 1/3 …

    Args:
        heads: for each attribute that a head was taught, (values,) that sum to 1.
        voters: known attributes of the entries found, the best first; those after `VOTERS` are not heard.
        trust: weight of the vote if nobody abstains, in [0, 1].

    Returns:
        For the same attributes (values,), which sum to at most 1.
    """
    rank = 1 / np.arange(1, min(len(voters), VOTERS) + 1)
    mixed = {}
    for attribute in ATTRIBUTES:
        if attribute.key not in heads:
            continue
        votes, heard = np.zeros(len(attribute.values)), 0.0
        for weight, known in zip(rank, voters, strict=False):
            value = known.get(attribute.key, UNKNOWN)
            if value != UNKNOWN:
                votes[attribute.values.index(value)] += weight
            if value != UNKNOWN or cannot_have(attribute.key, known):
                heard += weight
        weight = trust * heard / rank.sum() if len(rank) else 0.0
        mixed[attribute.key] = (1 - weight) * heads[attribute.key] + weight * votes / max(heard, 1e-9)
    return mixed
