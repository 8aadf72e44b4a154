"""Panels: pieces of a pattern with coordinates of their own, so that cloth keeps its place however it is worn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ragdiffusion.garments.patterns.curves import FINE, BezierPath

_ALONG_EDGE = 0.02
"""Share of an edge's own length in its parameter; the rest is height or width, and this keeps level stretches open."""


@dataclass(frozen=True)
class Panel:
    """One panel of a pattern, a patch spanned between its four edges (Coons).

    Left and right are the viewer's, as in a picture of the garment laid flat with its front up: "sleeve_left" is on the
    left of the picture and is worn on the wearer's right arm. Panel coordinates are (u, v): u runs across from -1 at
    the panel's left edge to 1 at its right edge, v runs down from 0 at its top edge (shoulders and neckline, armhole
    seam, waist, crest of a hood) to 1 at its bottom edge (hem, cuff, waist seam, neck seam). So the inner edge of
    "sleeve_right" is at u = -1 and that of "sleeve_left" at u = 1, and the centre seam and inseam of "leg_right" at
    u = -1. Of a mirrored garment `left.at(u, v) == right.at(-u, v) * (-1, 1)`, and `body.at(0, v)` runs down the axis.

    On the side edges of bodies, skirts and legs v is the share of the height that is passed (but for one part in
    fifty of length), so that v is level across a body that hangs; on those of sleeves it is the share of their length.
    The four edges are met exactly: `at(-1, v)` lies on the left edge, `at(u, 0)` on the top one, and so on; a panel
    fills what its edges enclose. Where edges run steeply against each other (a sleeve that hangs straight down from its
    armhole seam, the straps of a camisole) a few hundredths of a panel's area may be covered twice.

    Attributes:
        name: as in `Pattern.parts`.
        left, right: from the top down; they may be single points (the panel then closes to a point there).
        top, bottom: from left to right.
        level: whether v on the side edges goes by height rather than length.
    """

    name: str
    left: BezierPath
    right: BezierPath
    top: BezierPath
    bottom: BezierPath
    level: bool = True

    def at(self, u: np.ndarray | float, v: np.ndarray | float) -> np.ndarray:
        """Where panel coordinates lie on the flat garment.

        Args:
            u: in [-1, 1], from the left edge to the right one.
            v: in [0, 1], from the top edge to the bottom one; broadcasts with `u`.

        Returns:
            float64 (..., 2) in cm, x to the right and y down, in the pattern's frame.

        Raises:
            ValueError: a coordinate outside its range.
        """
        u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
        if np.abs(u).max(initial=0) > 1 + 1e-9 or v.min(initial=0) < -1e-9 or v.max(initial=0) > 1 + 1e-9:
            raise ValueError(
                f"panel coordinates are u in [{u.min()}, {u.max()}] and v in [{v.min()}, {v.max()}]: "
                "u in [-1, 1] and v in [0, 1] were wanted"
            )
        s, v = ((u + 1) / 2)[..., None], v[..., None]
        left, right, top, bottom = self._edges
        along = (1 - s) * left(v[..., 0]) + s * right(v[..., 0])
        across = (1 - v) * top(s[..., 0]) + v * bottom(s[..., 0])
        (a, b), (c, d) = (self.top.start, self.top.end), (self.bottom.start, self.bottom.end)
        return along + across - (1 - v) * ((1 - s) * a + s * b) - v * ((1 - s) * c + s * d)

    def grid(self, across: int, down: int) -> np.ndarray:
        """Points [down, across, 2] at equal steps of u and v."""
        return self.at(np.linspace(-1, 1, across)[None], np.linspace(0, 1, down)[:, None])

    def edges(self, across: int, down: int) -> tuple[np.ndarray, np.ndarray]:
        """Points at equal steps: [2, down, 2] of v on left and right edge, [2, across, 2] of u on top and bottom."""
        left, right, top, bottom = self._edges
        u, v = np.linspace(0, 1, across), np.linspace(0, 1, down)
        return np.stack([left(v), right(v)]), np.stack([top(u), bottom(u)])

    def polygon(self, tolerance: float = FINE) -> np.ndarray:
        """Its rim (N, 2), clockwise from the top left corner; a side that is one point adds nothing."""
        edges = [
            self.top.polygon(tolerance),
            self.right.polygon(tolerance),
            self.bottom.polygon(tolerance)[::-1],
            self.left.polygon(tolerance)[::-1],
        ]
        return np.concatenate([edge[:-1] for edge in edges])

    @cached_property
    def _edges(self) -> tuple[_Edge, _Edge, _Edge, _Edge]:
        sides = 1 if self.level else None
        across = 0 if self.level else None
        return (
            _Edge.of(self.left, sides),
            _Edge.of(self.right, sides),
            _Edge.of(self.top, across),
            _Edge.of(self.bottom, across),
        )


@dataclass(frozen=True)
class _Edge:
    """A path as a function of its parameter in [0, 1]."""

    points: np.ndarray
    share: np.ndarray

    @staticmethod
    def of(path: BezierPath, axis: int | None) -> _Edge:
        points = path.polygon(FINE)
        step = np.linalg.norm(np.diff(points, axis=0), axis=1)
        if axis is not None and len(points) > 1:
            step = _ALONG_EDGE * step + (1 - _ALONG_EDGE) * np.maximum(np.diff(points[:, axis]), 0)
        share = np.concatenate([[0.0], np.cumsum(step)])
        return _Edge(points, share / max(share[-1], 1e-9))

    def __call__(self, share: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(share, self.share, self.points[:, i]) for i in (0, 1)], axis=-1)
