"""How a photo is looked at: mirrored or not, then turned by quarters, then cut to a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

LEAST_SIDE = 16
"""Of a box, pixels: what is smaller shows no garment."""
Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels; right and bottom are exclusive."""


@dataclass(frozen=True)
class Framing:
    """A mirror, a turn and a crop.

    Args:
        turns: quarter turns clockwise, 0 to 3.
        box: what is left of the turned photo, in its pixels; None: all of it.
        mirrored: whether left and right are exchanged before it is turned, as in a selfie that shows print reversed.

    Raises:
        ValueError: if a number is out of range, or the box is empty.
    """

    turns: int = 0
    box: Box | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if not _is_whole(self.turns) or not 0 <= self.turns <= 3:
            raise ValueError(f"a photo is turned by 0 to 3 quarters, got {str(self.turns)[:40]!r}")
        if not isinstance(self.mirrored, bool):
            raise ValueError(f"a photo is mirrored or not, true or false, got {str(self.mirrored)[:40]!r}")
        if self.box is None:
            return
        if len(self.box) != 4 or not all(map(_is_whole, self.box)):
            raise ValueError(f"a crop box is four whole numbers, left, top, right, bottom, got {str(self.box)[:80]}")
        left, top, right, bottom = self.box
        if left < 0 or top < 0 or min(right - left, bottom - top) < LEAST_SIDE:
            raise ValueError(f"the crop box {self.box} is too small: {LEAST_SIDE} pixels on each side at least")

    @classmethod
    def read(cls, value: Any) -> Framing:
        """Make one from what `logged` returned.

        Raises:
            ValueError: if it is something else.
        """
        if value is None:
            return cls()
        if not isinstance(value, dict) or set(value) - {"mirrored"} != {"turns", "box"}:
            raise ValueError(f"a framing has turns and a box, and may be mirrored, got {str(value)[:80]}")
        box = value["box"]
        if box is not None and not isinstance(box, Sequence):
            raise ValueError(f"a crop box is four whole numbers, got {str(box)[:80]}")
        return cls(value["turns"], None if box is None else tuple(box), value.get("mirrored", False))

    def logged(self) -> dict[str, Any] | None:
        """Return it as the log keeps it; None where the photo is looked at as it is."""
        if self == Framing():
            return None
        mirrored = {"mirrored": True} if self.mirrored else {}  # earlier studios read what is not
        return {"turns": self.turns, "box": None if self.box is None else list(self.box), **mirrored}

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height of a photo once it is turned."""
        return size[::-1] if self.turns % 2 else size

    def turned(self, quarters: int, size: tuple[int, int]) -> Framing:
        """Return it with more quarter turns clockwise; the box turns along.

        Args:
            quarters: any whole number; negative ones turn the other way.
            size: of the photo as it is stored, (width, height).
        """
        found = self
        for _ in range(quarters % 4):
            _, height = found.size_of(size)
            box = found.box
            if box is not None:
                left, top, right, bottom = box
                box = (height - bottom, left, height - top, right)
            found = replace(found, turns=(found.turns + 1) % 4, box=box)
        return found

    def reflected(self, size: tuple[int, int]) -> Framing:
        """Return it with left and right of what is looked at exchanged; the box goes along.

        Args:
            size: of the photo as it is stored, (width, height).
        """
        width, _ = self.size_of(size)
        box = self.box
        if box is not None:
            left, top, right, bottom = box
            box = (width - right, top, width - left, bottom)
        # Turning clockwise and mirroring is mirroring and turning the other way.
        return Framing(-self.turns % 4, box, not self.mirrored)

    def cut(self, box: Box | None) -> Framing:
        """Return it with another box."""
        return replace(self, box=box)


def check_framing(value: Any) -> dict[str, Any] | None:
    """Return a framing as the log keeps it.

    Raises:
        ValueError: if it is none.
    """
    return Framing.read(value).logged()


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
