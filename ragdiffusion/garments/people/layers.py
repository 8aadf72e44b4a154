"""A layer: one mesh of the scene, posed, with what the rasteriser and the painter need to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.meshes import vertex_normals


@dataclass
class Layer:
    """One mesh.

    Attributes:
        name: "body", "hair", "shoes", ... or the garment's kind and part.
        points: float32 (N, 3), posed, metres.
        faces: int64 (F, 3).
        attributes: float32 (N, raster.ATTRIBUTES).
        parameters: (raster.PARAMETERS,).
        label: of `labels`.
        garment: index of its garment, -1 for none.
        order: over what it is worn.
        on_body: whether it is a pushed-out body surface.
        bias: metres that it is drawn nearer.
        thickness: of the cloth, for its relief and edge, metres.
    """

    name: str
    points: np.ndarray
    faces: np.ndarray
    attributes: np.ndarray
    parameters: np.ndarray
    label: int
    garment: int = -1
    order: int = 0
    on_body: bool = False
    bias: float = 0.0
    thickness: float = 0.001


def parameters(kind: int, values: dict[int, float] | None = None) -> np.ndarray:
    """A layer's parameters; what is not given means "no cut"."""
    out = np.zeros(raster.PARAMETERS)
    out[raster.KIND], out[raster.TOP_Z], out[raster.FIELD] = kind, 99, -1
    out[raster.SLEEVE], out[raster.LEG_END], out[raster.LENGTH] = -1, -9, 1
    for index, value in (values or {}).items():
        out[index] = value
    return out


@dataclass(frozen=True)
class Scene:
    """All layers as one mesh.

    Attributes:
        points, normals: float32 (N, 3).
        faces: (F, 3).
        layer: (F,).
        attributes: (N, raster.ATTRIBUTES).
        parameters: (L, raster.PARAMETERS).
        fields: (K, 2, *raster.FIELD_SHAPE).
        edges: (E, 2, raster.EDGE_ROWS).
        layers: the layers.
    """

    points: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    layer: np.ndarray
    attributes: np.ndarray
    parameters: np.ndarray
    fields: np.ndarray
    edges: np.ndarray
    layers: list[Layer] = field(repr=False)


def merged(layers: list[Layer], fields: np.ndarray, edges: np.ndarray) -> Scene:
    """Put layers together."""
    offsets = np.cumsum([0, *(len(layer.points) for layer in layers)])
    return Scene(
        points=np.concatenate([layer.points for layer in layers]),
        normals=np.concatenate([vertex_normals(layer.points, layer.faces) for layer in layers]),
        faces=np.concatenate([layer.faces + start for layer, start in zip(layers, offsets, strict=False)]),
        layer=np.concatenate([np.full(len(layer.faces), i) for i, layer in enumerate(layers)]),
        attributes=np.concatenate([layer.attributes for layer in layers]),
        parameters=np.stack([layer.parameters for layer in layers]),
        fields=fields,
        edges=edges,
        layers=layers,
    )
