"""Where training pairs come from: real garments, drawn ones, rendered people who wear some, or a mixture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.datasets import garments_of
from ragdiffusion.garments.engine2d.wild import DISPLAYS
from ragdiffusion.garments.garment import RealGarment
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.real import RealPairs
from ragdiffusion.training.packed_pairs import INDEX, PackedPairs
from ragdiffusion.training.people_pairs import PeoplePairs

UNTOUCHED = 0.5  # share of real photos shown as they were taken, which is how a person brings them
HELD_OUT = 64  # real garments that no trainer draws
_SEEDS = 1 << 40
_HELD_OUT_SEEDS = 1 << 41


@dataclass(frozen=True)
class PairSource:
    """Draws pairs at one size.

    Attributes:
        real: pairs of real garments, None without a folder of them.
        held_out: real garments kept for curves and sheets.
        engine: draws garments.
        synthetic: share of drawn pairs, in [0, 1].
        without: categories (lower case) that are never drawn.
        worn: share of drawn pairs that are worn, in [0, 1]; None: as the engine mixes displays.
        people: folders of rendered people, drawn from equally often.
        held_out_people: such a folder that no training draws.
        people_share: share of all pairs that are rendered people, in [0, 1]; 0 without a folder of them.
    """

    real: RealPairs | None
    held_out: RealPairs | None
    engine: GarmentEngine
    synthetic: float
    without: frozenset[str] = frozenset()
    worn: float | None = None
    people: tuple[PeoplePairs | PackedPairs, ...] = ()
    held_out_people: PeoplePairs | PackedPairs | None = None
    people_share: float = 0.0

    def draw(self, rng: np.random.Generator) -> Pair:
        """One pair for the flow or the denoiser."""
        if self._takes_people(rng):
            return self._dressed(rng)
        if self.real is None or rng.random() < self.synthetic:
            return self._drawn(self.engine.pair, rng)
        return self.real.sample(rng)

    def _takes_people(self, rng: np.random.Generator) -> bool:
        return bool(self.people) and rng.random() < self.people_share

    def _dressed(self, rng: np.random.Generator) -> Pair:
        return self.people[int(rng.integers(len(self.people)))].sample(rng)

    def _drawn(self, make: Callable[[int, str | None], Pair], rng: np.random.Generator) -> Pair:
        while True:
            seed, display = int(rng.integers(_SEEDS)), None
            if self.worn is not None:
                display = "worn" if rng.random() < self.worn else ("laid", "hung")[int(rng.integers(2))]
            pair = make(seed, display)
            if pair.category.lower() not in self.without:
                return pair

    def draw_structures(self, rng: np.random.Generator, count: int) -> list[Pair]:
        """So many pairs of distinct structures, the flat-lay of a real one mostly in another texture."""
        people = [self._dressed(rng) for _ in range(count) if self._takes_people(rng)]
        count -= len(people)
        real = 0 if self.real is None else min(count - round(count * self.synthetic), len(self.real.garments))
        chosen = rng.choice(len(self.real.garments), real, replace=False) if real else []
        pairs = [self.real.structure_pair(rng, int(index)) for index in chosen]
        return people + pairs + [self._drawn(self.engine.structure_pair, rng) for _ in range(count - real)]

    def draw_silhouettes(self, rng: np.random.Generator, count: int) -> list[Pair]:
        """So many pairs whose flat-lay is the photo's own, as it lies."""
        pairs = []
        for _ in range(count):
            if self._takes_people(rng):
                pairs.append(self._dressed(rng))
            elif self.real is None or rng.random() < self.synthetic:
                pairs.append(self._drawn(self.engine.pair, rng))
            else:
                pairs.append(self.real.structure_pair(rng, int(rng.choice(self._as_standards_lie)), retexture=0.0))
        return pairs

    @cached_property
    def _as_standards_lie(self) -> list[int]:
        """Indices of the real garments whose own outline can stand for a standard's."""
        return [i for i, garment in enumerate(self.real.garments) if not garment.spread]

    def held_out_worn(self, count: int) -> list[Pair]:
        """Fixed pairs of rendered people that no training draws; none without a folder of them."""
        if self.held_out_people is None:
            return []
        rng = np.random.default_rng(5)
        return [self.held_out_people.sample(rng) for _ in range(count)]

    def held_out_pairs(self, count: int) -> list[Pair]:
        """Fixed pairs for the flow's and the denoiser's curves, real ones where there are any."""
        if self.held_out is None:
            return [self.engine.pair(_HELD_OUT_SEEDS + i) for i in range(count)]
        rng = np.random.default_rng(5)
        return [self.held_out.sample(rng, i % len(self.held_out.garments)) for i in range(count)]

    def held_out_structures(self, count: int) -> list[Pair]:
        """Fixed pairs of distinct structures for StructureNet's curve."""
        if self.held_out is None:
            return [self.engine.structure_pair(_HELD_OUT_SEEDS + i) for i in range(count)]
        rng = np.random.default_rng(5)
        return [
            self.held_out.structure_pair(rng, i, retexture=0.0) for i in range(min(count, len(self.held_out.garments)))
        ]

    def held_out_silhouettes(self, count: int) -> dict[str, list[Pair]]:
        """Fixed pairs for SilhouetteNet's curves: real ones where there are any, and so many drawn in each display."""
        kinds = {} if self.held_out is None else {"real": self.held_out_structures(HELD_OUT)}
        if self.held_out_people is not None:
            kinds["people"] = self.held_out_worn(HELD_OUT)
        return kinds | {
            display: [self.engine.pair(_HELD_OUT_SEEDS + i, display) for i in range(count)] for display in DISPLAYS
        }


