"""What people wear and hold besides garments: shoes, bags, phones, cups, scarves, hats, glasses."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people import raster
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.labels import OTHER
from ragdiffusion.garments.people.layers import Layer, parameters
from ragdiffusion.garments.people.meshes import laplacian
from ragdiffusion.garments.people.solids import ellipsoid, rigid_layer, tube


def add_shoes(dresser: Dresser, rng: np.random.Generator, *, heels: bool = False) -> None:
    """Shoes, boots, pumps, heels, or bare feet."""
    if rng.random() > 0.9 and not heels:
        return
    u, body, model = rng.uniform, dresser.body, dresser.body.model
    boots = rng.random() < 0.3
    low = u(0.66, 0.95) if boots else u(0.99, 1.05)
    out = body.rest + body.normals * u(0.006, 0.016)
    smooth = np.where(model.feet > 0.5, 0.9, 0.0)
    out = laplacian(out.astype(np.float64), model.start, model.neighbour, smooth, 6).astype(np.float32)
    out[model.feet > 0.5, 2] -= 0.008
    values = {raster.C0: low, raster.LEG_LENGTH: body.charts.leg_length}
    if not boots and (heels or body.female and rng.random() < 0.35):
        foot = body.rest[model.feet > 0.5]
        values[raster.C1] = foot[:, 2].min() + u(0.02, 0.045)
        values[raster.C2] = foot[:, 1].min() + u(0.05, 0.085)
    keep = (model.feet > 0.05) | (body.charts.leg > 0.6)
    dresser.layers.append(
        Layer(
            "shoes",
            dresser.pose.points(out),
            model.faces[keep[model.faces].all(1)],
            dresser.attributes,
            parameters(raster.SHOE, values),
            OTHER,
            order=2 if low > 0.9 or rng.random() < 0.5 else 4,
            on_body=True,
        )
    )
    if heels:
        thick = u(0.006, 0.02)
        for side, sign in ((".L", 1), (".R", -1)):
            ankle = body.charts.ankle * np.array([sign, 1, 1])
            top = np.array([ankle[0], ankle[1] + 0.035, body.rest[:, 2].min() + 0.03])
            way = dresser.pose.bones[model.bone["foot" + side]][:, :3].T @ np.array([0, 0.0, -1])
            path = np.linspace(top, top + way * u(0.07, 0.1), 6)
            dresser.layers.append(
                rigid_layer(dresser, tube(path, np.linspace(0.024, thick, 6), 8), "foot" + side, "shoes", OTHER)
            )


def add_things(dresser: Dresser, rng: np.random.Generator) -> None:
    """Now and then a bag in the hand or on the shoulder, a phone, a cup, a scarf, a hat."""
    u = rng.uniform
    side = ".L" if rng.random() < 0.5 else ".R"
    wrist = dresser.pose.rigid(dresser.body.model.bone["wrist" + side], dresser.body.head_of("wrist" + side)[None])[0]
    hand = (
        dresser.layers[0]
        .points[(dresser.body.model.hands > 0.9) & ((dresser.body.rest[:, 0] > 0) == (side == ".L"))]
        .mean(0)
    )
    k = rng.random()
    if k < 0.12 and hand[2] < dresser.body.charts.waist_z + 0.1:
        _hand_bag(dresser, hand, rng)
    elif 0.12 < k < 0.17:
        _shoulder_bag(dresser, side, rng)
    elif 0.17 < k < 0.21:
        box = ellipsoid(hand + [0, -0.03, 0.04], np.array([0.037, 0.008, 0.075]), 0.3)
        dresser.layers.append(rigid_layer(dresser, box, None, "phone", OTHER))
    elif 0.21 < k < 0.24:
        cup = tube(np.linspace(hand + [0, -0.04, -0.03], hand + [0, -0.045, 0.1], 6), np.linspace(0.03, 0.042, 6))
        dresser.layers.append(rigid_layer(dresser, cup, None, "cup", OTHER))
    elif 0.24 < k < 0.26:
        paper = ellipsoid(0.5 * (hand + wrist) + [0, -0.05, 0.02], np.array([u(0.08, 0.13), 0.01, u(0.1, 0.16)]), 0.2)
        dresser.layers.append(rigid_layer(dresser, paper, None, "papers", OTHER))
    if rng.random() < 0.05:
        _scarf(dresser, rng)
    if rng.random() < 0.05:
        _hat(dresser, rng)


def _hand_bag(dresser: Dresser, hand: np.ndarray, rng: np.random.Generator) -> None:
    u = rng.uniform
    wide, deep, high = u(0.09, 0.2), u(0.03, 0.07), u(0.07, 0.17)
    drop = u(0.04, 0.18)
    centre = hand + [0, 0, -drop - high]
    dresser.layers.append(
        rigid_layer(dresser, ellipsoid(centre, np.array([wide, deep, high]), u(0.2, 0.6)), None, "bag", OTHER)
    )
    t = np.linspace(0, np.pi, 14)
    arch = np.stack(
        [
            centre[0] + np.cos(t) * wide * 0.6,
            np.full(14, centre[1]),
            centre[2] + high * 0.8 + np.sin(t) * (drop + high * 0.2),
        ],
        1,
    )
    dresser.layers.append(rigid_layer(dresser, tube(arch, np.full(14, u(0.004, 0.012)), 8), None, "bag", OTHER))


def _shoulder_bag(dresser: Dresser, side: str, rng: np.random.Generator) -> None:
    u, body = rng.uniform, dresser.body
    sign = 1 if side == ".L" else -1
    hip = dresser.pose.rigid(
        body.model.bone["spine05"],
        np.array([[sign * (body.charts.hip[0] + 0.12), -0.02, body.charts.waist_z - u(0.05, 0.25)]]),
    )[0]
    bag = ellipsoid(hip, np.array([u(0.04, 0.08), u(0.09, 0.16), u(0.08, 0.15)]), u(0.2, 0.6))
    dresser.layers.append(rigid_layer(dresser, bag, None, "bag", OTHER))


def _scarf(dresser: Dresser, rng: np.random.Generator) -> None:
    u, charts = rng.uniform, dresser.body.charts
    t = np.linspace(-np.pi, np.pi, 40)
    back = (1 - np.cos(t)) / 2
    path = np.stack(
        [
            np.sin(t) * (charts.neck_x + 0.035),
            charts.axis_y[np.argmax(dresser.body.model.neck)] * 0 + 0.012 - np.cos(t) * 0.085,
            charts.neck_z - 0.03 + 0.05 * back,
        ],
        1,
    )
    ring = tube(path, u(0.025, 0.045) * (1 + 0.15 * np.sin(t * 7)), 12, 1.4)
    dresser.layers.append(rigid_layer(dresser, ring, "spine01", "scarf", OTHER))
    if rng.random() < 0.6:
        x = u(-0.05, 0.05)
        end = np.linspace([x, -0.14, charts.neck_z - 0.05], [x * 1.5, -0.2, charts.neck_z - u(0.25, 0.5)], 12)
        dresser.layers.append(
            rigid_layer(dresser, tube(end, np.full(12, u(0.035, 0.06)), 12, 0.3), "spine02", "scarf", OTHER)
        )


def _hat(dresser: Dresser, rng: np.random.Generator) -> None:
    u, eye = rng.uniform, dresser.body.charts.eye
    centre = np.array([0, eye[1] + 0.085, eye[2] + 0.07])
    dome = ellipsoid(centre, np.array([0.092, 0.112, u(0.07, 0.11)]))
    dresser.layers.append(rigid_layer(dresser, dome, "head", "hat", OTHER))
    if rng.random() < 0.7:
        brim = ellipsoid(centre + [0, u(-0.1, 0), -0.01], np.array([0.1, 0.12, 0.008]) * u(1, 1.5))
        dresser.layers.append(rigid_layer(dresser, brim, "head", "hat", OTHER))
