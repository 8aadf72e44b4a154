"""Pairs made once and kept as memory maps: a training that needs many draws of few pictures reads instead of making.

To read a rendered garment from its files takes 17 ms, most of it to unpack arrays; from a pack it takes a tenth of one.
What a trainer adds to a pair by chance (frames, doubt, mirror images) stays as new as ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ragdiffusion.files import write_json
from ragdiffusion.garments.pair import Pair
from ragdiffusion.parsing.labels import LABELS

INDEX = "pairs.json"
"""What a folder of packed pairs is known by."""
_FLOW_STEPS = 64  # of a pixel, in which a flow is kept
_FARTHEST = np.iinfo(np.int16)  # of these steps
_FIELDS: dict[str, tuple[type, tuple[int, ...]]] = {
    "photo": (np.uint8, (3,)),
    "standard": (np.uint8, (3,)),
    "silhouette": (np.uint8, ()),
    "photo_mask": (np.uint8, ()),
    "labels": (np.uint8, ()),
    "visible": (np.uint8, ()),
    "flow": (np.int16, (2,)),
}
_SEEN: dict[str, Callable[[int], tuple[int, ...]]] = {
    "found": lambda size: (size, size),
    "parsed": lambda size: (len(LABELS), size // 2, size // 2),
}
"""What a parser was asked about, uint8: the shapes of the arrays."""


def pack_pairs(pairs: Iterable[Pair], folder: Path, size: int) -> int:
    """Write pairs into a folder; one that was begun before is begun anew.

    Args:
        pairs: with labels, all of one size.
        folder: for `pairs.json` and a file of each field.
        size: side of the pairs, pixels.

    Returns:
        how many there were.

    Raises:
        ValueError: if a pair has another size, or no labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    files = {name: (folder / f"{name}.raw").open("wb") for name in (*_FIELDS, *_SEEN)}
    about, found = [], 0
    try:
        for pair in pairs:
            if pair.labels is None:
                raise ValueError(f"{pair.structure} has no labels, and packs are of people")
            if pair.photo.shape[:2] != (size, size):
                raise ValueError(f"{pair.structure} is of {pair.photo.shape[:2]} pixels, {size} wanted")
            kept = {
                "visible": np.rint(pair.visible * 255),
                "flow": np.clip(np.rint(pair.flow * _FLOW_STEPS), _FARTHEST.min, _FARTHEST.max),
            }
            for name, (kind, _) in _FIELDS.items():
                files[name].write(np.ascontiguousarray(kept.get(name, getattr(pair, name)), kind).tobytes())
            at = None
            if pair.found is not None and pair.parsed is not None:
                for name in _SEEN:
                    files[name].write(np.ascontiguousarray(getattr(pair, name)).tobytes())
                at, found = found, found + 1
            about.append(
                {
                    "category": pair.category,
                    "structure": pair.structure,
                    "attributes": pair.attributes,
                    "found_at": at,
                }
            )
    finally:
        for file in files.values():
            file.close()
    write_json(folder / INDEX, {"size": size, "pairs": about})
    return len(about)


class PackedPairs:
    """A folder that `pack_pairs` wrote.

    Args:
        folder: of the files.
        size: side of the pairs that are wanted, pixels.

    Raises:
        ValueError: if it is none, holds pairs of another size, or a file is too short.
    """

    def __init__(self, folder: Path, size: int) -> None:
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            self._about, found = index["pairs"], index["size"]
            self._found_at = [about.pop("found_at", None) for about in self._about]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder}: no packed pairs ({error})") from None
        if found != size:
            raise ValueError(f"{folder}: pairs of {found} pixels, {size} wanted; pack them anew with --size {size}")
        self._size = size
        try:
            self._fields = {
                name: np.memmap(folder / f"{name}.raw", kind, "r", shape=(len(self._about), size, size, *channels))
                for name, (kind, channels) in _FIELDS.items()
            }
            seen = sum(at is not None for at in self._found_at)
            self._seen = {
                name: np.memmap(folder / f"{name}.raw", np.uint8, "r", shape=(seen, *shape(size)))
                for name, shape in _SEEN.items()
                if seen
            }
        except (OSError, ValueError) as error:
            raise ValueError(f"{folder}: packed pairs are damaged ({error})") from None

    def __len__(self) -> int:
        return len(self._about)

    def pair(self, index: int) -> Pair:
        """One pair, in memory."""
        fields = {name: np.array(array[index]) for name, array in self._fields.items()}
        if (at := self._found_at[index]) is not None:
            fields |= {name: np.array(array[at]) for name, array in self._seen.items()}
        return Pair(
            **{
                **fields,
                "visible": fields["visible"].astype(np.float32) / 255,
                "flow": fields["flow"].astype(np.float32) / _FLOW_STEPS,
            },
            **self._about[index],
            chosen=True,
        )

    def sample(self, rng: np.random.Generator) -> Pair:
        """A garment drawn at random, mirrored half the time."""
        pair = self.pair(int(rng.integers(len(self))))
        return pair.mirrored() if rng.random() < 0.5 else pair
