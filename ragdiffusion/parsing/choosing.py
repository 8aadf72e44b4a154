"""Which garment of a photo is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.parsing.labels import GARMENTS
from ragdiffusion.parsing.parse import NAMES, Instance, Parse, likeliest_garment

Wanted = str | tuple[float, float] | np.ndarray | None
"""A garment's name, a point (x, y) in pixels of the photo, a mask of the photo's size, or nothing in particular."""
_TOPS = ("upper", "outer", "inner", "dress")  # what is meant when several garments are there,
_SIDE_ISSUE = 0.12  # unless it is smaller than this beside the largest


class NoGarmentError(ValueError):
    """What was asked for is not in the photo."""


@dataclass(frozen=True)
class Choice:
    """The garment that is meant.

    Attributes:
        garment: it.
        why: one line for the person who did not say which; empty where the wish was plain.
    """

    garment: Instance
    why: str = ""


def choose(parse: Parse, garment: Wanted = None) -> Choice:
    """Find the garment that is meant.

    Args:
        parse: of the photo.
        garment: "upper", "outer", "inner", "lower" or "dress" (the largest of several); (x, y) in pixels of the
            photo; a mask, float (H, W) in [0, 1] of the photo's size; None for the one garment there is, or with
            several the largest top or dress.

    Raises:
        NoGarmentError: if the photo shows no such garment, or nothing lies at the point; it says what there is.
        ValueError: if the name is none of the five, the point lies outside the photo, or the mask does not fit.
    """
    if isinstance(garment, np.ndarray):
        return Choice(_of_mask(parse, garment))
    if isinstance(garment, str):
        return _of_name(parse, garment)
    if garment is not None:
        return Choice(_of_point(parse, garment))
    return _of_nothing(parse)


def _of_nothing(parse: Parse) -> Choice:
    if not parse.instances:
        raise NoGarmentError("no garment was found in the photo: point at it, mark it with the brush, or give a mask")
    if len(parse.instances) == 1:
        return Choice(parse.instances[0])
    least = _SIDE_ISSUE * parse.instances[0].area
    tops = [garment for garment in parse.instances if garment.name in _TOPS and garment.area >= least]
    chosen = (tops or parse.instances)[0]
    others = [garment for garment in parse.instances if garment is not chosen]
    kind = "top or dress" if tops else "garment"
    return Choice(chosen, f"the largest {kind} is taken, the {NAMES[chosen.name]}; there is also {_listed(others)}")


def _of_name(parse: Parse, name: str) -> Choice:
    if name not in GARMENTS:
        raise ValueError(f"garment {name!r} is not known: one of {', '.join(GARMENTS)} wanted")
    found = [garment for garment in parse.instances if garment.name == name]
    if not found:
        there = f"it shows {_listed(parse.instances)}" if parse.instances else "it shows no garment"
        raise NoGarmentError(f"the photo shows no {name} garment ({NAMES[name]}): {there}")
    return Choice(found[0], f"the largest of {len(found)} is taken" if len(found) > 1 else "")


def _of_point(parse: Parse, point: tuple[float, float]) -> Instance:
    if len(point) != 2:
        raise ValueError(f"point {point!r} has {len(point)} coordinates, (x, y) in pixels of the photo wanted")
    found = parse.at(*point)
    if found is None:
        there = f"it shows {_listed(parse.instances)}" if parse.instances else "it shows none"
        raise NoGarmentError(f"no garment of the photo lies at ({point[0]:g}, {point[1]:g}): {there}")
    return found


def _of_mask(parse: Parse, mask: np.ndarray) -> Instance:
    """A garment of the mask's own outline, named as the parse would name what lies under it."""
    width, height = parse.photo_size
    if mask.shape != (height, width):
        raise ValueError(f"the mask is {mask.shape[::-1]} pixels, {(width, height)} wanted as the photo has")
    if not np.isfinite(mask).all() or mask.min() < 0 or mask.max() > 1:
        raise ValueError("the mask leaves [0, 1]")
    alpha = np.rint(mask * 255).astype(np.uint8)
    x, y, w, h = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if not w or not h:
        raise NoGarmentError("the mask marks nothing: mark the garment white")
    cut = alpha[y : y + h, x : x + w].copy()
    name = likeliest_garment(parse, alpha > 127)
    return Instance(name, (x, y, x + w, y + h), cut, parse.photo_size, 1.0)


def _listed(garments: Sequence[Instance]) -> str:
    """The garments in words, each kind once: "trousers or skirt and 2 jackets"."""
    counts: dict[str, int] = {}
    for garment in garments:
        counts[garment.name] = counts.get(garment.name, 0) + 1
    words = [
        f"a {NAMES[name]}"
        if count == 1 and name != "lower"
        else NAMES[name]
        if count == 1
        else f"{NAMES[name]} ({count})"
        for name, count in counts.items()
    ]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
