"""What a wearer is drawn of: shapes, how the garment is worn, and outlines of limbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Shape:
    """A polygon of one colour: (N, 2) photo pixels, RGB; `shaded` ones are rounded by light."""

    points: np.ndarray
    colour: tuple[float, float, float]
    shaded: bool = True


@dataclass
class Wearer:
    """What stands behind the garment, what covers it, and cloth of its own that has no place in the flat-lay.

    `inner` says whether the drawing shows what is worn beneath.
    """

    behind: list[Shape] = field(default_factory=list)
    before: list[Shape] = field(default_factory=list)
    own: list[Shape] = field(default_factory=list)
    inner: bool = False


Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Stance:
    """How the garment is worn.

    Attributes:
        body: canonical coordinates -> photo, moving with the body.
        limbs: "right", "left" -> the same for upper and lower half of the limb.
        rolled: "right", "left" -> line [2, 2] that its sleeve is rolled up to.
        opened: whether the front's halves are apart.
        tucked: canonical height that it is tucked in at, or None.
        turn: of the body about its axis, -1 to 1; the face follows.
        cloth: RGB of the garment. other: RGB of the other clothes.
    """

    body: Place
    limbs: dict[str, tuple[Place, Place]]
    rolled: dict[str, np.ndarray]
    opened: bool
    tucked: float | None
    turn: float
    cloth: tuple[float, float, float]
    other: tuple[float, float, float]


def tube(spine: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Outline of a limb: half widths (N,) along a spine (N, 2)."""
    direction = np.gradient(spine, axis=0)
    normal = (
        np.stack([-direction[:, 1], direction[:, 0]], 1)
        / np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-6)[:, None]
    )
    return np.concatenate([spine + normal * widths[:, None], (spine - normal * widths[:, None])[::-1]])


def smooth(points: list[np.ndarray], count: int = 14) -> np.ndarray:
    """Quadratic curve through three points' hull, [count, 2]."""
    a, b, c = (np.asarray(p, dtype=np.float64) for p in points)
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c


def ellipse(centre: np.ndarray, rx: float, ry: float) -> np.ndarray:
    """Outline of an ellipse, [28, 2]."""
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return centre + np.stack([rx * np.cos(t), ry * np.sin(t)], 1)


def dark(colour: tuple, by: float) -> tuple[float, ...]:
    """A colour in shadow: `by` of its light is left."""
    return tuple(by * c for c in colour)
