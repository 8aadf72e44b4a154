"""COCO segmentation: polygons and run lengths of garments, with their pictures where these are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragdiffusion.bank.building.sources import named_attributes
from ragdiffusion.bank.entries import NewEntry
from ragdiffusion.bank.exchange.items import Item
from ragdiffusion.decoding import MAX_PIXELS, MAX_SIDE
from ragdiffusion.files import read_object
from ragdiffusion.images import load_photo, square_array

if TYPE_CHECKING:
    from ragdiffusion.bank.making import EntryMaker

_LEAST, _MOST = 0.002, 0.98  # of the picture that a mask may cover


def annotations_in(folder: Path) -> Path | None:
    """COCO's annotations among the files of a folder; None if there are none.

    Raises:
        ValueError: if there are several, or a JSON file can't be read.
    """
    every = [path for path in sorted(folder.rglob("*.json")) if not path.name.startswith(".")]
    found = [path for path in every if {"images", "annotations"} <= set(read_object(path, "save it again"))]
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise ValueError(f"{folder.name} holds annotations more than once ({names}): give one of them")
    return found[0] if found else None


def coco_items(path: Path, maker: EntryMaker, *, root: Path | None = None) -> Iterator[Item]:
    """The garments of COCO annotations, one each.

    Args:
        path: of the JSON file.
        maker: embeds them; where the picture is missing, by their outline alone.
        root: folder in which pictures are looked for, and in its `images`; None: that of the JSON file.

    Raises:
        ValueError: if the file is not such annotations.
    """
    content = read_object(path, "export the annotations again")
    images = {image.get("id"): image for image in _list(content, "images", path)}
    names = {one.get("id"): str(one.get("name", "")) for one in _list(content, "categories", path)}
    for number, annotation in enumerate(_list(content, "annotations", path)):
        name = f"annotation {annotation.get('id', number)}"
        try:
            image = images.get(annotation.get("image_id"))
            if image is None:
                raise ValueError(f"its image {annotation.get('image_id')!r} is not in the list of images")
            category = names.get(annotation.get("category_id"), "") or "flat-lay"
            yield Item(name, _entry(path, root or path.parent, annotation, image, category, maker))
        except ValueError as error:
            yield Item(name, None, str(error))


def mask_of(segmentation: Any, height: int, width: int) -> np.ndarray:
    """The mask of a COCO segmentation: bool (H, W).

    Args:
        segmentation: polygons [[x1, y1, …], …], or run lengths, compressed or not.
        height, width: of the picture.

    Raises:
        ValueError: if it is broken, or (nearly) nothing or everything of the picture.
    """
    from pycocotools import mask as masks

    if isinstance(segmentation, list):
        runs = masks.merge(masks.frPyObjects(_polygons(segmentation), height, width))
    else:
        runs = _runs(segmentation, height, width)
        if isinstance(runs["counts"], list):
            runs = masks.frPyObjects(runs, height, width)
    mask = masks.decode(runs).astype(bool)
    share = float(mask.mean())
    if not _LEAST <= share <= _MOST:
        raise ValueError(f"its mask covers {share:.1%} of the picture, {_LEAST:.1%} to {_MOST:.0%} wanted")
    return mask


def _entry(
    path: Path, root: Path, annotation: Mapping[str, Any], image: Mapping[str, Any], category: str, maker: EntryMaker
) -> NewEntry:
    height, width = image.get("height"), image.get("width")
    sides = [side for side in (height, width) if isinstance(side, int) and 1 <= side <= MAX_SIDE]
    if len(sides) < 2 or sides[0] * sides[1] > MAX_PIXELS:
        raise ValueError(f"its image is {width!r} x {height!r} pixels")
    mask = mask_of(annotation.get("segmentation"), *sides).astype(np.float32)
    file_name = str(image.get("file_name", ""))
    described: dict[str, Any] = {
        "attributes": named_attributes(category),
        "source": f"{path.stem}:{file_name or image.get('id')}#{annotation.get('id')}",
        "tags": (category,),
    }
    picture = _picture(root, file_name)
    if picture is None:
        return maker.from_outline(square_array(mask, "constant"), fit=True, **described)
    photo = load_photo(picture)
    if photo.size != (width, height):
        raise ValueError(f"{file_name} is {photo.width}x{photo.height}, and its annotations say {width}x{height}")
    return maker.from_picture(photo, mask=mask, **described)


def _picture(folder: Path, name: str) -> Path | None:
    if not name:
        return None
    root = folder.resolve()
    for place in (root / name, root / "images" / name, root / Path(name).name, root / "images" / Path(name).name):
        if place.is_file() and place.resolve().is_relative_to(root):
            return place
    return None


def _list(content: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{path} has no list of {key}: COCO's annotations of instances are wanted")
    return found


def _polygons(segmentation: list) -> list[list[float]]:
    if not segmentation:
        raise ValueError("its segmentation has no polygon")
    for polygon in segmentation:
        numbers = isinstance(polygon, list) and all(isinstance(n, int | float) for n in polygon)
        if not numbers or len(polygon) < 6 or len(polygon) % 2 or not np.isfinite(polygon).all():
            raise ValueError("a polygon of its segmentation is not three or more points [x1, y1, x2, y2, …]")
        if np.abs(polygon).max() > 4 * MAX_SIDE:
            raise ValueError("a polygon of its segmentation leaves the picture by far")
    return segmentation


def _runs(segmentation: Any, height: int, width: int) -> dict[str, Any]:
    """Run lengths that cover the picture exactly; the decoder itself is never given others."""
    if not isinstance(segmentation, dict) or segmentation.get("size") != [height, width]:
        raise ValueError(f"its run lengths are not of a picture of {width}x{height}")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        lengths = _unpacked(counts)
    elif isinstance(counts, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in counts):
        lengths = counts
    else:
        raise ValueError("its run lengths are neither a list of numbers nor COCO's text")
    if any(length < 0 for length in lengths) or sum(lengths) != height * width:
        raise ValueError("its run lengths are broken: they don't add up to the picture")
    return {"size": [height, width], "counts": counts.encode() if isinstance(counts, str) else counts}


def _unpacked(text: str) -> list[int]:
    """COCO's text as run lengths: groups of five bits, low ones first, each but the first three runs a difference."""
    lengths: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        while True:
            if place >= len(text) or not 48 <= ord(text[place]) < 112 or shift > 60:
                raise ValueError("its run lengths are broken: the text is cut off or not COCO's")
            bits = ord(text[place]) - 48
            place += 1
            value |= (bits & 0x1F) << shift
            shift += 5
            if not bits & 0x20:
                if bits & 0x10:
                    value -= 1 << shift
                break
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
    return lengths
