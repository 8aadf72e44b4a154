"""Folders of pictures: flat-lays on plain ground or cut out, and pictures with a mask beside each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.bank.building.sources import folder_candidates, named_attributes
from ragdiffusion.bank.exchange.items import Item
from ragdiffusion.images import load_mask, load_photo
from ragdiffusion.picture_files import pictures_in

if TYPE_CHECKING:
    from ragdiffusion.bank.making import EntryMaker

_MASKS, _IMAGES = ("masks", "mask"), ("images", "image", "pictures", "photos")
NAMED_FOLDERS = frozenset((*_MASKS, *_IMAGES))
"""Folders whose names say what kind of pictures lie in them."""
_MARKS = ("_mask", ".mask", "-mask", "_segmentation")


def has_masks(root: Path) -> bool:
    """Whether pictures of a folder have masks beside them, or in a folder of that name."""
    return bool(pairs(root))


def pairs(root: Path) -> dict[Path, Path]:
    """Picture -> its mask, of those pictures that have one.

    A mask is called as its picture, in a folder `masks` in place of `images` (or beside it), or with `_mask` behind
    its name.
    """
    files = pictures_in(root, recursive=True).pictures
    masks = {key: path for path in files if (key := _mask_of(path, root)) is not None}
    found = {}
    for path in files:
        if _mask_of(path, root) is None:
            mask = masks.get(_key(path.relative_to(root).parts[:-1], path.stem))
            if mask is not None:
                found[path] = mask
    return found


def masked_items(root: Path, maker: EntryMaker) -> Iterator[Item]:
    """The garments of a folder with masks; a picture without one is refused."""
    paired = pairs(root)
    for path in pictures_in(root, recursive=True).pictures:
        if _mask_of(path, root) is not None:
            continue
        name = path.relative_to(root).as_posix()
        try:
            if path not in paired:
                raise ValueError("it has no mask beside it")
            mask = load_mask(paired[path])
            category = _category(path, root)
            entry = maker.from_picture(
                load_photo(path),
                mask=mask,
                attributes=named_attributes(category),
                source=f"{root.name}:{path.relative_to(root).with_suffix('').as_posix()}",
                tags=(category,),
            )
            yield Item(name, entry)
        except ValueError as error:
            yield Item(name, None, str(error))


def picture_items(root: Path, maker: EntryMaker) -> Iterator[Item]:
    """The garments of a folder of flat-lay pictures, whose subfolders name their categories.

    Raises:
        ValueError: if there is no picture in it.
    """
    for candidate in folder_candidates(root):
        name = candidate.garment.partition(":")[2]
        try:
            yield Item(name, maker.embed([candidate.make()])[0])
        except ValueError as error:
            yield Item(name, None, str(error))


def _mask_of(path: Path, root: Path) -> tuple[str, ...] | None:
    """The key of the picture that a file is the mask of; None if it is no mask."""
    folders, stem = path.relative_to(root).parts[:-1], path.stem
    mark = next((mark for mark in _MARKS if stem.lower().endswith(mark)), None)
    if mark is not None:
        return _key(folders, stem[: -len(mark)])
    if any(part.lower() in _MASKS for part in folders):
        return _key(folders, stem)
    return None


def _key(folders: tuple[str, ...], stem: str) -> tuple[str, ...]:
    return (*(part for part in folders if part.lower() not in NAMED_FOLDERS), stem)


def _category(path: Path, root: Path) -> str:
    named = _key(path.relative_to(root).parts[:-1], "")[:-1]
    return named[-1] if named else "flat-lay"
