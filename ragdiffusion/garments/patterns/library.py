"""Many patterns of one kind at once: polygons, frames and silhouettes, without drafting each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragdiffusion.garments.patterns.construction import both, low_chain, one_shoulder_neckline, side_edges
from ragdiffusion.garments.patterns.curves import backwards, flattened, joined, line, mirrored
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.upper import Edges, Measures

STEPS = 5
"""Chords to a segment: at 256 px a garment's curve leaves them by a fifth of a pixel."""


def as_measures(kind: Kind, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Vectors (B, M) in the order of the kind's measures, as one array to a measure."""
    return {key: vectors[:, i] for i, key in enumerate(kind.measures)}


def as_vectors(kind: Kind, measures: Measures) -> np.ndarray:
    """The inverse of `as_measures`."""
    return np.stack([np.asarray(measures[key], np.float64) for key in kind.measures], axis=-1)


def polygons(kind: Kind, m: Measures, steps: int = STEPS) -> list[np.ndarray]:
    """Polygons whose union is each pattern's silhouette, clockwise.

    Args:
        kind: how they are built. Ties are left out: they hang from a pattern's right side only.
        m: measures, arrays (B,).
        steps: chords to a segment.

    Returns:
        The body with its collar, and each sleeve: (B, N, 2) in cm.
    """
    m = {key: value for key, value in m.items() if not key.startswith("tie")}
    right = side_edges(kind, m, 1)
    left = side_edges(kind, m, -1) if is_lopsided(kind, m) else right
    if kind.upper == "one_shoulder":
        top = one_shoulder_neckline(m, kind)
    else:
        top = both(right["collar"] if "collar" in right else right["neckline_back"])
    body = joined(top, _side(right), backwards(mirrored(_side(left))))
    found = [flattened(body, steps)[..., :-1, :]]
    if "sleeve_outer" in right:
        arm = flattened(_sleeve(right), steps)[..., :-1, :]
        found += [arm, mirrored(arm)[..., ::-1, :]]
    return found


def is_lopsided(kind: Kind, m: Measures) -> bool:
    """Whether a kind or a measure makes the sides of some pattern differ."""
    one_sided = ("hem_slant", "slit_opening", "tie_length")
    return kind.upper == "one_shoulder" or any(np.any(m[key]) for key in one_sided if key in m)


def _side(edges: Edges) -> np.ndarray:
    """The body's edge from where the neckline or collar ends; straight behind a sleeve, whose polygon closes there."""
    shoulder = [edges[name] for name in ("shoulder_bare" if "collar" in edges else "shoulder",) if name in edges]
    armhole = [edges["armhole"]] if "armhole" in edges else []
    if "sleeve_outer" in edges:
        armhole = [line(edges["armhole"][..., 0, 0, :], edges["armhole"][..., -1, -1, :])]
    return joined(*shoulder, *armhole, low_chain(edges))


def _sleeve(edges: Edges) -> np.ndarray:
    arm = joined(*(edges[name] for name in ("sleeve_outer", "cuff", "sleeve_inner") if name in edges))
    return joined(arm, line(arm[..., -1, -1, :], arm[..., 0, 0, :]))


def boxes(shapes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corners (B, 2) of the unions of polygons (B, N, 2)."""
    return (np.min([shape.min(1) for shape in shapes], axis=0), np.max([shape.max(1) for shape in shapes], axis=0))


def framed(shapes: Sequence[np.ndarray], size: int, margin: float) -> list[np.ndarray]:
    """Polygons in pixels of a square frame that is `margin` times the longer side of their box."""
    low, high = boxes(shapes)
    scale = size / (margin * (high - low).max(1))
    origin = size / 2 - scale[:, None] * (low + high) / 2
    return [shape * scale[:, None, None] + origin[:, None] for shape in shapes]
