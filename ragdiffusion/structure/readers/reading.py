"""What every attribute reader returns, and the one method it has."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, validate

PHOTO_SIDE = 768
"""Longest side of a photo as a vision-language model gets it, pixels; the paper's size."""


@dataclass(frozen=True)
class AttributeReading:
    """The 14 attributes of Table 6 as read from one photo.

    Args:
        values: all 14 by key; what could not be read is "Unknown".
        confidence: for all 14, the probability that the reader gives its value, in [0, 1]; 0 for "Unknown", 1 for a
            value that was said without a probability.
        reader: who read it, such as "heads".
        milliseconds: that it took.
        note: what a person should know, such as why another reader stood in; "" if all went well.

    Raises:
        ValueError: if an attribute or a confidence is missing or out of range.
    """

    values: dict[str, str]
    confidence: dict[str, float]
    reader: str
    milliseconds: float
    note: str = ""

    def __post_init__(self) -> None:
        keys = [attribute.key for attribute in ATTRIBUTES]
        if validate(self.values) != self.values:
            raise ValueError(f"a reading holds all {len(keys)} attributes in Table 6's spelling, got {self.values}")
        wrong = {key: share for key, share in self.confidence.items() if not isfinite(share) or not 0 <= share <= 1}
        if sorted(self.confidence) != sorted(keys) or wrong:
            raise ValueError(f"a confidence in [0, 1] is wanted for each of {', '.join(keys)}; got {self.confidence}")


class AttributeReader(Protocol):
    """Reads the attributes of one garment."""

    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo (RGB, any size)."""
        ...


class ManyReader(AttributeReader, Protocol):
    """Reads several photos together, which a large model does faster than one by one."""

    def read_many(self, photos: Sequence[Image.Image]) -> list[AttributeReading]:
        """Read photos (RGB, any sizes); each gets its share of the time."""
        ...


class ReadingFailed(RuntimeError):  # noqa: N818 - names what happened
    """A reader got no usable answer; the message is one line for a person."""


def complete_reading(
    values: Mapping[str, str], confidence: Mapping[str, float], *, reader: str, started: float, note: str = ""
) -> AttributeReading:
    """Make a reading of what was read; the rest is "Unknown".

    Args:
        values: by key, in Table 6's spelling.
        confidence: for those of `values` that are known.
        reader: its name.
        started: `time.perf_counter()` when reading began.
        note: as in `AttributeReading`.
    """
    full = validate(values)
    probabilities = {key: 0.0 if value == UNKNOWN else float(confidence[key]) for key, value in full.items()}
    return AttributeReading(full, probabilities, reader, (time.perf_counter() - started) * 1e3, note)


def reduced(photo: Image.Image) -> Image.Image:
    """A photo as it is shown to a vision-language model: RGB, at most `PHOTO_SIDE` pixels on a side."""
    small = photo.convert("RGB")
    small.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    return small


def photo_key(photo: Image.Image) -> str:
    """What a photo's readings are kept under, 32 hexadecimal letters: the same for the same pixels in any file."""
    pixels = photo.convert("RGB")
    return hashlib.blake2b(repr(pixels.size).encode() + pixels.tobytes(), digest_size=16).hexdigest()
