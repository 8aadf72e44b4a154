"""Which patterns a pattern book would print: no thorns, and sleeves that can be told from the body."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.pattern import Pattern

SHARPEST = 52.0
"""Degrees: a corner of a sleeved garment's outline that is sharper is a thorn."""

_SHORTEST = 0.6  # cm: sides of the polygon that measures corners
_SLEEVES = ("set_in", "off_shoulder", "cap")


def sharpest_corner(pattern: Pattern) -> float:
    """The least angle within the outline where two segments meet, degrees."""
    segments = pattern.outline.segments
    arriving = segments[:, 3] - _inside(segments[:, ::-1])
    leaving = _inside(segments) - segments[:, 0]
    leaving = np.roll(leaving, -1, axis=0)
    cross = arriving[:, 0] * leaving[:, 1] - arriving[:, 1] * leaving[:, 0]
    dot = (arriving * leaving).sum(1)
    turn = np.degrees(np.arctan2(cross, dot))  # clockwise in a picture is positive: convex
    return float(180 - turn.max())


def _inside(segments: np.ndarray) -> np.ndarray:
    """A point of each segment a little after its start."""
    length = np.linalg.norm(np.diff(segments, axis=1), axis=2).sum(1)
    t = np.clip(_SHORTEST / np.maximum(length, 1e-6), 0.02, 1.0)[:, None]
    a, b, c, d = (segments[:, i] for i in range(4))
    return (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d


def is_tidy(pattern: Pattern) -> bool:
    """Whether the outline has no thorn; of garments without sleeves only their own corners count, which are none."""
    return "sleeve_left" not in pattern.parts or sharpest_corner(pattern) >= SHARPEST


def sleeve_relief(pattern: Pattern) -> float:
    """How much of the sleeves' inner edges shows as outline, share of the body's height; 1 without sleeves.

    Sleeves that lie against the body down to their cuffs leave a silhouette in which they can't be told from it.
    """
    if "sleeve_left" not in pattern.parts:
        return 1.0
    armpit = pattern.parts["sleeve_right"].left.start[1]
    inner = pattern.outline.polygon(0.1)
    left, top, right, bottom = pattern.box
    half = inner[(inner[:, 0] > 0) & (inner[:, 1] > armpit - 1e-6)]
    if len(half) < 3:
        return 1.0
    back = np.diff(half[:, 1])
    return float(-back[back < 0].sum() / (bottom - top))
