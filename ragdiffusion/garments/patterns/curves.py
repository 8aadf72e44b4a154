"""Cubic Bézier curves: arrays of segments for many patterns at once, and one finished path of a single pattern.

Segments are float arrays (..., K, 4, 2): K cubics end to end, each with its start, two handles and end, in cm, x to the
right and y down. Leading axes are patterns, so that one call draws a library of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

FINE = 0.02
"""Greatest distance in cm between a path and the polygon that stands for it."""

_MOST_STEPS = 64


def point(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """Points (..., 2) from coordinates that broadcast."""
    return np.stack(np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64)), axis=-1)


def cubic(start: np.ndarray, leave: np.ndarray, arrive: np.ndarray, end: np.ndarray) -> np.ndarray:
    """One segment (..., 1, 4, 2) of its four points (..., 2)."""
    return np.stack(np.broadcast_arrays(start, leave, arrive, end), axis=-2)[..., None, :, :]


def line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A straight segment (..., 1, 4, 2)."""
    return cubic(start, start + (end - start) / 3, start + (end - start) * (2 / 3), end)


def joined(*pieces: np.ndarray) -> np.ndarray:
    """Segments end to end, [..., K1 + K2 + ..., 4, 2]."""
    shape = np.broadcast_shapes(*(piece.shape[:-3] for piece in pieces))
    return np.concatenate([np.broadcast_to(p, (*shape, *p.shape[-3:])) for p in pieces], axis=-3)


def polyline(*points: np.ndarray) -> np.ndarray:
    """Straight segments through points (..., 2)."""
    return joined(*(line(a, b) for a, b in zip(points, points[1:], strict=False)))


def mirrored(segments: np.ndarray) -> np.ndarray:
    """Segments on the other side of the mirror axis, in the same order."""
    return segments * np.array([-1.0, 1.0])


def backwards(segments: np.ndarray) -> np.ndarray:
    """The same curve, travelled from its end."""
    return segments[..., ::-1, ::-1, :]


def cornered(start: np.ndarray, corner: np.ndarray, end: np.ndarray, shape: np.ndarray | float) -> np.ndarray:
    """A curve that is drawn towards a corner: necklines and armholes.

    Args:
        start, corner, end: (..., 2).
        shape: 0 is straight from start to end, 0.5 round (a quarter of an ellipse), 1 nearly square.

    Returns:
        (..., 1, 4, 2).
    """
    shape = np.asarray(shape, np.float64)[..., None]
    pull = np.where(shape < 0.5, 2 * shape * 0.5523, 0.5523 + (2 * shape - 1) * 0.42)
    straight = np.clip(1 - 2 * shape, 0, 1) / 3
    leave = start + (corner - start) * pull + (end - start) * straight
    arrive = end + (corner - end) * pull + (start - end) * straight
    return cubic(start, leave, arrive, end)


def falling(nodes: list[np.ndarray], corners: list[np.ndarray | float]) -> np.ndarray:
    """A side seam through points that each lie lower than the last, without a wiggle between them (Fritsch-Carlson).

    Args:
        nodes: M points (..., 2).
        corners: M shares in [0, 1]: 0 is smooth, 1 a true corner.

    Returns:
        [..., M - 1, 4, 2]; every segment is x as a cubic of y.
    """
    at = np.stack(np.broadcast_arrays(*nodes), axis=-2)
    rise = np.maximum(np.diff(at[..., 1], axis=-1), 1e-6)
    slope = np.diff(at[..., 0], axis=-1) / rise
    before = np.concatenate([slope[..., :1], slope], axis=-1)
    after = np.concatenate([slope, slope[..., -1:]], axis=-1)
    product = before * after
    smooth = np.where(product > 0, 2 * product / np.where(product > 0, before + after, 1), 0)
    share = np.stack(np.broadcast_arrays(*(np.asarray(c, np.float64) for c in corners)), axis=-1)
    leave = smooth + share * (after - smooth)
    arrive = smooth + share * (before - smooth)
    third = (rise / 3)[..., None]
    down = lambda tangent: np.stack([tangent, np.ones_like(tangent)], axis=-1)  # noqa: E731
    start, end = at[..., :-1, :], at[..., 1:, :]
    return np.stack([start, start + third * down(leave[..., :-1]), end - third * down(arrive[..., 1:]), end], axis=-2)


