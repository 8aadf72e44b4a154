"""What is known about a photo once it is parsed: labels, and the garments one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from ragdiffusion.images import square_array
from ragdiffusion.parsing.body import has_person
from ragdiffusion.parsing.labels import GARMENTS, LABEL, LABELS, likeliest

NAMES = {
    "upper": "top",
    "outer": "jacket",
    "inner": "top under the jacket",
    "lower": "trousers or skirt",
    "dress": "dress",
}
"""What a person calls each garment label."""


@dataclass(frozen=True)
class Instance:
    """One garment of a photo.

    Attributes:
        name: "upper", "outer", "inner", "lower" or "dress".
        box: (left, top, right, bottom) in pixels of the photo; right and bottom are exclusive.
        alpha: uint8 (bottom - top, right - left), how much of each pixel within the box is this garment.
        photo_size: (width, height) of the photo.
        confidence: in [0, 1], how sure the parser is of the name where it sees the garment.
    """

    name: str
    box: tuple[int, int, int, int]
    alpha: np.ndarray
    photo_size: tuple[int, int]
    confidence: float

    def __post_init__(self) -> None:
        if self.name not in GARMENTS:
            raise ValueError(f"a garment is called {self.name!r}, one of {', '.join(GARMENTS)} wanted")
        left, top, right, bottom = self.box
        width, height = self.photo_size
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ValueError(f"box {self.box} does not lie in a photo of {width} x {height}")
        if self.alpha.shape != (bottom - top, right - left) or self.alpha.dtype != np.uint8:
            raise ValueError(
                f"alpha is {self.alpha.dtype} {self.alpha.shape}, uint8 {(bottom - top, right - left)} "
                f"wanted for box {self.box}"
            )
        self.alpha.flags.writeable = False

    @property
    def mask(self) -> np.ndarray:
        """float32 (H, W) in [0, 1], over the whole photo."""
        left, top, right, bottom = self.box
        whole = np.zeros(self.photo_size[::-1], np.float32)
        whole[top:bottom, left:right] = self.alpha
        return whole / 255

    @property
    def area(self) -> float:
        """Share of the photo that it covers, in (0, 1]."""
        return float(self.alpha.sum(dtype=np.int64)) / 255 / (self.photo_size[0] * self.photo_size[1])

    @property
    def cut_by(self) -> tuple[str, ...]:
        """Edges of the photo that the garment runs out of: among "left", "top", "right", "bottom"."""
        width, height = self.photo_size
        left, top, right, bottom = self.box
        rims = {
            "left": (left == 0, self.alpha[:, 0]),
            "top": (top == 0, self.alpha[0]),
            "right": (right == width, self.alpha[:, -1]),
            "bottom": (bottom == height, self.alpha[-1]),
        }
        return tuple(side for side, (meets, rim) in rims.items() if meets and bool((rim > 127).any()))

    def covers(self, x: float, y: float) -> bool:
        """Whether the garment lies at (x, y), in pixels of the photo that count edges."""
        left, top, right, bottom = self.box
        return left <= x < right and top <= y < bottom and bool(self.alpha[int(y) - top, int(x) - left] > 127)


@dataclass(frozen=True)
class Parse:
    """A parsed photo.

    Attributes:
        probabilities: float32 (9, S, S), of the labels in the order of `LABELS`, over the photo padded to a square
            by `images.pad_to_square`; the padding is ground.
        instances: the garments, largest first.
        photo_size: (width, height) of the photo, pixels.
        insisted: what it is to somebody who knows that the photo shows a garment of some name, None where that can't
            be; None for parsers that can't be told.
    """

    probabilities: np.ndarray
    instances: tuple[Instance, ...]
    photo_size: tuple[int, int]
    insisted: Callable[[str], Parse | None] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        if len(shape) != 3 or shape[0] != len(LABELS) or shape[1] != shape[2]:
            raise ValueError(f"probabilities are {shape}, ({len(LABELS)}, S, S) wanted")
        self.probabilities.flags.writeable = False

    @property
    def labels(self) -> np.ndarray:
        """uint8 (S, S), the likeliest label of each pixel of the square."""
        return likeliest(self.probabilities)

    @property
    def has_person(self) -> bool:
        """Whether somebody is seen: a two-hundredth of what is no ground is skin or hair, most of it surely."""
        return has_person(self.probabilities, self.labels)

    def knowing(self, name: str) -> Parse:
        """What it is to a person who says that the photo shows a garment of this name.

        Returns:
            itself where it shows one, or where that can't be.
        """
        if self.insisted is None or name not in GARMENTS or any(garment.name == name for garment in self.instances):
            return self
        return self.insisted(name) or self

    def at(self, x: float, y: float) -> Instance | None:
        """The garment at (x, y), in pixels of the photo; the smallest where several lie.

        Raises:
            ValueError: if the point lies outside the photo.
        """
        width, height = self.photo_size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"point ({x:g}, {y:g}) lies outside the photo, which is {width} x {height} pixels")
        found = [garment for garment in self.instances if garment.covers(x, y)]
        return min(found, key=lambda garment: garment.area, default=None)


def likeliest_garment(parse: Parse, region: np.ndarray) -> str:
    """The name that fits a region best, by the parse's probabilities: bool (H, W) of the photo's size."""
    side = parse.probabilities.shape[1]
    square = square_array(region.astype(np.uint8), "constant")
    weight = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return max(GARMENTS, key=lambda name: float((parse.probabilities[LABEL[name]] * weight).sum()))
