"""Where a bank's flat-lays come from: real garments and shapes between them, pictures of a folder.

A source is a list of candidates. A candidate says what it will be and makes it only when it is chosen, so that a
list of tens of thousands costs nothing. What stands first in a list is chosen first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.attributes import EMBEDDED, GARMENT_KINDS, known_of, validate
from ragdiffusion.bank.building.shapes import Lay, between, refit, stretched
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.cutouts import cloth_of
from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.garments.garment import on_white, read_garment
from ragdiffusion.garments.outlines import garments_apart, repaired, symmetrise
from ragdiffusion.garments.silhouettes import find_silhouette
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import SILHOUETTE_SIZE, load_photo_and_alpha, mask_to_tensor, pad_to_square
from ragdiffusion.picture_files import name_left_out, pictures_in

STANDARD_SYMMETRY = 0.9  # below it a garment lies too crookedly to stand for a standard
PICTURE_SIZE = 256  # side of a candidate's picture: StructureNet's towers see no more
VARIANTS = 6  # stretched shapes and shapes between two garments, for each real garment
_NEIGHBOURS = 12  # garments of like proportions that shapes are mixed with
_LEAST_AREA, _MOST_AREA = 0.005, 0.98  # of a picture that a mask may cover
_CACHED = 128  # real garments kept while their variants are made
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FlatLay:
    """A flat-lay about to enter a bank.

    Attributes:
        image: uint8 (P, P, 3) RGB on white, canonical frame.
        silhouette: uint8 (N, N), antialiased, of the same frame.
        attributes: Table 6 values that are known.
        source: where it comes from, `collection:name`; a variant adds `+` and how it differs.
        tags: free words; the first is the category.
        pattern: what the silhouette was drawn from, if it was.
    """

    image: np.ndarray
    silhouette: np.ndarray
    attributes: dict[str, str]
    source: str
    tags: tuple[str, ...]
    pattern: PatternSpec | None = None


@dataclass(frozen=True)
class EntrySource:
    """A flat-lay that may be chosen for a bank.

    Attributes:
        category: what it is balanced by.
        garment: whose shape it is; shapes of one garment do not vouch for each other.
        make: makes the flat-lay.
    """

    category: str
    garment: str
    make: Callable[[], FlatLay]


def real_candidates(root: Path, split: str = "train", *, variants: int = VARIANTS, seed: int = 0) -> list[EntrySource]:
    """The standard-like garments of a folder of real ones, made symmetric, as they lie, mirrored and varied.

    Variants are stretched, or lie between the garment and another of its category and of like proportions, in its
    own cloth.

    Args:
        root: holds `SPLIT.csv` beside `SPLIT/CATEGORY/ID.jpg` and `.png`.
        split: never the one that measures.
        variants: for each garment.
        seed: of the variants.

    Raises:
        ValueError: if the list of the split is missing.
    """
    table = Path(root) / f"{split}.csv"
    if not table.is_file():
        raise ValueError(f"{table}: not found; give a folder with {split}.csv in it")
    rows = [row for row in read_rows(table) if float(row["symmetry"]) >= STANDARD_SYMMETRY]
    rng, read = np.random.default_rng(seed), partial(_read_lay, Path(root) / split)  # a cluster is sent it
    symmetric = [_candidate(row, partial(_symmetric, read, row)) for row in rows]
    laid = [_candidate(row, partial(_laid, read, row, mirrored)) for row in rows for mirrored in (False, True)]
    varied = []
    for row, partners in zip(rows, _partners(rows), strict=True):
        for number in range(variants):
            if number % 2 == 0 or not partners:
                make = partial(_stretched, read, row, number, float(np.exp(rng.normal() * 0.1)))
            else:
                other = rows[partners[int(rng.integers(len(partners)))]]
                make = partial(_towards, read, row, other, float(rng.uniform(0.3, 0.7)), bool(rng.random() < 0.5))
            varied.append(_candidate(row, make))
    return symmetric + [laid[i] for i in rng.permutation(len(laid))] + [varied[i] for i in rng.permutation(len(varied))]


def folder_candidates(root: Path) -> list[EntrySource]:
    """The flat-lay pictures of a folder and its subfolders, whose names are their categories.

    A picture's silhouette is its alpha channel, or else what stands out from the plain ground of its border.

    Raises:
        ValueError: if there is no such folder, or no picture in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder; give one with pictures of flat-lays")
    found = pictures_in(root, recursive=True)
    if found.left_out:
        _LOG.warning("%s: %s", root, name_left_out(found.left_out, root))
    if not found.pictures:
        raise ValueError(f"{root}: no picture in it; wanted {', '.join(SUFFIXES)}")
    files = found.pictures
    return [
        EntrySource(
            _folder_category(path, root),
            f"{root.name}:{path.relative_to(root).with_suffix('').as_posix()}",
            partial(_pictured, path, root),
        )
        for path in files
    ]


def _candidate(row: dict[str, str], make: Callable[[], FlatLay]) -> EntrySource:
    return EntrySource(row["category"], f"real:{row['id']}", make)


@lru_cache(maxsize=_CACHED)
def _read_lay(folder: Path, category: str, name: str, symmetry: str) -> Lay:
    stem = folder / category / name
    garment = read_garment(
        stem.with_suffix(".jpg"), stem.with_suffix(".png"), PICTURE_SIZE, category=category, symmetry=float(symmetry)
    )
    wide = cv2.resize(garment.alpha, (SILHOUETTE_SIZE, SILHOUETTE_SIZE), interpolation=cv2.INTER_CUBIC)
    # Without its hook a garment on a hanger is smaller than its box said.
    return refit(Lay(garment.cloth, repaired(wide)))


