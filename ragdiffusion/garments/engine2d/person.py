"""The wearer: skin, hair, limbs and other clothes, drawn as soft polygons behind and before the garment.

Everything is placed on the garment's landmarks in canonical coordinates; the caller maps it to the photo.
"""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.figure import Shape, Stance, Wearer, dark, ellipse, smooth, tube
from ragdiffusion.garments.engine2d.structure import Structure

SKINS = ((236, 196, 172), (222, 176, 146), (198, 150, 118), (160, 112, 82), (112, 76, 56), (78, 54, 42))
HAIRS = ((30, 24, 22), (58, 40, 28), (96, 66, 40), (170, 130, 80), (24, 22, 24), (120, 52, 30))


def draw_wearer(structure: Structure, rng: np.random.Generator, stance: Stance) -> Wearer:
    """Plan a wearer for a garment."""
    skin = SKINS[int(rng.integers(len(SKINS)))]
    if structure.kind in ("top", "dress"):
        return _wear_top(structure, rng, stance, skin)
    return _wear_bottom(structure, rng, stance, skin)


def _wear_top(structure: Structure, rng: np.random.Generator, stance: Stance, skin: tuple) -> Wearer:
    m = structure.landmarks
    out = Wearer()
    width = abs(float(m["shoulder_r"][0] - m["shoulder_l"][0]))
    _legs_below(structure, stance, skin, width, out)
    for side, name, key in ((1, "right", "r"), (-1, "left", "l")):
        if name in stance.limbs:
            _arm_in_sleeve(structure, rng, stance, skin, (side, name), width, out)
        else:
            _bare_arm(m[f"shoulder_{key}"], rng, stance, skin, (side, width), out)
    under_lapels = structure.collar in ("Suit", "Notched") and rng.random() < 0.8
    out.inner = stance.opened or under_lapels
    if out.inner:
        _inner_layer(structure, rng, stance, out)
    _head(structure, rng, stance, skin, width, out)
    _tuck(m, rng, stance, width, out)
    if rng.random() < 0.1:
        _bag(m, rng, stance, width, out)
    return out


def _legs_below(structure: Structure, stance: Stance, skin: tuple, width: float, out: Wearer) -> None:
    """Trousers, or bare legs under a dress, going down from inside the hem."""
    hem = structure.landmarks["hem_centre"]
    hip, colour = 0.4 * width, stance.other if structure.kind == "top" else skin
    if structure.kind == "top":
        seat = np.array([[-1.06, -0.9], [1.06, -0.9], [1.12, 0.5], [0.1, 0.62], [-0.1, 0.62], [-1.12, 0.5]]) * hip
        out.behind.append(Shape(stance.body(seat + hem), colour))
    for side in (-1, 1):
        x = np.array([0.56, 0.58, 0.5]) * side * hip
        spine = np.stack([hem[0] + x, hem[1] + np.array([-0.3 * width, 0.5, 2.2])], 1)
        thick = np.array([0.54, 0.48, 0.34]) * hip * (1.0 if structure.kind == "top" else 0.76)
        out.behind.append(Shape(stance.body(tube(spine, thick)), colour))


