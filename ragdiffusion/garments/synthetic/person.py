"""The wearer: skin, hair, limbs and other clothes, drawn as soft polygons behind and before the garment.

Everything is placed on the garment's landmarks in canonical coordinates; the caller maps it to the photo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.synthetic.structure import Structure

SKINS = ((236, 196, 172), (222, 176, 146), (198, 150, 118), (160, 112, 82), (112, 76, 56), (78, 54, 42))
HAIRS = ((30, 24, 22), (58, 40, 28), (96, 66, 40), (170, 130, 80), (24, 22, 24), (120, 52, 30))


@dataclass(frozen=True)
class Shape:
    """A polygon of one colour: [N, 2] photo pixels, RGB; `shaded` ones get darker rims."""

    points: np.ndarray
    colour: tuple[float, float, float]
    shaded: bool = True


@dataclass(frozen=True)
class Wearer:
    """What stands behind the garment, and what covers it; `tucked` and `inner` say what the drawing shows."""

    behind: list[Shape]
    before: list[Shape]
    tucked: bool
    inner: bool


Place = Callable[[np.ndarray], np.ndarray]


def _tube(spine: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Outline of a limb: half widths [N] along a spine [N, 2]."""
    direction = np.gradient(spine, axis=0)
    normal = (
        np.stack([-direction[:, 1], direction[:, 0]], 1)
        / np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-6)[:, None]
    )
    return np.concatenate([spine + normal * widths[:, None], (spine - normal * widths[:, None])[::-1]])


def _smooth(points: list[np.ndarray], count: int = 14) -> np.ndarray:
    """Quadratic curve through three points' hull, [count, 2]."""
    a, b, c = (np.asarray(p, dtype=np.float64) for p in points)
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c


