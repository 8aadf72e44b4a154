"""Collars, hoods and rolled cuffs as geometry of their own."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.meshes import grid_faces
from ragdiffusion.garments.people.solids import Mesh, rigid_layer, tube
from ragdiffusion.garments.people.wardrobe import Garment


def add_collar(dresser: Dresser, garment: Garment, index: int, rng: np.random.Generator) -> None:
    """Put the garment's collar or hood round the neck."""
    if garment.collar == "hood":
        mesh = _hood(dresser, rng)
    elif garment.collar in ("shirt", "stand", "lapel"):
        mesh = _collar(dresser, garment, rng)
    else:
        return
    layer = rigid_layer(
        dresser,
        mesh,
        "spine01",
        "collar",
        garment.label,
        garment=index,
        order=garment.order,
        bias=0.002 * garment.order,
    )
    layer.parameters[raster.ORIGIN_Z] = dresser.body.charts.neck_z
    dresser.layers.append(layer)


def _collar(dresser: Dresser, garment: Garment, rng: np.random.Generator) -> Mesh:
    """A band round the neck; a shirt's and a suit's turns down into leaves that end in points."""
    u, charts = rng.uniform, dresser.body.charts
    half_open = {"shirt": u(0.12, 0.5), "stand": u(0.05, 0.7), "lapel": u(0.75, 1.1)}[garment.collar]
    angle = np.linspace(half_open, 2 * np.pi - half_open, 36)
    wide = garment.measures.get("neck_width", 16) / 200
    radius = max(charts.neck_x + 0.012, min(wide, charts.neck_x + 0.03)) + 0.004 * garment.order
    back = (1 - np.cos(angle)) / 2
    axis_y = 0.012

    def ring(r: float, lift: float) -> np.ndarray:
        depth = axis_y - np.cos(angle) * r * 0.95
        return np.stack([np.sin(angle) * r, depth, charts.neck_z - 0.035 + 0.06 * back + lift], 1)

    high = u(0.025, 0.045)
    base, stand = ring(radius + 0.008, 0.0), ring(radius, high)
    if garment.collar == "stand":
        return np.concatenate([stand + [0, 0, 0.01], base]), grid_faces(2, 36)
    point = np.exp(-(((np.minimum(angle - half_open, 2 * np.pi - half_open - angle)) / 0.35) ** 2))
    leaf = u(0.02, 0.035)
    reach = leaf + 0.03 * point
    fold = ring(radius + 0.006, high - 0.002)
    outer = np.stack(
        [
            np.sin(angle) * (radius + 0.012 + reach * 0.75),
            axis_y - np.cos(angle) * (radius + 0.014 + reach * 0.7),
            charts.neck_z - 0.035 + 0.06 * back + high - reach * 1.15 - 0.012,
        ],
        1,
    )
    return np.concatenate([base, stand, fold, outer]), grid_faces(4, 36)


def _hood(dresser: Dresser, rng: np.random.Generator) -> Mesh:
    """A thick roll lying round the neck and on the shoulders."""
    charts = dresser.body.charts
    t = np.linspace(-2.65, 2.65, 40)
    back = (1 - np.cos(t)) / 2
    path = np.stack(
        [np.sin(t) * (charts.neck_x + 0.048), 0.02 - np.cos(t) * 0.088, charts.neck_z - 0.045 + 0.08 * back], 1
    )
    return tube(path, rng.uniform(0.018, 0.026) + rng.uniform(0.025, 0.04) * back, 12, 1.25)