def _arm_in_sleeve(
    structure: Structure,
    rng: np.random.Generator,
    stance: Stance,
    skin: tuple,
    which: tuple[int, str],
    width: float,
    out: Wearer,
) -> None:
    """Where the sleeve ends, skin goes on: forearm and hand."""
    side, name = which
    limb, place = structure.limbs[name], stance.limbs[name][1]
    root, tip = limb.root.mean(0), limb.tip.mean(0)
    rolled = stance.rolled.get(name)
    whole = np.hypot(*(tip - root))
    if rolled is not None:
        tip = rolled.mean(0)
    axis = (tip - root) / max(np.hypot(*(tip - root)), 1e-6)
    reach = max(1.05 * width - np.hypot(*(tip - root)), 0.12 * width)
    if rolled is not None:
        reach = max(whole - np.hypot(*(tip - root)), 0.3 * width)
    hang = axis * (1.0 if rolled is not None else 0.45) + [0, 0.2 if rolled is not None else 0.75]
    far = reach > 0.35 * width
    end = tip + (hang / np.hypot(*hang) if far else axis) * reach
    opening = np.hypot(*(limb.tip[0] - limb.tip[1])) if rolled is None else np.hypot(*(rolled[0] - rolled[1]))
    thick = min(0.1 * width, 0.42 * opening)
    spine = smooth([tip - axis * 0.3 * width, tip + axis * 0.1, end])
    hand_axis = (end - tip) / max(np.hypot(*(end - tip)), 1e-6)
    hand = tube(
        np.stack([end - hand_axis * 0.02, end + hand_axis * 0.09 * width, end + hand_axis * 0.2 * width]),
        np.array([0.6, 0.85, 0.3]) * 0.085 * width,
    )
    shapes = [Shape(place(tube(spine, np.linspace(1.0, 0.62, len(spine)) * thick)), skin), Shape(place(hand), skin)]
    out.behind += shapes
    if rolled is None:
        return
    # The roll: the cuff's inside turned out, a little wider than the sleeve.
    outer, inner = rolled
    across = (outer - inner) * 0.08
    bulge = axis * rng.uniform(0.1, 0.16) * width
    edge = np.stack([outer + across, inner - across])
    roll = np.concatenate([edge - bulge * 0.55, (edge + bulge * 0.5)[::-1]])
    upper = stance.limbs[name][0]
    out.own.append(Shape(upper(roll), dark(stance.cloth, rng.uniform(0.78, 0.95))))
    out.own.append(
        Shape(upper(np.concatenate([edge + bulge * 0.36, (edge + bulge * 0.5)[::-1]])), dark(stance.cloth, 0.5), False)
    )


def _bare_arm(
    top: np.ndarray, rng: np.random.Generator, stance: Stance, skin: tuple, scale: tuple[int, float], out: Wearer
) -> None:
    side, width = scale
    elbow = top + [side * rng.uniform(0.1, 0.26) * width, 0.62 * width]
    wrist = elbow + [side * rng.uniform(-0.25, 0.16) * width, 0.55 * width]
    spine = np.concatenate(
        [
            smooth(
                [
                    top + [-side * 0.06 * width, 0.08 * width],
                    (top + elbow) / 2 + [side * 0.09 * width, -0.04 * width],
                    elbow,
                ]
            ),
            smooth([elbow, (elbow + wrist) / 2, wrist])[1:],
        ]
    )
    thick = np.interp(np.linspace(0, 1, len(spine)), [0, 0.15, 0.5, 0.6, 1], [0.11, 0.115, 0.085, 0.085, 0.055])
    out.behind.append(Shape(stance.body(tube(spine, thick * width)), skin))
    hand = tube(
        np.stack([wrist, wrist + [0, 0.09 * width], wrist + [0, 0.2 * width]]), np.array([0.05, 0.07, 0.025]) * width
    )
    out.behind.append(Shape(stance.body(hand), skin))


def _inner_layer(structure: Structure, rng: np.random.Generator, stance: Stance, out: Wearer) -> None:
    """What is worn beneath: it fills the neck, and with the front open the whole gap."""
    m = structure.landmarks
    tone = rng.uniform(150, 245) if rng.random() < 0.6 else rng.uniform(30, 150)
    colour = tuple(np.clip(tone + rng.normal(0, 12, 3), 10, 250))
    if stance.opened:
        neck_r, neck_l = m["neck_r"], m["neck_l"]
        low = m["hem_centre"][1] - rng.uniform(0.0, 0.12)
        x = 0.8 * abs(float(m["armpit_r"][0]))
        shirt = np.concatenate(
            [
                smooth([neck_l, (neck_l + neck_r) / 2 + [0, rng.uniform(0.15, 0.45)], neck_r]),
                np.stack([m["armpit_r"] * [0.95, 1], [x, low], [-x, low], m["armpit_l"] * [0.95, 1]]),
            ]
        )
        out.behind.append(Shape(stance.body(shirt), colour))
    elif len(structure.opening):
        out.before.append(Shape(stance.body(structure.opening), colour, False))
        low = m["front_neck"]
        neck = (m["neck_r"] + m["neck_l"]) / 2
        skin_v = np.stack(
            [m["neck_l"] * 0.75 + neck * 0.25, m["neck_r"] * 0.75 + neck * 0.25, neck * 0.72 + low * 0.28 + [0, 0.03]]
        )
        out.before.append(Shape(stance.body(skin_v), dark(colour, 0.72), False))


