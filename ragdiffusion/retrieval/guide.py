"""The structure guide: what retrieval hands to generation, and what a person may change in between."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from ragdiffusion.bank.search import Neighbours
from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.retrieval.drafting import Drafted, Drafting, landmark_of
from ragdiffusion.retrieval.slle import barycentric_weights, fuse_embedding, fuse_landmarks


@dataclass(frozen=True, eq=False)
class Candidate:
    """One neighbour with its cosine similarity, barycentric weight, overlap and silhouette (H, W)."""

    id: int
    similarity: float
    weight: float
    iou: float
    silhouette: Tensor


@dataclass(frozen=True, eq=False)
class StructureGuide:
    """Everything the second half of the model needs to know about a garment's shape.

    Made by `build_guide`; every method returns a new guide.

    Attributes:
        query: (D,) structure embedding e of the photo.
        neighbours: the M nearest entries; the first k of them are the candidates.
        k: number of candidates used.
        alpha: share of the reconstruction in Eq. 3, in [0, 1].
        weights: (K,) float64 barycentric weights of Eq. 2.
        embedding: (D,) fused embedding ê of Eq. 3.
        interpolation: (H, W) weighted mean of the candidates' silhouettes, in [0, 1].
        iou: (K,) overlap of each candidate with the interpolation.
        consensus: index of the candidate with the highest overlap.
        landmark: (H, W) float in [0, 1], the silhouette that generation obeys.
        landmark_source: "consensus", "candidate" (picked by a person), "drafted" (drawn from measures) or "edited".
        choice: index of the picked candidate, None otherwise.
        attributes: the attributes that the embedding was made with.
        checkpoint: fingerprint or name of the encoder.
        bank_version: version of the bank that was searched.
        timings_ms: milliseconds of `encode`, `search`, `slle` and `fuse`.
        attribute_confidence: by key, the probability that the reader gives each attribute read from the photo, in
            [0, 1], 0 for "Unknown"; attributes that a person gave have none.
        attribute_note: what the reader has to say, such as why another one stood in; "" if all went well.
        support: (M,) in [0, 1], how well each neighbour fits what the photo shows of the garment's shape; None where
            nothing was seen but the embedding.
        drafting: what `drafted` is cut to; None where no silhouette is expected.
        pattern: what a drafted landmark is drawn from: the drafted one, or as a person moved its measures; None for
            any other landmark.
    """

    query: Tensor
    neighbours: Neighbours
    k: int
    alpha: float
    weights: Tensor
    embedding: Tensor
    interpolation: Tensor
    iou: Tensor
    consensus: int
    landmark: Tensor
    landmark_source: str
    choice: int | None
    attributes: dict[str, str]
    checkpoint: str
    bank_version: str
    timings_ms: dict[str, float]
    attribute_confidence: dict[str, float] = field(default_factory=dict)
    attribute_note: str = ""
    support: Tensor | None = None
    drafting: Drafting | None = None
    pattern: Pattern | None = None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The k candidates, best first."""
        return tuple(
            Candidate(
                id=int(self.neighbours.ids[i]),
                similarity=float(self.neighbours.similarity[i]),
                weight=float(self.weights[i]),
                iou=float(self.iou[i]),
                silhouette=self.neighbours.silhouettes[i],
            )
            for i in range(self.k)
        )

    @property
    def drafted(self) -> Drafted | None:
        """A pattern cut to the silhouette that the garment is expected to have; a candidate that stands in no bank.

        None where none could be cut. The first look at it takes some 50 ms on a CPU.
        """
        return None if self.drafting is None else self.drafting.drafted

    @property
    def landmark_id(self) -> int | None:
        """Id of the entry whose silhouette the landmark is; None for a drafted or edited one."""
        if self.landmark_source in ("drafted", "edited"):
            return None
        return int(self.neighbours.ids[self.consensus if self.choice is None else self.choice])

    def retune(self, k: int | None = None, alpha: float | None = None) -> "StructureGuide":
        """The guide with another K or α, without another search.

        A drafted or edited landmark stays, and so does a picked candidate that is still among the first K; otherwise
        the landmark is the new consensus.

        Args:
            k: number of candidates from 1 to M; None keeps it.
            alpha: share of the reconstruction in [0, 1]; None keeps it.

        Raises:
            ValueError: if k or alpha is out of its range.
        """
        guide = build_guide(
            self.query,
            self.neighbours,
            k=self.k if k is None else k,
            alpha=self.alpha if alpha is None else alpha,
            attributes=self.attributes,
            checkpoint=self.checkpoint,
            timings_ms={step: self.timings_ms[step] for step in ("encode", "search")},
            support=self.support,
        )
        guide = replace(
            guide,
            attribute_confidence=self.attribute_confidence,
            attribute_note=self.attribute_note,
            drafting=self.drafting,
        )
        if self.landmark_source in ("drafted", "edited"):
            guide = replace(guide, landmark=self.landmark, landmark_source=self.landmark_source)
            return replace(guide, pattern=self.pattern)
        if self.choice is not None and self.choice < guide.k:
            return guide.pick(self.choice)
        return guide

    def pick(self, index: int) -> "StructureGuide":
        """The guide with one candidate's silhouette as landmark.

        Args:
            index: position among the candidates, from 0 to k - 1.

        Raises:
            ValueError: if there is no such candidate.
        """
        if isinstance(index, bool) or not isinstance(index, Integral) or not 0 <= index < self.k:
            raise ValueError(f"candidate must be a whole number from 0 to {self.k - 1} (K={self.k}), got {index!r}")
        silhouette = self.neighbours.silhouettes[index]
        return replace(self, landmark=silhouette, landmark_source="candidate", choice=int(index), pattern=None)

    def draft(self, pattern: Pattern | None = None) -> "StructureGuide":
        """The guide with a drafted silhouette as landmark.

        Args:
            pattern: what is drawn, such as the drafted one with longer sleeves (`Drafted.moved`); None: the drafted
                one as it is.

        Raises:
            ValueError: if none is given and none was drafted.
        """
        size = self.interpolation.shape[-1]
        if pattern is not None:
            landmark = landmark_of(pattern, size)
        elif self.drafted is not None:
            pattern, landmark = self.drafted.pattern, self.drafted.landmark(size)
        else:
            raise ValueError("no shape was drafted for this photo: pick a candidate, or draw one")
        landmark = landmark.to(self.interpolation)
        return replace(self, landmark=landmark, landmark_source="drafted", choice=None, pattern=pattern)

    def draft_with(self, measures: Mapping[str, float]) -> "StructureGuide":
        """The guide with the drafted silhouette as landmark, some of its measures as a person wants them.

        Args:
            measures: by key, as `Drafted.moved` takes them; none: the drafted one as it is.

        Raises:
            ValueError: if none was drafted, or a measure cannot be had.
        """
        if self.drafted is None or not measures:
            return self.draft()
        return self.draft(self.drafted.moved(measures))

    def edit(self, mask: Tensor) -> "StructureGuide":
        """The guide with a hand-drawn landmark.

        Args:
            mask: (H, W) in [0, 1] of the guide's own size; above 0.5 is garment.

        Raises:
            ValueError: if the mask is of another rank or size, not finite, outside [0, 1] or empty.
        """
        mask = torch.as_tensor(mask)
        size = self.interpolation.shape
        if mask.ndim != 2:
            raise ValueError(f"landmark must have shape (H, W), got {tuple(mask.shape)}: give one mask of one channel")
        if mask.shape != size:
            raise ValueError(
                f"landmark is {mask.shape[0]} x {mask.shape[1]} pixels (height x width), "
                f"the guide is {size[0]} x {size[1]}: resize the mask"
            )
        mask = mask.detach().to(self.interpolation, copy=True)
        if not bool(mask.isfinite().all()):
            raise ValueError("landmark holds NaN or infinite values: give a mask in [0, 1]")
        if float(mask.min()) < 0.0 or float(mask.max()) > 1.0:
            raise ValueError(f"landmark must lie in [0, 1], got values from {mask.min():g} to {mask.max():g}")
        if not bool((mask > 0.5).any()):
            raise ValueError("landmark is empty: no pixel is above 0.5, draw the garment's shape")
        return replace(self, landmark=mask, landmark_source="edited", choice=None, pattern=None)

    def reset(self) -> "StructureGuide":
        """The guide with the consensus as landmark again."""
        return replace(
            self,
            landmark=self.neighbours.silhouettes[self.consensus],
            landmark_source="consensus",
            choice=None,
            pattern=None,
        )

    def summary(self) -> dict[str, Any]:
        """What `retrieve --json` prints: plain numbers and strings only."""
        return {
            "candidates": [
                {"id": c.id, "similarity": c.similarity, "weight": c.weight, "iou": c.iou} for c in self.candidates
            ],
            "consensus": self.consensus,
            "alpha": self.alpha,
            "k": self.k,
            "timings_ms": dict(self.timings_ms),
            "checkpoint": self.checkpoint,
            "bank_version": self.bank_version,
        }


