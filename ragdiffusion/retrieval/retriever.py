"""Retrieval-based structure aggregation (3.1, 3.2): from a sight of a photo to its structure guide."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from PIL import Image

from ragdiffusion.attributes import UNKNOWN, validate
from ragdiffusion.bank import Bank, Ranking
from ragdiffusion.bank.search import Neighbours
from ragdiffusion.bank.shape_bits import bits_overlap, shape_bits
from ragdiffusion.config import KEPT_NEIGHBOURS
from ragdiffusion.retrieval.drafting import Drafting
from ragdiffusion.retrieval.guide import StructureGuide, build_guide
from ragdiffusion.retrieval.ranking import (
    LAID_WEIGHTS,
    RANKED_DEPTH,
    SYMMETRY_WEIGHT,
    WORN_WEIGHTS,
    shape_order,
)
from ragdiffusion.retrieval.sight import EMBEDDED_CONFIDENCE, Observer, Sight
from ragdiffusion.retrieval.suiting import suits_of
from ragdiffusion.structure.readers.choice import open_reader
from ragdiffusion.structure.readers.heads import sure_reading
from ragdiffusion.structure.readers.reading import AttributeReader, AttributeReading
from ragdiffusion.structure.readers.vote import VOTERS, Probabilities, VotingReader, voted_reading

_LOG = logging.getLogger(__name__)


class Retriever:
    """Finds structure guides.

    Args:
        observer: makes sights, and embeds them.
        bank: made by the same checkpoint's encoder.
        image_size: side of the guides' silhouettes, pixels.
        checkpoint: fingerprint of the weights.
        reader: who reads the attributes: a reader, or its name as in `open_reader`.
        device: torch device for a reader on this machine.

    Raises:
        ValueError: if there is no such reader, or it can't be loaded.
    """

    def __init__(
        self,
        observer: Observer,
        bank: Bank,
        *,
        image_size: int,
        checkpoint: str,
        reader: str | AttributeReader,
        device: str,
    ) -> None:
        self.bank, self._observer, self._size, self._checkpoint = bank, observer, image_size, checkpoint
        self._voting = VotingReader(self._look)
        self.reader: AttributeReader = (
            open_reader(reader, heads=self._voting, device=device) if isinstance(reader, str) else reader
        )

    def over(self, bank: Bank) -> Retriever:
        """The same retriever over another bank of the same encoder; its entries have the vote on attributes."""
        if bank is self.bank:
            return self
        other = copy(self)
        other.bank, other._voting = bank, VotingReader(other._look)
        other.reader = other._voting if self.reader is self._voting else self.reader
        return other

    def retrieve(self, sight: Sight, *, k: int, alpha: float, attributes: Mapping[str, str]) -> StructureGuide:
        """Find the structure guide of a sight.

        Args:
            sight: of the photo.
            k: candidates, from 1 to the bank's size.
            alpha: share of the reconstruction in Eq. 3, in [0, 1].
            attributes: Table 6 values that override what is read from the photo.

        Raises:
            ValueError: if k, alpha or an attribute can't be used.
        """
        given = {key: value for key, value in validate(attributes).items() if value != UNKNOWN}
        started = time.perf_counter()
        # The heads have seen the photo already; other readers look at it themselves.
        heads = self.reader is self._voting
        reading = sure_reading(sight.probabilities, started=started) if heads else self.reader.read(sight.image)
        if reading.note:
            _LOG.warning("%s", reading.note)
        query = self._query(sight, reading, given)
        encoded = time.perf_counter()
        neighbours = self._search(query, k, sight)
        if heads:  # what was found says more
            voters = self.bank.attributes(neighbours.ids[:VOTERS])
            reading = voted_reading(sight.probabilities, voters, started=started)
        searched = time.perf_counter()
        guide = build_guide(
            query,
            neighbours,
            k=k,
            alpha=alpha,
            attributes={**reading.values, **given},
            checkpoint=self._checkpoint,
            timings_ms={
                "encode": sight.seconds * 1e3 + (encoded - started) * 1e3,
                "search": (searched - encoded) * 1e3,
            },
            support=support_of(sight, neighbours),
        )
        confidence = {key: sure for key, sure in reading.confidence.items() if key not in given}
        return replace(
            guide,
            attribute_confidence=confidence,
            attribute_note=reading.note,
            drafting=self._drafting(sight, neighbours),
        )

    def _query(self, sight: Sight, reading: AttributeReading, given: Mapping[str, str]) -> torch.Tensor:
        """e of a photo, (D,): of its tokens, the attributes that are given and those that were read surely."""
        sure = {
            key: value
            for key, value in reading.values.items()
            if reading.confidence.get(key, 0.0) >= EMBEDDED_CONFIDENCE
        }
        return self._observer.embed(sight, {**sure, **given})

    def _search(self, query: torch.Tensor, k: int, sight: Sight) -> Neighbours:
        """The k entries nearest to a photo and some more, so that K can move without another search."""
        if not isinstance(k, int) or not 1 <= k <= len(self.bank):
            return self.bank.search(query, k)  # which says what is wrong
        kept = min(max(k, KEPT_NEIGHBOURS), len(self.bank))
        return self.bank.search(query, kept, size=self._size, ranking=ranking_of(sight))

    def _drafting(self, sight: Sight, neighbours: Neighbours) -> Drafting | None:
        """A pattern to be cut to the silhouette that is expected, beginning with those of the best entries."""
        if sight.expected is None:
            return None
        patterns = self.bank.patterns(neighbours.ids)
        return Drafting(sight.expected, tuple(patterns[entry] for entry in neighbours.ids if entry in patterns))

    def _look(self, image: Image.Image) -> tuple[Probabilities, list[dict[str, str]]]:
        """What the heads say of a photo, and the attributes of the entries found for it."""
        sight = self._observer.see(image)
        if not len(self.bank):
            return sight.probabilities, []
        reading = sure_reading(sight.probabilities, started=time.perf_counter())
        found = self._search(self._query(sight, reading, {}), min(VOTERS, len(self.bank)), sight)
        return sight.probabilities, self.bank.attributes(found.ids[:VOTERS])


def evidence_of(sight: Sight) -> list[tuple[torch.Tensor, float]]:
    """What is known of a garment's flat shape: masks (H, W) in [0, 1] in the canonical frame, and their weights."""
    if sight.outline is None:
        return []
    worn = sight.garment is not None and sight.garment.worn
    weights = WORN_WEIGHTS if worn else LAID_WEIGHTS
    evidence = [(sight.outline, weights.outline)]
    if sight.expected is not None:
        evidence.append((sight.expected, weights.expected))
    return [(mask, weight) for mask, weight in evidence if weight > 0]


def ranking_of(sight: Sight) -> Ranking | None:
    """The order in which what the embedding finds fits what is seen; None where no garment is."""
    evidence = evidence_of(sight)
    if not evidence:
        return None
    return Ranking(
        RANKED_DEPTH, partial(shape_order, evidence=evidence, symmetry_weight=SYMMETRY_WEIGHT), suits_of(sight)
    )


def support_of(sight: Sight, neighbours: Neighbours) -> torch.Tensor | None:
    """How well each neighbour fits what is seen of the shape: (M,) in [0, 1]; None where nothing is."""
    evidence = evidence_of(sight)
    if not evidence:
        return None
    shapes = shape_bits(neighbours.silhouettes)
    total = sum(weight for _, weight in evidence)
    overlap = sum(bits_overlap(shape_bits(mask[None])[0], shapes) * (weight / total) for mask, weight in evidence)
    return torch.from_numpy(np.asarray(overlap, np.float32))