def _head(
    structure: Structure, rng: np.random.Generator, stance: Stance, skin: tuple, width: float, out: Wearer
) -> None:
    """Neck, head and hair above the collar."""
    if structure.collar == "Hooded" and not stance.opened:
        _hooded_face(structure, stance, skin, out)
        return
    m, body = structure.landmarks, stance.body
    hair = HAIRS[int(rng.integers(len(HAIRS)))]
    neck = (m["neck_r"] + m["neck_l"]) / 2
    radius = (0.235 if structure.age == "Child" else 0.2) * width
    tall = structure.collar in ("Stand-up", "Baseball", "Shirt", "Polo", "Rounded", "Hooded") or out.inner
    chin = neck + [0, -0.5 * radius]
    head = chin + [0, -1.12 * radius]
    column = (
        np.array(
            [
                [-0.7, 0.35],
                [-0.4, 0.6],
                [0, 0.72],
                [0.4, 0.6],
                [0.7, 0.35],
                [0.55, -0.2],
                [0.52, -1.6],
                [-0.52, -1.6],
                [-0.55, -0.2],
            ]
        )
        * radius
    )
    target = out.behind if tall else out.before
    long_hair = structure.gender == "Female" and rng.random() < 0.65
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    egg = np.stack([np.cos(t) * (0.84 - 0.1 * np.sin(t)), np.sin(t) * 1.15], 1) * radius
    mass = 1.22 if long_hair else 1.1
    out.behind.append(Shape(body(ellipse(head + [0, -0.2 * radius], mass * 0.9 * radius, 1.22 * radius)), hair))
    if not tall and len(structure.opening):
        out.before.append(Shape(body(structure.opening), skin, False))
    target.append(Shape(body(column + neck), dark(skin, 0.95)))
    target.append(Shape(body(egg + head), skin))
    turn = stance.turn * 0.35 * radius
    for x in (-0.34, 0.34):
        eye = head + [x * radius + turn, -0.02 * radius]
        target.append(Shape(body(ellipse(eye, 0.12 * radius, 0.05 * radius)), dark(skin, 0.35), False))
        brow = eye + [0, -0.2 * radius]
        target.append(Shape(body(ellipse(brow, 0.19 * radius, 0.035 * radius)), dark(hair, 0.9), False))
    nose = np.array([[0.0, 0.0], [0.1, 0.34], [-0.1, 0.34]]) * radius + head + [turn * 1.3, 0]
    target.append(Shape(body(nose), dark(skin, 0.9), False))
    mouth = ellipse(head + [turn, 0.56 * radius], 0.24 * radius, 0.06 * radius)
    target.append(Shape(body(mouth), (0.78 * skin[0], 0.55 * skin[1], 0.55 * skin[2]), False))
    a = np.linspace(np.pi * 1.02, np.pi * 1.98, 16)
    part = rng.uniform(-0.5, 0.5)
    line = rng.uniform(0.5, 0.66)
    rim = np.stack([0.9 * np.cos(a), 1.2 * np.sin(a) - 0.02], 1) * radius
    fringe = np.stack([np.linspace(0.84, -0.84, 12), -line - 0.25 * np.cos(np.linspace(-1.5, 1.5, 12) - part)], 1)
    fringe[[0, -1], 1] = -0.05
    target.append(Shape(body(np.concatenate([rim, fringe * radius]) + head), hair))
    for side in (-1, 1) if long_hair else ():
        start = head + [side * 0.86 * radius, -0.35 * radius]
        fall = neck + [side * rng.uniform(0.9, 1.5) * radius, rng.uniform(0.3, 1.8) * radius]
        strand = smooth([start, start + [side * 0.35 * radius, 1.0 * radius], fall])
        lock = tube(strand, np.interp(np.linspace(0, 1, len(strand)), [0, 0.3, 1], [0.14, 0.34, 0.16]) * radius)
        (out.before if rng.random() < 0.6 else out.behind).append(Shape(body(lock), hair))