def open_source(
    garments: Path | None,
    size: int,
    *,
    synthetic: float,
    limit: int | None = None,
    without: Sequence[str] = (),
    worn: float | None = None,
    people: Sequence[Path] = (),
    held_out_people: Path | None = None,
    people_share: float = 0.5,
) -> PairSource:
    """Open a source of pairs.

    Args:
        garments: data set or pack (whatever `garments.datasets` opens), None for drawn ones only.
        size: side of the pictures, pixels.
        synthetic: share of drawn pairs, in [0, 1].
        limit: take only so many real garments.
        without: categories to leave out, as the data set or Table 6 names them (an encoder that has never seen
            them shows what a bank update alone can do, 4.4).
        worn: share of drawn pairs that are worn, in [0, 1]; None: as the engine mixes displays.
        people: folders of rendered people with arrays (`data render people --arrays`), or of what `data pack-people`
            made of them.
        held_out_people: such a folder that is never drawn from.
        people_share: share of all pairs that are such people, in [0, 1].

    Raises:
        ValueError: if a folder can't be read, nothing is left of it, a share is out of range, or categories are left
            out beside rendered people, of whose garments not all have one.
    """
    left_out = frozenset(category.lower() for category in without)
    if not 0 <= synthetic <= 1:
        raise ValueError(f"synthetic share is {synthetic}, 0 to 1 wanted")
    if worn is not None and not 0 <= worn <= 1:
        raise ValueError(f"share of worn ones is {worn}, 0 to 1 wanted")
    if not 0 <= people_share <= 1:
        raise ValueError(f"share of people is {people_share}, 0 to 1 wanted")
    if left_out and people:
        raise ValueError("categories cannot be left out of rendered people: leave out the people, or no category")
    engine = GarmentEngine(size)
    dressed = {
        "people": tuple(_people(folder, size) for folder in people),
        "held_out_people": None if held_out_people is None else _people(held_out_people, size),
        "people_share": people_share if people else 0.0,
    }
    if garments is None:
        return PairSource(
            real=None, held_out=None, engine=engine, synthetic=1.0, without=left_out, worn=worn, **dressed
        )
    train, kept = (
        [garment for garment in part if garment.category.lower() not in left_out]
        for part in split_held_out(list(garments_of(garments, size, split="train", limit=limit)))
    )
    if not train or not kept:
        raise ValueError(f"{garments}: no garments are left without {', '.join(sorted(left_out))}")
    return PairSource(
        real=RealPairs(train, untouched=UNTOUCHED),
        held_out=RealPairs(kept),
        engine=engine,
        synthetic=synthetic,
        without=left_out,
        worn=worn,
        **dressed,
    )


def _people(folder: Path, size: int) -> PeoplePairs | PackedPairs:
    return PackedPairs(folder, size) if (folder / INDEX).is_file() else PeoplePairs(folder, size)


def split_held_out(garments: list[RealGarment]) -> tuple[list[RealGarment], list[RealGarment]]:
    """Set apart the garments that no trainer draws (an eighth of them, at most `HELD_OUT`)."""
    order = np.random.default_rng(1).permutation(len(garments))
    kept = set(order[: min(HELD_OUT, max(1, len(garments) // 8))].tolist())
    return ([g for i, g in enumerate(garments) if i not in kept], [garments[i] for i in sorted(kept)])


def autoencoder_images(garments: Path | None, size: int, *, limit: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures for the autoencoder: flat-lays and photos.

    Returns:
        images: uint8 (n, size, size, 3) to draw crops from.
        held_out: uint8 (32, size, size, 3) or fewer, never drawn.
    """
    if garments is None:
        engine = GarmentEngine(size)
        pairs = [engine.pair(seed) for seed in range(400 if limit is None else limit)]
        kept = [engine.pair(_HELD_OUT_SEEDS + i) for i in range(16)]
        return (
            np.stack([image for p in pairs for image in (p.standard, p.photo)]),
            np.stack([image for p in kept for image in (p.standard, p.photo)]),
        )
    train, kept_garments = split_held_out(list(garments_of(garments, size, split="train", limit=limit)))
    return (
        np.stack([image for g in train for image in (g.standard, g.photo, g.cloth)]),
        np.stack([g.standard for g in kept_garments[:24]] + [g.photo for g in kept_garments[:8]]),
    )
