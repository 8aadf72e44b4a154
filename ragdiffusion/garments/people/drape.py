"""How cloth hangs off a body: hulls that bridge hollows, and rings lofted round a cloud of points."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.meshes import grid_faces

_RING = 64


def hang(
    foot: np.ndarray,
    right: np.ndarray,
    ahead: np.ndarray,
    along: np.ndarray,
    rest: np.ndarray,
    chosen: np.ndarray,
    drop: float,
    ease: float,
    sectors: int = 32,
    slices: int = 28,
) -> np.ndarray:
    """Push points out to a tube of cloth round an axis.

    Each sector's radius may shrink down the tube by at most `drop` per metre, so that cloth bridges hollows.

    Args:
        foot: (N, 3), places on the axis, metres.
        right: (3,), unit vector across the axis.
        ahead: (3,), unit vector across the axis and `right`.
        along: (N,), metres, growing the way the cloth hangs.
        rest: (N, 3), the body.
        chosen: bool (N,), the points that the cloth rests on.
        drop: metres per metre; 0 hangs straight, below zero flares.
        ease: metres between body and cloth.
        sectors: of the tube.
        slices: along the tube.

    Returns:
        (N, 3), points on the cloth.
    """
    off = rest - foot
    px, py = off @ right, off @ ahead
    radius, angle = np.hypot(px, py), np.arctan2(px, py)
    low, high = along[chosen].min(), along[chosen].max()
    row = np.clip((along - low) / (high - low + 1e-9) * (slices - 1), 0, slices - 1)
    column = (angle / (2 * np.pi) + 0.5) * sectors
    grid = np.zeros((slices, sectors))
    np.maximum.at(
        grid, (np.round(row[chosen]).astype(int), np.floor(column[chosen]).astype(int) % sectors), radius[chosen]
    )
    for _ in range(4):
        if (grid > 0).all():
            break
        near = np.maximum.reduce([np.roll(grid, 1, 1), np.roll(grid, -1, 1), np.roll(grid, 1, 0), np.roll(grid, -1, 0)])
        grid = np.where(grid > 0, grid, near)
    grid = np.maximum(
        grid, 0.25 * (np.roll(grid, 1, 1) + np.roll(grid, -1, 1) + np.roll(grid, 2, 1) + np.roll(grid, -2, 1))
    )
    step = (high - low) / (slices - 1)
    for i in range(1, slices):
        grid[i] = np.maximum(grid[i], grid[i - 1] - drop * step)
    grid = sum(np.roll(grid, k, 1) for k in (-2, -1, 0, 1, 2)) / 5
    i = np.minimum(row.astype(int), slices - 2)
    fi = row - i
    j = np.floor(column - 0.5).astype(int)
    fj = column - 0.5 - j
    a, b = j % sectors, (j + 1) % sectors
    hull = (grid[i, a] * (1 - fj) + grid[i, b] * fj) * (1 - fi) + (grid[i + 1, a] * (1 - fj) + grid[i + 1, b] * fj) * fi
    out = np.maximum(hull, radius) + ease
    return foot + (right * np.sin(angle)[:, None] + ahead * np.cos(angle)[:, None]) * out[:, None]


def loft(
    cloud: np.ndarray,
    heights: np.ndarray,
    centre_y: float,
    *,
    taper: float,
    flare: float,
    ease: float,
    folds: float,
    phase: np.ndarray,
) -> np.ndarray:
    """Rings hanging round a cloud of points, from the first height down to the last.

    Args:
        cloud: (M, 3), what the cloth hangs over, metres.
        heights: (R,), z of each ring, falling.
        centre_y: y of the rings' axis.
        taper: by how much a ring may be narrower than the one above it, metres per metre.
        flare: by how much it grows beyond it.
        ease: metres between body and cloth.
        folds: depth of the folds at the hem, as a share of the radius.
        phase: (6,), of the folds.

    Returns:
        (R, 65, 3), rings from back over one side, front and the other side to the back again.
    """
    angle = np.linspace(-np.pi, np.pi, _RING + 1)
    ways = np.stack([np.sin(angle), -np.cos(angle)], 1)
    step = abs(heights[1] - heights[0])
    plane = cloud[:, :2] - np.array([0, centre_y])
    rings, before = [], None
    for i, z in enumerate(heights):
        slab = plane[np.abs(cloud[:, 2] - z) < max(0.025, step * 0.7)]
        radius = (slab @ ways.T).max(0) if len(slab) > 3 else np.full(_RING + 1, 0.05)
        radius = radius + ease
        if before is not None:
            radius = np.maximum(radius, before - taper * step) + flare * step
        before = radius
        t = i / (len(heights) - 1)
        wave = (
            folds
            * t
            * (
                np.sin(angle * round(5 + phase[4]) + phase[0] + t)
                + 0.6 * np.sin(angle * round(9 + phase[5]) + phase[1] - t)
            )
        )
        rings.append(radius + wave * (0.4 + radius))
    radii = np.array(rings)
    radii[:, -1] = radii[:, 0]
    return np.stack(
        [radii * ways[:, 0], radii * ways[:, 1] + centre_y, np.repeat(heights[:, None], _RING + 1, 1)], -1
    ).astype(np.float32)


def loft_faces(rings: int) -> np.ndarray:
    """Triangles of `loft`'s rings."""
    return grid_faces(rings, _RING + 1)


def loft_turn() -> np.ndarray:
    """Round coordinate (65,) of each place on a ring: 0 front, +-1 sides, +-2 back."""
    return np.linspace(-2, 2, _RING + 1)