def _hooded_face(structure: Structure, stance: Stance, skin: tuple, out: Wearer) -> None:
    """A face in the hole of a hood that is worn up."""
    inside = next(p.polygon for p in structure.pieces if p.name == "hood_inside")
    low, high = inside.min(0), inside.max(0)
    radius = 0.42 * (high - low)[0]
    face = np.array([(low + high)[0] / 2, low[1] + 0.52 * (high - low)[1]])
    out.before.append(Shape(stance.body(ellipse(face, radius, min(1.3 * radius, 0.42 * (high - low)[1]))), skin))
    turn = stance.turn * 0.3 * radius
    for x in (-0.36, 0.36):
        eye = ellipse(face + [x * radius + turn, -0.1 * radius], 0.13 * radius, 0.06 * radius)
        out.before.append(Shape(stance.body(eye), dark(skin, 0.35), False))
    mouth = ellipse(face + [turn, 0.55 * radius], 0.25 * radius, 0.06 * radius)
    out.before.append(Shape(stance.body(mouth), (0.78 * skin[0], 0.55 * skin[1], 0.55 * skin[2]), False))


def _tuck(m: dict[str, np.ndarray], rng: np.random.Generator, stance: Stance, width: float, out: Wearer) -> None:
    """Trousers over the garment's end: waistband, buckle and fly."""
    if stance.tucked is None:
        return
    y, low = stance.tucked, float(m["hem_centre"][1]) + 0.25
    half = 0.52 * width
    left, right = np.array([-0.94 * half, y - 0.03]), np.array([0.94 * half, y - 0.03])
    block = np.concatenate(
        [
            smooth([left, (left + right) / 2 + [0, 0.05], right]),
            np.array([[half, (y + low) / 2], [1.02 * half, low], [-1.02 * half, low], [-half, (y + low) / 2]]),
        ]
    )
    out.before.append(Shape(stance.body(block), stance.other))
    band = smooth([left, (left + right) / 2 + [0, 0.05], right])
    belt = dark(stance.other, 0.55) if rng.random() < 0.6 else dark(stance.other, 0.82)
    out.before.append(Shape(stance.body(np.concatenate([band, (band + [0, 0.075 * width])[::-1]])), belt, False))
    buckle = np.array([[-0.05, 0.02], [0.05, 0.02], [0.05, 0.1], [-0.05, 0.1]]) * width + (left + right) / 2
    out.before.append(Shape(stance.body(buckle), tuple(np.clip(np.array(belt) + 60, 0, 235)), False))
    fly = np.array([[-0.006, 0.1], [0.006, 0.1], [0.006, 0.5], [-0.006, 0.5]]) * width + [0, y]
    out.before.append(Shape(stance.body(fly), dark(stance.other, 0.6), False))


