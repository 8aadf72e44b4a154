"""Readings kept by photo, for readers that take seconds: a person asks for many guides of one photo."""

from __future__ import annotations

from collections import OrderedDict

from PIL import Image

from ragdiffusion.structure.readers.reading import AttributeReader, AttributeReading, photo_key

KEPT = 64


class RememberingReader:
    """Asks another reader once for each photo; a reading with a note (something failed) is not kept.

    Args:
        reader: that is asked.
        kept: readings that are held, the latest used.
    """

    def __init__(self, reader: AttributeReader, kept: int = KEPT) -> None:
        self._reader, self._kept = reader, kept
        self._readings: OrderedDict[str, AttributeReading] = OrderedDict()

    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo, or remember it; a remembered reading has the time of its first."""
        key = photo_key(photo)
        reading = self._readings.get(key) or self._reader.read(photo)
        if not reading.note:
            self._readings[key] = reading
            self._readings.move_to_end(key)
            while len(self._readings) > self._kept:
                self._readings.popitem(last=False)
        return reading
