"""The garment engine as a dataset: as long as one likes, each sample a function of its number."""

from __future__ import annotations

from ragdiffusion.attributes import caption
from ragdiffusion.garments.datasets.base import Sample, check_index
from ragdiffusion.garments.engine2d.engine import GarmentEngine

ENDLESS = 1 << 40  # samples of a split: more than any training draws
_FIRST_SEED = {"train": 0, "test": 1 << 41}


class SyntheticDataset:
    """Drawn garments; the two splits share no seed.

    Args:
        size: side of the pictures, pixels.
        split: `train` or `test`.
        length: how many samples to show.

    Raises:
        ValueError: another split, a length out of range, or a size that the engine can't draw.
    """

    def __init__(self, size: int, split: str = "train", length: int = ENDLESS) -> None:
        if split not in _FIRST_SEED:
            raise ValueError(f"drawn garments have no split {split!r}: choose from {', '.join(_FIRST_SEED)}")
        if not 0 <= length <= ENDLESS:
            raise ValueError(f"a length of {length} was asked for: 0 to {ENDLESS} can be drawn")
        self.split, self._length = split, length
        self._engine = GarmentEngine(size)

    def __len__(self) -> int:
        return self._length

    def name(self, index: int) -> str:
        """`synthetic-SEED`."""
        return f"synthetic-{_FIRST_SEED[self.split] + check_index(index, self._length)}"

    def __getitem__(self, index: int) -> Sample:
        pair = self._engine.pair(_FIRST_SEED[self.split] + check_index(index, self._length))
        return Sample(
            name=pair.structure,
            split=self.split,
            category=pair.category,
            photo=pair.photo,
            standard=pair.standard,
            silhouette=pair.silhouette,
            attributes=pair.attributes,
            caption=caption(pair.attributes),
            photo_mask=pair.photo_mask,
        )
