"""A dataset of files: what is known of each pair, and how its pictures are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ragdiffusion.attributes import UNKNOWN, caption, validate
from ragdiffusion.decoding import decode
from ragdiffusion.garments.augmentation import fit_square
from ragdiffusion.garments.datasets.base import Sample, check_index
from ragdiffusion.garments.garment import RealGarment, cut_out
from ragdiffusion.garments.silhouettes import find_silhouette
from ragdiffusion.images import load_mask, load_photo

Reader = Callable[[str], bytes]
"""Gives the bytes of a file by its name in the dataset; ValueError where there is none."""


@dataclass(frozen=True)
class Record:
    """One pair, its pictures by name.

    Attributes:
        name: unique in its dataset.
        split: `train`, `test` or what the source calls it.
        category: what kind of garment, as the source names it.
        photo: the garment in the wild.
        standard: its flat-lay; None where the flat-lay is cut out of the photo by `photo_mask`.
        silhouette: mask of the flat-lay; None where it is found from the plain background.
        photo_mask: mask of the garment in the photo.
        mask_labels: where `photo_mask` is a map of labels, those that are the garment.
        attributes: Table 6 values by key, as the source tells them; unknown ones are missing.
        read: those that a reader saw in the photo; what the source tells comes before them.
        caption: one sentence; "" makes one from the attributes.
        symmetry: IoU of the silhouette with its mirror image, None where it was not measured.
    """

    name: str
    split: str
    category: str
    photo: str
    standard: str | None = None
    silhouette: str | None = None
    photo_mask: str | None = None
    mask_labels: tuple[int, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    caption: str = ""
    symmetry: float | None = None

    def files(self) -> list[str]:
        """The names of its pictures."""
        return [ref for ref in (self.photo, self.standard, self.silhouette, self.photo_mask) if ref is not None]

    @property
    def known(self) -> dict[str, str]:
        """Table 6 values by key, whoever tells them.

        Raises:
            ValueError: an attribute or a value that the table does not have.
        """
        return known_attributes(self.read) | known_attributes(self.attributes)

    def to_json(self) -> str:
        """One line of JSON, without what is not set."""
        kept = {key: value for key, value in asdict(self).items() if value not in (None, "", (), {})}
        return json.dumps(kept, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str, place: str) -> Record:
        """Read what `to_json` wrote.

        Args:
            line: one line.
            place: what to call it in messages.

        Raises:
            ValueError: not JSON, an unknown or missing key.
        """
        try:
            content = json.loads(line)
            unknown = set(content) - {f.name for f in fields(cls)}
            if unknown:
                raise ValueError(f"{place}: unknown keys {sorted(unknown)}; it was written by another version")
            record = cls(**{**content, "mask_labels": tuple(content.get("mask_labels", ()))})
            wrong = next((name for name, fits in _FIELDS.items() if not fits(getattr(record, name))), None)
            if wrong is not None:
                raise TypeError(f"{wrong} is {str(getattr(record, wrong))[:60]!r}")
        except (TypeError, AttributeError, RecursionError, json.JSONDecodeError) as error:
            raise ValueError(f"{place}: not a line of an index ({error}); write the dataset again") from error
        outside = [ref for ref in record.files() if PurePosixPath(ref).is_absolute() or ".." in ref.split("/")]
        if outside:
            raise ValueError(f"{place}: {outside[0]} lies outside the dataset; write the dataset again")
        return record


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


_FIELDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("name", "split", "category", "photo", "caption"), _is_text),
    **dict.fromkeys(("standard", "silhouette", "photo_mask"), _is_text_or_none),
    "mask_labels": lambda value: all(isinstance(label, int) for label in value),
    **dict.fromkeys(
        ("attributes", "read"),
        lambda value: isinstance(value, dict) and all(map(_is_text, [*value, *value.values()])),
    ),
    "symmetry": lambda value: value is None or isinstance(value, int | float),
}


def folder_reader(root: Path) -> Reader:
    """A reader of the files under a folder."""

    def read(name: str) -> bytes:
        try:
            return (root / name).read_bytes()
        except OSError as error:
            raise ValueError(f"{name} can't be read ({error.strerror}) in {root}") from error

    return read


class RecordDataset:
    """Pairs from files, in memory one at a time.

    Args:
        records: what there is.
        read: gives the bytes of a picture by name.
        size: side N of the pictures given out, pixels.
    """

    def __init__(self, records: Sequence[Record], read: Reader, size: int) -> None:
        self.records, self.size, self._read = list(records), size, read

    def __len__(self) -> int:
        return len(self.records)

    def name(self, index: int) -> str:
        """Name of sample number `index`."""
        return self.records[check_index(index, len(self))].name

    def read(self, name: str) -> bytes:
        """The bytes of one of the dataset's files.

        Raises:
            ValueError: there is none of that name.
        """
        return self._read(name)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[check_index(index, len(self))]
        photo = np.asarray(load_photo(self._read(record.photo), name=record.photo))
        mask = self._photo_mask(record, photo)
        garment = self._garment(record, photo, mask)
        known = record.known
        return Sample(
            name=record.name,
            split=record.split,
            category=record.category,
            attributes=known,
            caption=record.caption or caption(known),
            photo=fit_square(photo, self.size),
            standard=garment.standard,
            silhouette=garment.alpha,
            photo_mask=None if mask is None else fit_square(mask, self.size, ground=0),
        )

    def garment(self, index: int) -> RealGarment:
        """Read a pair as a garment whose dense map is known exactly: the flat-lay and the picture it was cut from.

        That picture is the photo where the flat-lay was cut out of it, else the flat-lay's own; a photo of
        someone wearing the garment has no such map.

        Raises:
            IndexError, ValueError: as `__getitem__`.
        """
        record = self.records[check_index(index, len(self))]
        if record.standard is not None:
            return self._garment(record, None, None)
        photo = np.asarray(load_photo(self._read(record.photo), name=record.photo))
        return self._garment(record, photo, self._photo_mask(record, photo))

    def _garment(self, record: Record, photo: np.ndarray | None, photo_mask: np.ndarray | None) -> RealGarment:
        image, mask, label = photo, photo_mask, record.photo
        if record.standard is not None:
            label = record.standard
            image = np.asarray(load_photo(self._read(label), name=label))
            mask = (
                find_silhouette(image, label)
                if record.silhouette is None
                else read_mask(self._read(record.silhouette), record.silhouette)
            )
        if mask is None:
            raise ValueError(f"{label}: there is neither a flat-lay nor a garment mask; one of them is needed")
        garment = cut_out(image, mask, self.size, name=label, category=record.category, symmetry=record.symmetry)
        return replace(garment, name=record.name, attributes=record.known)

    def _photo_mask(self, record: Record, photo: np.ndarray) -> np.ndarray | None:
        if record.photo_mask is None:
            return None
        mask = read_mask(self._read(record.photo_mask), record.photo_mask, labels=record.mask_labels)
        if mask.shape != photo.shape[:2]:
            raise ValueError(
                f"{record.photo_mask}: the mask is {mask.shape[1]}x{mask.shape[0]}, its photo "
                f"{photo.shape[1]}x{photo.shape[0]}; both must be of one size"
            )
        return mask


def read_mask(content: bytes, label: str, *, labels: tuple[int, ...] = ()) -> np.ndarray:
    """Decode a mask.

    Args:
        content: the file.
        label: what to call it in messages.
        labels: where it is a map of labels, those that are the garment.

    Returns:
        uint8 (H, W), 255 is garment.

    Raises:
        ValueError: not a picture, or nearly nothing or everything is garment.
    """
    if labels:
        picture = decode(content, label)
        if picture.mode not in ("P", "L"):
            raise ValueError(f"{label} is a {picture.mode} picture: a map of labels is grey or has a palette")
        return np.rint(load_mask(np.isin(np.asarray(picture), labels), name=label) * 255).astype(np.uint8)
    return np.rint(load_mask(content, name=label) * 255).astype(np.uint8)


def known_attributes(attributes: dict[str, str]) -> dict[str, str]:
    """Check attributes against Table 6 and leave out what is unknown.

    Raises:
        ValueError: an attribute or a value that the table does not have.
    """
    return {key: value for key, value in validate(attributes).items() if value != UNKNOWN}
