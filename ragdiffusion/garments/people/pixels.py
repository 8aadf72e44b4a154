"""What a camera sees: everything known of each pixel before it has its final colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people import painting, raster
from ragdiffusion.garments.people.camera import Camera
from ragdiffusion.garments.people.flat import panel_grids
from ragdiffusion.garments.people.labels import GROUND
from ragdiffusion.garments.people.layers import Layer, Scene


@dataclass
class Pixels:
    """A picture in the making; `colour`, `label` and `instance` are changed in place while it is painted.

    Attributes:
        colour: float32 (H, W, 3), RGB in [0, 255], not yet lit.
        label: uint8 (H, W).
        instance: int8 (H, W), which garment, -1 for none.
        attributes: (H, W, raster.ATTRIBUTES).
        normal: (H, W, 3), camera frame.
        depth: (H, W), metres.
        which: (H, W), layer or -1.
        inside: (H, W), metres to the edge of the material.
        panel: int8 (H, W), of `raster`'s panels, -1 for none.
        flat: (H, W, 2), place on the garment's flat-lay, cm.
        front: bool (H, W), whether a front panel is seen.
        across: (H, W), from the axis of the closed garment, cm.
        down: (H, W), below the neck's base, cm.
        size: metres per pixel.
        layers: of the scene.
    """

    colour: np.ndarray
    label: np.ndarray
    instance: np.ndarray
    attributes: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    which: np.ndarray
    inside: np.ndarray
    panel: np.ndarray
    flat: np.ndarray
    front: np.ndarray
    across: np.ndarray
    down: np.ndarray
    size: float
    layers: list[Layer]

    @property
    def garment_of(self) -> np.ndarray:
        """Garment of each layer (L,), -1 for none."""
        return np.array([layer.garment for layer in self.layers])


def look(scene: Scene, camera: Camera, patterns: list[Pattern], neck_z: float, height: int, width: int) -> Pixels:
    """Rasterise a scene.

    Args:
        scene: what is there.
        camera: from where.
        patterns: of the garments.
        neck_z: height of the neck's base at rest, metres.
        height: of the picture, pixels.
        width: of the picture, pixels.
    """
    layers = scene.layers
    on_body = np.array([layer.on_body for layer in layers])
    charted = on_body | np.array([layer.name.endswith("_skirt") for layer in layers])
    order, bias = np.array([layer.order for layer in layers]), np.array([layer.bias for layer in layers])
    cuts = (scene.fields, scene.edges)
    screen = camera.project(scene.points, height, width)
    nearest_first = np.argsort(screen[:, 2][scene.faces].min(1))  # what they hide is not looked at
    faces, layer = scene.faces[nearest_first], scene.layer[nearest_first]
    seen, bary, depth = raster.rasterise(
        screen, faces, layer, scene.attributes, scene.parameters, on_body, charted, order, bias, *cuts, height, width
    )
    normals = (scene.normals @ camera.view.T).astype(np.float32)
    attributes, normal, which, inside, panel, place, front, across, _ = raster.gather(
        seen, bary, faces, layer, scene.attributes, normals, scene.parameters, *cuts
    )
    garment_of = np.array([layer.garment for layer in layers])
    flat = painting.lay_flat(which, panel, place, garment_of, np.stack([panel_grids(p) for p in patterns]))
    return Pixels(
        colour=np.zeros((height, width, 3), np.float32),
        label=np.array([*(layer.label for layer in layers), GROUND], np.uint8)[which],
        instance=np.array([*garment_of, -1], np.int8)[which],
        attributes=attributes, normal=normal, depth=depth, which=which, inside=inside, panel=panel, flat=flat,
        front=front, across=across, down=(neck_z - attributes[..., raster.Z]) * 100, size=camera.pixel, layers=layers,
    )  # fmt: skip