def _ellipse(centre: np.ndarray, rx: float, ry: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return centre + np.stack([rx * np.cos(t), ry * np.sin(t)], 1)


def draw_wearer(
    structure: Structure,
    rng: np.random.Generator,
    body: Place,
    limbs: dict[str, tuple[Place, Place]],
    trouser: tuple[float, float, float],
) -> Wearer:
    """Plan a wearer for a garment.

    Args:
        structure: the garment.
        rng: source of randomness.
        body: canonical coordinates -> photo, moving with the body.
        limbs: "right", "left" -> the same for upper and lower half of the limb.
        trouser: RGB of the other clothes.
    """
    skin = SKINS[int(rng.integers(len(SKINS)))]
    hair = HAIRS[int(rng.integers(len(HAIRS)))]
    if structure.kind in ("top", "dress"):
        return _wear_top(structure, rng, body, limbs, trouser, skin, hair)
    return _wear_bottom(structure, rng, body, limbs, trouser, skin)


def _wear_top(
    structure: Structure,
    rng: np.random.Generator,
    body: Place,
    limbs: dict[str, tuple[Place, Place]],
    trouser: tuple,
    skin: tuple,
    hair: tuple,
) -> Wearer:
    m = structure.landmarks
    behind, before = [], []
    neck = (m["neck_r"] + m["neck_l"]) / 2
    width = abs(float(m["armpit_r"][0] - m["armpit_l"][0]))
    hem = m["hem_centre"]
    # Legs or trousers go down from inside the hem.
    hip, floor = 0.43 * width, float(hem[1]) + 2.0
    colour = trouser if structure.kind == "top" else skin
    for side in (-1, 1):
        spine = np.array(
            [
                [side * hip * 0.5, hem[1] - 0.35 * width],
                [side * hip * 0.56, hem[1] + 0.5],
                [side * hip * 0.5, floor],
            ]
        ) + [hem[0], 0]
        thick = np.array([hip * 0.56, hip * 0.5, hip * 0.36]) * (1.0 if structure.kind == "top" else 0.8)
        behind.append(Shape(body(_tube(spine, thick)), colour))
    # Arms: where the sleeve ends, skin goes on.
    for side, name, key in ((1, "right", "r"), (-1, "left", "l")):
        thick = 0.12 * width
        if name in limbs:
            limb = structure.limbs[name]
            root, tip = limb.root.mean(0), limb.tip.mean(0)
            axis = (tip - root) / np.hypot(*(tip - root))
            reach = 1.15 * width - np.hypot(*(tip - root))
            hang = axis * 0.45 + [0, 0.75]
            end = tip + (hang / np.hypot(*hang) if reach > 0.4 * width else axis) * max(reach, 0.14 * width)
            spine = _smooth([root * 0.4 + tip * 0.6, tip + axis * 0.08, end])
            arm = _tube(spine, np.linspace(0.9, 0.55, len(spine)) * thick)
            behind.append(Shape(limbs[name][1](arm), skin))
            hand = _ellipse(end + (end - tip) * 0.04, 0.08 * width, 0.095 * width)
            behind.append(Shape(limbs[name][1](hand), skin))
        else:
            top = m[f"shoulder_{key}"]
            elbow = top + [side * rng.uniform(0.16, 0.34) * width, 0.62 * width]
            wrist = elbow + [side * rng.uniform(-0.25, 0.2) * width, 0.55 * width]
            spine = np.concatenate(
                [
                    _smooth(
                        [
                            top + [-side * 0.02, 0.06 * width],
                            (top + elbow) / 2 + [side * 0.08 * width, 0],
                            elbow,
                        ]
                    ),
                    _smooth([elbow, (elbow + wrist) / 2, wrist])[1:],
                ]
            )
            behind.append(Shape(body(_tube(spine, np.linspace(1.05, 0.6, len(spine)) * thick)), skin))
            behind.append(Shape(body(_ellipse(wrist + [0, 0.08 * width], 0.08 * width, 0.1 * width)), skin))
    # Neck and head.
    radius = 0.23 * width
    tall = structure.collar in ("Stand-up", "Baseball", "Shirt", "Polo", "Rounded")
    chin = neck + [0, -0.16 * width]
    head = chin + [0, -1.12 * radius]
    column = (
        np.array([[-0.62, 0.45], [0.62, 0.45], [0.55, -0.9], [-0.55, -0.9]]) * [radius, 0.26 * width] + neck
    )
    long_hair = structure.gender == "Female" and rng.random() < 0.6
    shock = _ellipse(head + [0, -0.12 * radius], 1.12 * radius, 1.3 * radius)
    face = _ellipse(head + [0, 0.12 * radius], 0.86 * radius, 1.16 * radius)
    inner = structure.top_open == "Yes" or structure.collar in ("Suit", "Notched") and rng.random() < 0.8
    if structure.collar == "Hooded":
        inside = next(p.polygon for p in structure.pieces if p.name == "hood_inside")
        if rng.random() < 0.5:
            before.append(Shape(body(inside.mean(0) + (inside - inside.mean(0)) * 0.95), skin))
            before.append(
                Shape(
                    body(
                        _ellipse(
                            inside.mean(0) + [0, -0.3 * np.ptp(inside[:, 1])],
                            0.36 * np.ptp(inside[:, 0]),
                            0.2 * np.ptp(inside[:, 1]),
                        )
                    ),
                    hair,
                    False,
                )
            )
        else:
            low = np.array([inside[:, 0].mean(), inside[:, 1].max()])
            before += [
                Shape(body(column - neck + low + [0, -0.1 * width]), skin),
                Shape(body(shock - neck + low), hair, False),
                Shape(body(face - neck + low), skin),
            ]
    else:
        target = behind if tall else before
        behind.append(Shape(body(shock), hair, False))
        if inner:
            tone = float(rng.uniform(150, 245))
            before.append(Shape(body(structure.opening), (tone, tone, tone * 0.98)))
        elif len(structure.opening) and not tall:
            before.append(Shape(body(structure.opening), skin))
        target.append(Shape(body(column), tuple(0.88 * c for c in skin)))
        target.append(Shape(body(face), skin))
        fringe = _ellipse(head + [0, -0.75 * radius], 0.92 * radius, 0.5 * radius)
        target.append(Shape(body(fringe), hair, False))
    if long_hair and structure.collar != "Hooded":
        for side in (-1, 1):
            if rng.random() < 0.35:
                continue
            fall = rng.uniform(0.2, 0.7) * width
            start = head + [side * 0.95 * radius, -0.3 * radius]
            strand = _smooth(
                [
                    start,
                    start + [side * 0.3 * radius, 0.9 * radius],
                    neck + [side * rng.uniform(0.2, 0.34) * width, fall],
                ]
            )
            before.append(
                Shape(body(_tube(strand, np.linspace(0.4, 0.16, len(strand)) * radius)), hair, False)
            )
    tucked = (
        structure.kind == "top"
        and structure.fit != "Loose"
        and not structure.rib
        and (rng.random() < 0.22)
        and structure.length != "Short"
    )
    if tucked:
        y = float(hem[1]) - rng.uniform(0.1, 0.28) * (float(hem[1]) - float(m["armpit_r"][1]))
        block = np.array(
            [
                [-0.54 * width, y],
                [0.54 * width, y],
                [0.62 * width, float(hem[1]) + 0.2],
                [-0.62 * width, float(hem[1]) + 0.2],
            ]
        ) + [hem[0], 0]
        before.append(Shape(body(block), trouser))
        belt = np.array([[-0.54, 0], [0.54, 0], [0.545, 0.09], [-0.545, 0.09]]) * width + [hem[0], y]
        before.append(Shape(body(belt), tuple(0.6 * c for c in trouser), False))
    if rng.random() < 0.12:
        a, b = m["shoulder_r"], m["hem_l"]
        if rng.random() < 0.5:
            a, b = m["shoulder_l"], m["hem_r"]
        strap = _tube(np.stack([a * 0.7 + neck * 0.3, (a + b) / 2, b]), np.full(3, 0.035 * width))
        tone = tuple(rng.uniform(20, 140, 3))
        before.append(Shape(body(strap), tone, False))
        before.append(Shape(body(_ellipse(b, 0.3 * width, 0.26 * width)), tone))
    return Wearer(behind, before, tucked, inner)


def _wear_bottom(
    structure: Structure,
    rng: np.random.Generator,
    body: Place,
    limbs: dict[str, tuple[Place, Place]],
    shirt: tuple,
    skin: tuple,
) -> Wearer:
    m = structure.landmarks
    behind, before = [], []
    right, left = m["waist_r"], m["waist_l"]
    centre, width = (right + left) / 2, abs(float(right[0] - left[0]))
    torso = np.array([[-0.52, 0.14], [0.52, 0.14], [0.56, -0.6], [0.62, -1.6], [-0.62, -1.6], [-0.56, -0.6]])
    cover = rng.uniform(0.04, 0.3) if rng.random() < 0.6 else 0.0
    target = before if cover else behind
    torso[:2, 1] = cover if cover else 0.14
    target.append(Shape(body(torso * width + centre), shirt))
    for side, name, key in ((1, "right", "r"), (-1, "left", "l")):
        if name in structure.limbs:
            limb = structure.limbs[name]
            tip, root = limb.tip.mean(0), limb.root.mean(0)
            axis = (tip - root) / np.hypot(*(tip - root))
            opening = np.hypot(*(limb.tip[0] - limb.tip[1]))
            reach = 1.1 if structure.kind == "shorts" else 0.12
            axis = (axis + [0, 1.5]) / np.hypot(*(axis + [0, 1.5]))
            spine = np.stack([tip - axis * 0.2, tip + axis * reach * 0.5, tip + axis * reach])
            place = limbs[name][1]
            behind.append(Shape(place(_tube(spine, np.array([0.4, 0.34, 0.24]) * min(opening, 0.5))), skin))
            shoe = _ellipse(spine[-1] + [side * 0.04, 0.05], 0.3 * min(opening, 0.4), 0.1)
            behind.append(Shape(place(shoe), tuple(rng.uniform(20, 230, 3))))
        else:
            hem = m[f"hem_{key}"] * 0.45 + m["hem_centre"] * 0.55
            spine = np.stack([hem - [0, 0.2], hem + [0, 0.5], hem + [0, 1.2]])
            behind.append(Shape(body(_tube(spine, np.array([0.17, 0.14, 0.09]) * width * 1.1)), skin))
        arm = _smooth(
            [
                centre + [side * 0.62 * width, -1.3 * width],
                centre + [side * 0.95 * width, -0.5 * width],
                centre + [side * rng.uniform(0.6, 0.85) * width, rng.uniform(0.0, 0.35) * width],
            ]
        )
        (before if rng.random() < 0.3 else behind).append(
            Shape(body(_tube(arm, np.linspace(0.1, 0.07, len(arm)) * width)), skin)
        )
    return Wearer(behind, before, False, False)
