"""Reading a whole set of photos: in batches where the reader can, each photo once, and the time that it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import mean, median
from typing import Any, Generic, TypeVar

from PIL import Image

from ragdiffusion.structure.readers.reading import AttributeReader, AttributeReading, photo_key
from ragdiffusion.structure.readers.store import ReadingStore

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """One photo that was read.

    Attributes:
        name: as it was given.
        reading: of it.
        kept: whether it was read before.
    """

    name: T
    reading: AttributeReading
    kept: bool


def read_photos(
    reader: AttributeReader, photos: Iterable[tuple[T, Image.Image]], *, batch_size: int, store: ReadingStore | None
) -> Iterator[Read[T]]:
    """Read photos, those of equal pixels once.

    Args:
        reader: reads so many together if it has `read_many`, else one by one.
        photos: with a name each; taken as they are needed.
        batch_size: photos that are read together, 1 or more.
        store: keeps readings; None keeps none, so that every photo is read.

    Yields:
        One for each, in order, when its batch is read and kept.

    Raises:
        ValueError: if the batch size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch size is {batch_size}, 1 or more wanted")
    left = iter(photos)
    while batch := list(islice(left, batch_size)):
        keys = [photo_key(photo) for _, photo in batch]
        known = {key: reading for key in keys if store is not None and (reading := store.get(key)) is not None}
        waiting = {key: photo for key, (_, photo) in zip(keys, batch, strict=True) if key not in known}
        fresh = dict(zip(waiting, _read_together(reader, list(waiting.values())), strict=True))
        if store is not None:
            store.add(list(fresh.items()))
        for key, (name, _) in zip(keys, batch, strict=True):
            yield Read(name, known.get(key) or fresh[key], key in known)


def _read_together(reader: AttributeReader, photos: list[Image.Image]) -> list[AttributeReading]:
    many = getattr(reader, "read_many", None)
    if many is None or not photos:
        return [reader.read(photo) for photo in photos]
    return many(photos)


def time_per_photo(readings: Iterable[AttributeReading]) -> dict[str, Any]:
    """What reading took: `photos`, `mean_s`, `median_s` and `most_s` of a photo; none of them for no readings.

    Args:
        readings: of photos that were read, not remembered.
    """
    seconds = [reading.milliseconds / 1e3 for reading in readings]
    if not seconds:
        return {"photos": 0}
    return {
        "photos": len(seconds),
        "mean_s": round(mean(seconds), 4),
        "median_s": round(median(seconds), 4),
        "most_s": round(max(seconds), 4),
    }
