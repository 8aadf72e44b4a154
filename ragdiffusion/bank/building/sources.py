"""Where a bank's flat-lays come from: real garments and shapes between them, pictures of a folder.

A source is a list of candidates. A candidate says what it will be and makes it only when it is chosen, so that a
list of tens of thousands costs nothing. What stands first in a list is chosen first.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.attributes import EMBEDDED, validate
from ragdiffusion.bank.building.shapes import Lay, between, refit, stretched
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.garment import CATEGORY_ATTRIBUTES, on_white, read_garment
from ragdiffusion.garments.outlines import repaired, symmetrise
from ragdiffusion.images import SILHOUETTE_SIZE, load_mask, load_photo, pad_to_square

STANDARD_SYMMETRY = 0.9  # below it a garment lies too crookedly to stand for a standard
PICTURE_SIZE = 256  # side of a candidate's picture: StructureNet's towers see no more
VARIANTS = 6  # stretched shapes and shapes between two garments, for each real garment
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_NEIGHBOURS = 12  # garments of like proportions that shapes are mixed with
_CACHED = 128  # real garments kept while their variants are made
_GROUND_DISTANCE = 12  # of 255: how far a garment's colour must be from the ground's


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
class Candidate:
    """A flat-lay that may be chosen for a bank.

    Attributes:
        category: what it is balanced by.
        garment: whose shape it is; shapes of one garment do not vouch for each other.
        make: makes the flat-lay.
    """

    category: str
    garment: str
    make: Callable[[], FlatLay]


def real_candidates(root: Path, split: str = "train", *, variants: int = VARIANTS, seed: int = 0) -> list[Candidate]:
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
    with table.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if float(row["symmetry"]) >= STANDARD_SYMMETRY]
    rng, read = np.random.default_rng(seed), _reader(Path(root) / split)
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


def folder_candidates(root: Path) -> list[Candidate]:
    """The flat-lay pictures of a folder and its subfolders, whose names are their categories.

    A picture's silhouette is its alpha channel, or else what stands out from the plain ground of its border.

    Raises:
        ValueError: if there is no such folder, or no picture in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder; give one with pictures of flat-lays")
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in _PICTURES)
    if not files:
        raise ValueError(f"{root}: no picture in it; wanted {', '.join(sorted(_PICTURES))}")
    return [Candidate(_folder_category(path, root), f"{root.name}:{path.relative_to(root).with_suffix('').as_posix()}",
                      partial(_pictured, path, root)) for path in files]


def find_silhouette(image: np.ndarray) -> np.ndarray:
    """The garment of a picture on plain ground: what differs from the border's colour, repaired.

    Args:
        image: uint8 (N, N, 3) RGB.

    Returns:
        uint8 (N, N), 255 on the garment.

    Raises:
        ValueError: if nothing stands out, or nearly everything does.
    """
    border = np.concatenate([image[:2].reshape(-1, 3), image[-2:].reshape(-1, 3), image[:, :2].reshape(-1, 3),
                             image[:, -2:].reshape(-1, 3)])
    away = np.abs(image.astype(np.int16) - np.median(border, axis=0).astype(np.int16)).max(-1)
    apart = cv2.morphologyEx((away > _GROUND_DISTANCE).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(apart, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(image.shape[:2], np.uint8)
    if contours:
        cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 255, cv2.FILLED)
    filled = repaired(np.where(apart > 0, filled, 0).astype(np.uint8))  # which knows holes from white prints
    share = float((filled > 0).mean())
    if not 0.02 < share < 0.95:
        raise ValueError(f"the garment covers {share:.0%} of the picture, 2 % to 95 % wanted: show it whole on plain "
                         "ground of another colour, or cut it out with an alpha channel")
    return filled


def _candidate(row: dict[str, str], make: Callable[[], FlatLay]) -> Candidate:
    return Candidate(row["category"], f"real:{row['id']}", make)


def _reader(folder: Path) -> Callable[[str, str, str], Lay]:
    @lru_cache(maxsize=_CACHED)
    def read(category: str, name: str, symmetry: str) -> Lay:
        stem = folder / category / name
        garment = read_garment(stem.with_suffix(".jpg"), stem.with_suffix(".png"), PICTURE_SIZE, category=category,
                               symmetry=float(symmetry))
        wide = cv2.resize(garment.alpha, (SILHOUETTE_SIZE, SILHOUETTE_SIZE), interpolation=cv2.INTER_CUBIC)
        # Without its hook a garment on a hanger is smaller than its box said.
        return refit(Lay(garment.cloth, repaired(wide)))

    return read


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
    small = cv2.resize(lay.alpha, lay.cloth.shape[1::-1], interpolation=cv2.INTER_AREA)
    return FlatLay(image=on_white(lay.cloth, small), silhouette=lay.alpha,
                   attributes=CATEGORY_ATTRIBUTES.get(row["category"], {}), source=f"real:{row['id']}{variant}",
                   tags=(row["category"], tag))


def _folder_category(path: Path, root: Path) -> str:
    return "flat-lay" if path.parent == root else path.parent.name


def _pictured(path: Path, root: Path) -> FlatLay:
    picture = pad_to_square(load_photo(path))
    side = min(picture.width, 2 * SILHOUETTE_SIZE)
    pixels = np.asarray(picture.resize((side, side)))
    with Image.open(path) as file:
        cut_out = file.has_transparency_data
    try:
        alpha = repaired(_alpha_channel(path, side)) if cut_out else find_silhouette(pixels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    lay = refit(Lay(pixels, alpha), cloth_size=PICTURE_SIZE, alpha_size=SILHOUETTE_SIZE)
    category = _folder_category(path, root)
    name = path.relative_to(root).with_suffix("").as_posix()
    small = cv2.resize(lay.alpha, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_AREA)
    return FlatLay(image=on_white(lay.cloth, small), silhouette=lay.alpha, attributes=_named_attributes(category),
                   source=f"{root.name}:{name}", tags=(category,))


def _alpha_channel(path: Path, side: int) -> np.ndarray:
    mask = Image.fromarray(np.rint(load_mask(path) * 255).astype(np.uint8)).convert("RGB")
    return np.asarray(pad_to_square(mask).resize((side, side)))[..., 0]


def _named_attributes(category: str) -> dict[str, str]:
    """What a folder's name says, if it is one of Table 6's categories or of the real garments'."""
    if category in CATEGORY_ATTRIBUTES:
        return CATEGORY_ATTRIBUTES[category]
    values = next(attribute.values for attribute in EMBEDDED if attribute.key == "category")
    if category.lower() in (value.lower() for value in values):
        return {"category": validate({"category": category})["category"]}
    return {}