@lru_cache(maxsize=64)
def _basis(steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps + 1)[:, None]
    return np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)


def flattened(segments: np.ndarray, steps: int = 8) -> np.ndarray:
    """Points along segments, the same number on each.

    Args:
        segments: (..., K, 4, 2).
        steps: on each.

    Returns:
        (..., K * steps + 1, 2).
    """
    inner = np.einsum("sc,...kcd->...ksd", _basis(steps)[:-1], segments)
    inner = inner.reshape(*segments.shape[:-3], -1, 2)  # [..., K * steps, 2]
    return np.concatenate([inner, segments[..., -1, -1:, :]], axis=-2)


def split(segment: np.ndarray, t: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Both parts of one segment (..., 4, 2), cut at `t` in [0, 1] (de Casteljau)."""
    t = np.asarray(t, np.float64)[..., None, None]
    left, right, points = [segment[..., 0, :]], [segment[..., -1, :]], segment
    while points.shape[-2] > 1:
        points = points[..., :-1, :] + (points[..., 1:, :] - points[..., :-1, :]) * t
        left.append(points[..., 0, :])
        right.append(points[..., -1, :])
    return np.stack(left, axis=-2), np.stack(right[::-1], axis=-2)


@dataclass(frozen=True)
class BezierPath:
    """One path of cubic Bézier segments.

    Attributes:
        segments: (K, 4, 2) in cm; each starts where the one before ends.
        closed: whether the last ends where the first starts.
    """

    segments: np.ndarray
    closed: bool = False

    @property
    def start(self) -> np.ndarray:
        """First point [2]."""
        return self.segments[0, 0]

    @property
    def end(self) -> np.ndarray:
        """Last point [2]."""
        return self.segments[-1, -1]

    def polygon(self, tolerance: float = FINE) -> np.ndarray:
        """Points (N, 2) that leave the path nowhere by more than `tolerance` cm; corners are among them.

        A closed path does not repeat its first point.

        Raises:
            ValueError: a tolerance that is not positive.
        """
        if not tolerance > 0:
            raise ValueError(f"tolerance is {tolerance} cm, and more than 0 was wanted")
        # The second differences of its handles bound how far a cubic leaves its chord.
        bend = np.linalg.norm(np.diff(self.segments, n=2, axis=1), axis=-1).max(axis=1)
        steps = np.clip(np.ceil(np.sqrt(0.75 * bend / tolerance)), 1, _MOST_STEPS).astype(int)
        parts = [_basis(n)[:-1] @ segment for segment, n in zip(self.segments, steps, strict=True)]
        return np.concatenate(parts if self.closed else [*parts, self.end[None]])

    def mirrored(self) -> BezierPath:
        """The path on the other side of the mirror axis; a closed one keeps its sense of travel."""
        flipped = mirrored(self.segments)
        return BezierPath(backwards(flipped) if self.closed else flipped, self.closed)

    def svg(self, digits: int = 2) -> str:
        """The `d` attribute of an SVG path, in cm; straight segments are written as lines."""
        number = lambda p: f"{p[0]:.{digits}f} {p[1]:.{digits}f}"  # noqa: E731
        words = [f"M{number(self.start)}"]
        for a, b, c, d in self.segments:
            words.append(f"L{number(d)}" if _straight(a, b, c, d) else f"C{number(b)} {number(c)} {number(d)}")
        return " ".join([*words, "Z"] if self.closed else words)


def _straight(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    return bool(np.abs([3 * (b - a) - (d - a), 3 * (d - c) - (d - a)]).max() < 1e-9)