def build_guide(
    query: Tensor,
    neighbours: Neighbours,
    *,
    k: int,
    alpha: float,
    attributes: Mapping[str, str],
    checkpoint: str,
    timings_ms: Mapping[str, float],
    support: Tensor | None = None,
) -> StructureGuide:
    """Aggregate the K nearest entries into a structure guide (Sec. 3.2, 9.3).

    Args:
        query: (D,) structure embedding e of the photo, any device; the guide lives where the neighbours are.
        neighbours: the M nearest entries of the bank, M >= k.
        k: number of candidates to use, from 1 to M.
        alpha: share of the reconstruction in Eq. 3, in [0, 1].
        attributes: the attributes that the embedding was made with.
        checkpoint: fingerprint or name of the encoder.
        timings_ms: milliseconds already spent in `encode` and `search`; `slle` and `fuse` are measured here.
        support: (M,) in [0, 1], how well each neighbour fits what the photo shows of the shape; None: unknown.

    Returns:
        A guide whose landmark is the consensus.

    Raises:
        ValueError: if k, alpha, the query's shape or the timings are not as described.
    """
    count = len(neighbours.ids)
    if isinstance(k, bool) or not isinstance(k, Integral) or not 1 <= k <= count:
        raise ValueError(
            f"K must be a whole number from 1 to {count} (the neighbours retrieved), got {k!r}: "
            "choose K in that range, or retrieve more neighbours"
        )
    if query.shape != neighbours.embeddings.shape[1:]:
        raise ValueError(
            f"query must have shape (D,) = {tuple(neighbours.embeddings.shape[1:])}, got "
            f"{tuple(query.shape)}: the bank was made by another encoder"
        )
    if set(timings_ms) != {"encode", "search"} or not all(isfinite(ms) for ms in timings_ms.values()):
        raise ValueError(f"timings_ms must hold finite milliseconds of encode and search, got {dict(timings_ms)}")
    k = int(k)
    query = query.detach().to(neighbours.embeddings)
    basis = neighbours.embeddings[:k]

    started = time.perf_counter()
    weights = barycentric_weights(query.double()[None], basis[None])  # (1, K)
    embedding = fuse_embedding(query[None], basis[None], weights, alpha)[0]
    aggregated = time.perf_counter()
    fusion = fuse_landmarks(neighbours.silhouettes[:k], weights[0], None if support is None else support[:k])
    fused = time.perf_counter()

    return StructureGuide(
        query=query,
        neighbours=neighbours,
        k=k,
        alpha=float(alpha),
        weights=weights[0],
        embedding=embedding,
        interpolation=fusion.interpolation,
        iou=fusion.iou,
        consensus=fusion.consensus,
        landmark=neighbours.silhouettes[fusion.consensus],
        landmark_source="consensus",
        choice=None,
        attributes=dict(attributes),
        checkpoint=checkpoint,
        bank_version=neighbours.bank_version,
        timings_ms={
            "encode": float(timings_ms["encode"]),
            "search": float(timings_ms["search"]),
            "slle": 1e3 * (aggregated - started),
            "fuse": 1e3 * (fused - aggregated),
        },
        support=support,
    )
