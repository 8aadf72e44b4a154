"""One pair on its way into the library's own layout: read, checked, mended or refused, written."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragdiffusion.files import write_whole
from ragdiffusion.garments.augmentation import fit_square
from ragdiffusion.garments.datasets.duplicates import COMPARED_SIDE, picture_hash
from ragdiffusion.garments.datasets.layouts import Problem
from ragdiffusion.garments.datasets.pictures import jpeg, png, shrink
from ragdiffusion.garments.datasets.records import Reader, Record, read_mask
from ragdiffusion.garments.garment import cut_out
from ragdiffusion.garments.outlines import without_false_holes
from ragdiffusion.garments.silhouettes import find_silhouette
from ragdiffusion.images import load_photo

_QUALITY = 95
_NOTED_HOLES = 0.001  # of the garment
_WRONG_WAY_ROUND = 0.5  # share of the border above which a mask of a flat-lay is taken for inverted


@dataclass(frozen=True)
class Conversion:
    """What became of one pair.

    Attributes:
        stamp: of the source files, so that a changed one is read again.
        record: what was written; None if the pair was refused.
        problem: why it was refused.
        mended: what was wrong and could be helped.
        silhouette: `given`, `found` on plain ground, or `cut out` of the photo.
        hashes: hexadecimal, of flat-lay and photo for finding near duplicates.
        digests: hexadecimal, of the source files of flat-lay and photo.
    """

    stamp: list[list[int]]
    record: Record | None = None
    problem: Problem | None = None
    mended: tuple[Problem, ...] = ()
    silhouette: str = ""
    hashes: tuple[str, str] = ("", "")
    digests: tuple[str, str] = ("", "")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Conversion:
        """The inverse of `to_json`."""
        record, problem = content["record"], content["problem"]
        return cls(
            **{
                **content,
                "record": None if record is None else Record(**{**record, "mask_labels": tuple(record["mask_labels"])}),
                "problem": None if problem is None else Problem(**problem),
                "mended": tuple(Problem(**item) for item in content["mended"]),
                "hashes": tuple(content["hashes"]),
                "digests": tuple(content["digests"]),
            }
        )


def stamp(record: Record, source: Path) -> list[list[int]]:
    """Size and time of change of each source file, [0, 0] of a missing one."""
    found = []
    for ref in record.files():
        try:
            status = (source / ref).stat()
            found.append([status.st_size, status.st_mtime_ns])
        except OSError:
            found.append([0, 0])
    return found


def convert(record: Record, read: Reader, out: Path, *, side: int, source: Path) -> Conversion:
    """Read one pair, check it, and write its pictures.

    Args:
        record: from a listing.
        read: gives the source files.
        out: the dataset being written.
        side: longer side of the pictures written at most, pixels.
        source: the folder that the record's names start at.
    """
    seen = stamp(record, source)
    try:
        return replace(_convert(record, read, out, side), stamp=seen)
    except ValueError as error:
        file = next((ref for ref in record.files() if ref in str(error)), record.photo)
        return Conversion(seen, problem=Problem(file, str(error).removeprefix(f"{file}: ")))


def _convert(record: Record, read: Reader, out: Path, side: int) -> Conversion:
    mended: list[Problem] = []
    photo_bytes = read(record.photo)
    photo = np.asarray(load_photo(photo_bytes, name=record.photo))
    photo_mask = _photo_mask(record, read, photo, mended)
    if record.standard is None:
        if photo_mask is None:
            raise ValueError(
                f"{record.photo_mask}: {mended[-1].reason if mended else 'missing'}; without a flat-lay "
                "the garment can't be cut out"
            )
        flat_bytes, image, mask, how = read(str(record.photo_mask)), photo, photo_mask, "cut out"
    else:
        flat_bytes = read(record.standard)
        image = np.asarray(load_photo(flat_bytes, name=record.standard))
        mask = _given_silhouette(record, read, image, mended)
        how = "found" if mask is None else "given"
        mask = find_silhouette(image, record.standard) if mask is None else mask
    garment = cut_out(image, mask, COMPARED_SIDE, name=record.name, category=record.category)
    key = hashlib.sha256(record.name.encode()).hexdigest()[:20]
    place = f"{key[:2]}/{key}"
    written = replace(
        record,
        photo=f"photos/{place}.jpg",
        standard=None if record.standard is None else f"standards/{place}.jpg",
        silhouette=None if record.standard is None else f"silhouettes/{place}.png",
        photo_mask=None if photo_mask is None else f"photo_masks/{place}.png",
        mask_labels=(),
        symmetry=round(garment.symmetry, 4),
    )
    write_whole(out / written.photo, jpeg(shrink(photo, side), _QUALITY))
    if written.standard is not None and written.silhouette is not None:
        write_whole(out / written.standard, jpeg(shrink(image, side), _QUALITY))
        write_whole(out / written.silhouette, png(shrink(mask, side)))
    if written.photo_mask is not None and photo_mask is not None:
        write_whole(out / written.photo_mask, png(shrink(photo_mask, side)))
    return Conversion(
        [],
        written,
        mended=tuple(mended),
        silhouette=how,
        hashes=(_hash(image), _hash(photo)),
        digests=(hashlib.sha256(flat_bytes).hexdigest(), hashlib.sha256(photo_bytes).hexdigest()),
    )


def _given_silhouette(record: Record, read: Reader, image: np.ndarray, mended: list[Problem]) -> np.ndarray | None:
    """The mask that came with a flat-lay, false holes filled; None, and a note, where it can't be right."""
    if record.silhouette is None:
        return None
    try:
        mask = read_mask(read(record.silhouette), record.silhouette)
        if mask.shape != image.shape[:2]:
            raise ValueError(
                f"the mask is {mask.shape[1]}x{mask.shape[0]}, its flat-lay {image.shape[1]}x{image.shape[0]}"
            )
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]) > 127
        if border.mean() > _WRONG_WAY_ROUND:
            raise ValueError(f"the mask marks {border.mean():.0%} of the border as garment: it seems inverted")
    except ValueError as error:
        mended.append(Problem(record.silhouette, f"{error}; the silhouette was found from the flat-lay's ground"))
        return None
    whole = without_false_holes(mask)
    holes = float(((whole > 127) & (mask <= 127)).sum() / max((whole > 127).sum(), 1))
    if holes >= _NOTED_HOLES:
        mended.append(
            Problem(record.silhouette, f"holes that no garment has ({holes:.1%} of it: prints, labels) were filled")
        )
    return whole


def _photo_mask(record: Record, read: Reader, photo: np.ndarray, mended: list[Problem]) -> np.ndarray | None:
    """The garment's mask in the photo; None, and a note, where it can't be used."""
    if record.photo_mask is None:
        return None
    try:
        mask = read_mask(read(record.photo_mask), record.photo_mask, labels=record.mask_labels)
        if mask.shape != photo.shape[:2]:
            raise ValueError(
                f"the mask is {mask.shape[1]}x{mask.shape[0]}, its photo {photo.shape[1]}x{photo.shape[0]}"
            )
        return mask
    except ValueError as error:
        mended.append(Problem(record.photo_mask, f"{error}; the photo goes without a garment mask"))
        return None


def _hash(image: np.ndarray) -> str:
    return picture_hash(fit_square(image, COMPARED_SIDE)).tobytes().hex()