def _bag(m: dict[str, np.ndarray], rng: np.random.Generator, stance: Stance, width: float, out: Wearer) -> None:
    """A bag across the body, its strap over the garment."""
    a, b = (m["shoulder_r"], m["hem_l"]) if rng.random() < 0.5 else (m["shoulder_l"], m["hem_r"])
    neck = (m["neck_r"] + m["neck_l"]) / 2
    strap = tube(np.stack([a * 0.6 + neck * 0.4, (a + b) / 2 + [0, 0.03], b]), np.full(3, 0.025 * width))
    tone = tuple(np.clip(rng.uniform(25, 130) + rng.normal(0, 20, 3), 10, 230))
    out.before.append(Shape(stance.body(strap), dark(tone, 0.8), False))
    box = (
        np.array(
            [
                [-0.24, -0.04],
                [-0.2, -0.1],
                [0.2, -0.1],
                [0.24, -0.04],
                [0.25, 0.24],
                [0.2, 0.3],
                [-0.2, 0.3],
                [-0.25, 0.24],
            ]
        )
        * width
    )
    out.before.append(Shape(stance.body(box + b), tone))
    flap = np.array([[-0.24, -0.06], [0.24, -0.06], [0.22, 0.1], [-0.22, 0.1]]) * width
    out.before.append(Shape(stance.body(flap + b), dark(tone, 1.15), False))


def _wear_bottom(structure: Structure, rng: np.random.Generator, stance: Stance, skin: tuple) -> Wearer:
    m, body, out = structure.landmarks, stance.body, Wearer()
    right, left = m["waist_r"], m["waist_l"]
    centre, width = (right + left) / 2, abs(float(right[0] - left[0]))
    torso = np.array(
        [
            [-0.53, 0.14],
            [0.53, 0.14],
            [0.5, -0.35],
            [0.6, -1.0],
            [0.66, -1.6],
            [-0.66, -1.6],
            [-0.6, -1.0],
            [-0.5, -0.35],
        ]
    )
    cover = rng.uniform(0.04, 0.3) if rng.random() < 0.6 else 0.0
    torso[:2, 1] = cover if cover else 0.14
    (out.before if cover else out.behind).append(Shape(body(torso * width + centre), stance.other))
    for side, name, key in ((1, "right", "r"), (-1, "left", "l")):
        if name in structure.limbs:
            limb = structure.limbs[name]
            tip, root = limb.tip.mean(0), limb.root.mean(0)
            axis = (tip - root) / np.hypot(*(tip - root))
            opening = min(float(np.hypot(*(limb.tip[0] - limb.tip[1]))), 0.5)
            reach = 1.1 if structure.kind == "shorts" else 0.12
            axis = (axis + [0, 1.5]) / np.hypot(*(axis + [0, 1.5]))
            spine = np.stack([tip - axis * 0.2, tip + axis * reach * 0.5, tip + axis * reach])
            place = stance.limbs[name][1]
            out.behind.append(Shape(place(tube(spine, np.array([0.4, 0.34, 0.24]) * opening)), skin))
            shoe = (
                np.array(
                    [
                        [-0.2, -0.06],
                        [0.2, -0.06],
                        [0.3 + 0.2 * side, 0.1],
                        [0.2, 0.17],
                        [-0.2, 0.17],
                        [-0.3 + 0.2 * side, 0.1],
                    ]
                )
                * [opening * 1.3, 0.8]
                + spine[-1]
            )
            out.behind.append(Shape(place(shoe), tuple(np.clip(rng.uniform(20, 220) + rng.normal(0, 15, 3), 5, 245))))
        else:
            hem = m[f"hem_{key}"] * 0.45 + m["hem_centre"] * 0.55
            spine = np.stack([hem - [0, 0.2], hem + [0, 0.5], hem + [0, 1.2]])
            out.behind.append(Shape(body(tube(spine, np.array([0.17, 0.14, 0.09]) * width * 1.1)), skin))
        arm = smooth(
            [
                centre + [side * 0.66 * width, -1.3 * width],
                centre + [side * 0.98 * width, -0.5 * width],
                centre + [side * rng.uniform(0.6, 0.85) * width, rng.uniform(0.0, 0.35) * width],
            ]
        )
        sleeve = rng.random() < 0.5
        shape = Shape(body(tube(arm, np.linspace(0.12, 0.075, len(arm)) * width)), stance.other if sleeve else skin)
        hand = Shape(body(ellipse(arm[-1] + [0, 0.04 * width], 0.075 * width, 0.1 * width)), skin)
        (out.before if rng.random() < 0.3 else out.behind).extend([shape, hand])
    return out
