"""What every dataset gives, whatever it is stored as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Sample:
    """A garment in the wild beside its standard flat-lay, both square with side N.

    Attributes:
        name: unique in its dataset.
        split: `train`, `test` or what the source calls it.
        category: what kind of garment, as its source names it.
        photo: uint8 (N, N, 3) RGB, the whole photo, padded to square.
        standard: uint8 (N, N, 3) RGB, the flat-lay on white, in the canonical frame.
        silhouette: uint8 (N, N), soft mask of the flat-lay.
        attributes: Table 6 values by key; unknown ones are missing.
        caption: one sentence.
        photo_mask: uint8 (N, N), soft mask of the garment in the photo; None where the source has none.
    """

    name: str
    split: str
    category: str
    photo: np.ndarray
    standard: np.ndarray
    silhouette: np.ndarray
    attributes: dict[str, str]
    caption: str
    photo_mask: np.ndarray | None


class Dataset(Protocol):
    """Samples by number; the same number is the same sample. Iterating reads them one by one."""

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """Read sample number `index`.

        Raises:
            IndexError: no such number.
            ValueError: a file of it can't be read or does not fit, named in the message.
        """
        ...

    def name(self, index: int) -> str:
        """Name of sample number `index`, without reading its pictures."""
        ...


def check_index(index: int, count: int) -> int:
    """Hold a number to [0, count).

    Raises:
        IndexError: it is outside.
    """
    if not 0 <= index < count:
        raise IndexError(f"there is no sample {index}: the dataset has {count}, numbered from 0")
    return index