def _partners(rows: list[dict[str, str]]) -> Iterator[list[int]]:
    """For each garment, those of its category nearest to it in proportions."""
    shape = np.array([float(row["box_w"]) / float(row["box_h"]) for row in rows])
    category = np.array([row["category"] for row in rows])
    for i in range(len(rows)):
        others = np.nonzero((category == category[i]) & (np.arange(len(rows)) != i))[0]
        yield others[np.argsort(np.abs(np.log(shape[others] / shape[i])), kind="stable")][:_NEIGHBOURS].tolist()


def _read(read: Callable[[str, str, str], Lay], row: dict[str, str]) -> Lay:
    return read(row["category"], row["id"], row["symmetry"])


def _symmetric(read: Callable, row: dict[str, str]) -> FlatLay:
    lay = _read(read, row)
    return _entry(Lay(lay.cloth, symmetrise(lay.alpha)), row, "", "symmetric")


def _laid(read: Callable, row: dict[str, str], mirrored: bool) -> FlatLay:
    lay = _read(read, row)
    return _entry(lay.mirrored(), row, "+mirrored", "mirrored") if mirrored else _entry(lay, row, "+laid", "as laid")


def _stretched(read: Callable, row: dict[str, str], number: int, stretch: float) -> FlatLay:
    lay = _read(read, row)
    return _entry(stretched(lay.mirrored() if number % 4 else lay, stretch), row, f"+stretched{number}", "stretched")


def _towards(read: Callable, row: dict[str, str], other: dict[str, str], share: float, mirrored: bool) -> FlatLay:
    target = _read(read, other)
    mixed = between(_read(read, row), target.mirrored() if mirrored else target, share)
    mirrored_alpha = mixed.alpha[:, ::-1] > 127
    overlap = (mirrored_alpha & (mixed.alpha > 127)).sum() / (mirrored_alpha | (mixed.alpha > 127)).sum()
    if overlap < STANDARD_SYMMETRY:  # one side went further than the other
        mixed = Lay(mixed.cloth, symmetrise(mixed.alpha))
    return _entry(mixed, row, f"+towards-{other['id']}-{share:.3f}", "between")


def _entry(lay: Lay, row: dict[str, str], variant: str, tag: str) -> FlatLay:
    return FlatLay(
        image=picture_of(lay),
        silhouette=lay.alpha,
        attributes=known_of(row["category"]),
        source=f"real:{row['id']}{variant}",
        tags=(row["category"], tag),
    )


def _folder_category(path: Path, root: Path) -> str:
    return "flat-lay" if path.parent == root else path.parent.name


def lay_of_picture(photo: Image.Image, label: str, *, mask: np.ndarray | None = None) -> Lay:
    """The garment of a flat-lay picture in the canonical frame, its silhouette mended.

    Args:
        photo: RGB, upright.
        label: what to call it in messages.
        mask: where the garment is, float (H, W) in [0, 1] of the photo's own size; None: what stands out from the
            plain ground of the picture's border.

    Raises:
        ValueError: if no garment stands out or several lie apart, or the mask is of another size, (nearly) empty or
            (nearly) full.
    """
    if mask is not None:
        _check_mask(mask, photo, label)
    picture = pad_to_square(photo)
    side = min(picture.width, 2 * SILHOUETTE_SIZE)
    pixels = np.asarray(picture.resize((side, side)))
    if mask is None:
        alpha = find_silhouette(pixels, label)
    else:
        alpha = np.rint(mask_to_tensor(mask, side)[0].numpy() * 255).astype(np.uint8)
    if (apart := garments_apart(alpha)) > 1:
        raise ValueError(f"{label}: it shows {apart} garments apart, one wanted: cut a picture of each")
    mended = repaired(alpha)
    if not (mended > 127).any():
        raise ValueError(f"{label}: nothing of the garment is left when specks are removed: give another mask")
    return refit(Lay(pixels, mended), cloth_size=PICTURE_SIZE, alpha_size=SILHOUETTE_SIZE)


def _check_mask(mask: np.ndarray, photo: Image.Image, label: str) -> None:
    if mask.shape != (photo.height, photo.width):
        raise ValueError(
            f"{label}: the mask is {mask.shape[1]}x{mask.shape[0]}, and the picture {photo.width}x{photo.height}: "
            "they must be of one size"
        )
    share = float((mask > 0.5).mean())
    if not _LEAST_AREA <= share <= _MOST_AREA:
        raise ValueError(
            f"{label}: the mask covers {share:.1%} of the picture, {_LEAST_AREA:.0%} to {_MOST_AREA:.0%} wanted: it is "
            "empty, marks the ground, or is all of the picture"
        )


def _pictured(path: Path, root: Path) -> FlatLay:
    photo, opacity = load_photo_and_alpha(path)
    lay = lay_of_picture(photo, str(path), mask=None if opacity is None else cloth_of(opacity))
    category = _folder_category(path, root)
    name = path.relative_to(root).with_suffix("").as_posix()
    return FlatLay(
        image=picture_of(lay),
        silhouette=lay.alpha,
        attributes=named_attributes(category),
        source=f"{root.name}:{name}",
        tags=(category,),
    )


def picture_of(lay: Lay) -> np.ndarray:
    """A garment on white as a bank's encoder sees it: uint8 (P, P, 3)."""
    small = cv2.resize(lay.alpha, lay.cloth.shape[1::-1], interpolation=cv2.INTER_AREA)
    return on_white(lay.cloth, small)


def named_attributes(category: str) -> dict[str, str]:
    """What a folder's name says, if it is one of Table 6's categories or of the real garments'."""
    if category in GARMENT_KINDS:
        return known_of(category)
    values = next(attribute.values for attribute in EMBEDDED if attribute.key == "category")
    if category.lower() in (value.lower() for value in values):
        return {"category": validate({"category": category})["category"]}
    return {}
