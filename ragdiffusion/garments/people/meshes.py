"""Triangle meshes in numba: skinning, normals, smoothing, neighbours."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.kernels import kernel


@kernel()
def skin(points, matrices):
    """Move each point (N, 3) by its own 3x4 matrix (N, 3, 4)."""
    out = np.empty_like(points)
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for r in range(3):
            out[i, r] = matrices[i, r, 0] * x + matrices[i, r, 1] * y + matrices[i, r, 2] * z + matrices[i, r, 3]
    return out


@kernel()
def blend_bones(weights, index, bones):
    """Linear blend skinning: bone matrices (B, 3, 4) to one matrix per vertex (N, 3, 4)."""
    count, slots = weights.shape
    out = np.zeros((count, 3, 4), np.float32)
    for i in range(count):
        for j in range(slots):
            w = weights[i, j]
            if w > 0:
                b = index[i, j]
                for r in range(3):
                    for c in range(4):
                        out[i, r, c] += w * bones[b, r, c]
    return out


@kernel()
def vertex_normals(points, faces):
    """Unit normals (N, 3) of a mesh, each the area-weighted mean of its faces'."""
    out = np.zeros_like(points)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz
    for i in range(len(out)):
        s = np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2) + 1e-12
        out[i, 0] /= s
        out[i, 1] /= s
        out[i, 2] /= s
    return out


@kernel()
def laplacian(field, start, neighbour, weight, steps):
    """Smooth a field (N, C) over a mesh; `weight` (N,) in [0, 1] says how far each vertex goes towards its mean."""
    old = field.copy()
    count, channels = old.shape
    for _ in range(steps):
        new = old.copy()
        for i in range(count):
            if weight[i] > 0 and start[i + 1] > start[i]:
                for k in range(channels):
                    total = 0.0
                    for j in range(start[i], start[i + 1]):
                        total += old[neighbour[j], k]
                    new[i, k] += weight[i] * (total / (start[i + 1] - start[i]) - old[i, k])
        old = new
    return old


def neighbour_lists(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of each vertex: those of vertex i are ``neighbour[start[i]:start[i + 1]]``."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    return np.searchsorted(edges[:, 0], np.arange(count + 1)).astype(np.int64), edges[:, 1].astype(np.int64)


def grid_faces(rows: int, columns: int, *, closed: bool = False) -> np.ndarray:
    """Triangles (F, 3) of a grid of rows * columns vertices; `closed` joins its last column to its first.

    Seen from where rows run down and columns to the right, they face the viewer.
    """
    width = columns if closed else columns - 1
    i = np.arange(rows - 1)[:, None] * columns + np.arange(width)
    j = np.arange(rows - 1)[:, None] * columns + (np.arange(width) + 1) % columns
    quads = np.stack([i + columns, j + columns, j, i], -1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int64)


def along_polyline(points: np.ndarray, knots: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Nearest place on a polyline: coordinate (N,) from 0 to 1 over its knots, running on beyond, and foot (N, 3)."""
    last = len(knots) - 2
    best: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    for i in range(last + 1):
        step = knots[i + 1] - knots[i]
        t = np.clip((points - knots[i]) @ step / (step @ step), -9 if i == 0 else 0, 9 if i == last else 1)
        foot = knots[i] + t[:, None] * step
        distance = np.linalg.norm(points - foot, axis=1)
        if best is None:
            best = ((i + t) / (last + 1), foot, distance)
        else:
            nearer = distance < best[2]
            best = (
                np.where(nearer, (i + t) / (last + 1), best[0]),
                np.where(nearer[:, None], foot, best[1]),
                np.where(nearer, distance, best[2]),
            )
    return best[0], best[1]


def rotation(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    """Rotation matrix about a unit axis; angle in radians."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def shortest_arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotation that turns one direction into another by the shortest way."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    v, c = np.cross(start, end), float(start @ end)
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + k + k @ k / (1 + c + 1e-9)
