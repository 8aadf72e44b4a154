"""Simple solids as layers: balls, boxes, tubes and bands, fixed to a bone or hung in the world."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.layers import Layer, parameters
from ragdiffusion.garments.people.meshes import grid_faces

Mesh = tuple[np.ndarray, np.ndarray]


def ellipsoid(centre: np.ndarray, radii: np.ndarray, power: float = 1.0) -> Mesh:
    """A ball (power 1), a rounded box (power below 1): points (N, 3), metres, and faces."""
    a, q = np.meshgrid(np.linspace(0, np.pi, 13), np.linspace(0, 2 * np.pi, 25), indexing="ij")
    shaped = lambda v: np.sign(v) * np.abs(v) ** power  # noqa: E731
    points = np.stack(
        [shaped(np.sin(a)) * shaped(np.cos(q)), shaped(np.sin(a)) * shaped(np.sin(q)), shaped(np.cos(a))], -1
    )
    return (points * radii + centre).reshape(-1, 3), grid_faces(13, 25)


def tube(path: np.ndarray, radii: np.ndarray, sides: int = 12, flat: float = 1.0) -> Mesh:
    """A tube along a path (M, 3) with radii (M,), squeezed vertically by `flat`: points and faces."""
    way = np.gradient(path, axis=0)
    way /= np.linalg.norm(way, axis=1, keepdims=True) + 1e-9
    out = np.cross(way, np.array([0, 0, 1.0]))
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    up = np.cross(out, way) * flat
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(turn)[None, :, None] * out[:, None] + np.sin(turn)[None, :, None] * up[:, None]
    points = path[:, None] + ring * radii[:, None, None]
    return points.reshape(-1, 3), grid_faces(len(path), sides, closed=True)


def rigid_layer(
    dresser: Dresser,
    mesh: Mesh,
    bone: str | None,
    name: str,
    label: int,
    *,
    garment: int = -1,
    order: int = 6,
    bias: float = 0.0,
) -> Layer:
    """A layer of a solid given at rest and moved by a bone; with no bone, given where it is."""
    points, faces = mesh
    attributes = np.zeros((len(points), raster.ATTRIBUTES), np.float32)
    attributes[:, :3] = points
    attributes[:, raster.ARM], attributes[:, raster.LEG] = -1, -1
    attributes[:, raster.TEX_U], attributes[:, raster.TEX_V] = points[:, 0] + points[:, 1], points[:, 2]
    moved = points.astype(np.float32) if bone is None else dresser.pose.rigid(dresser.body.model.bone[bone], points)
    return Layer(name, moved, faces, attributes, parameters(raster.MESH), label, garment, order, False, bias)
