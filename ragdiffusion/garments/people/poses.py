"""Poses: bones aimed at directions, and the matrices that move vertices from rest to pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.people.bodies import Body
from ragdiffusion.garments.people.meshes import blend_bones, rotation, shortest_arc, skin

Direction = tuple[float, float, float]
_Draw = Callable[[float, float], float]

_ARMS: dict[str, tuple[float, Callable[[_Draw], tuple[Direction, Direction]]]] = {
    "down": (0.36, lambda u: ((u(0.08, 0.25), u(-0.1, 0.15), -1), (u(0, 0.2), u(-0.35, 0), -1))),
    "away": (0.11, lambda u: ((u(0.3, 0.8), u(-0.2, 0.2), -1), (u(0.2, 0.8), u(-0.4, 0), -1))),
    "bent": (0.09, lambda u: ((u(0.1, 0.4), u(-0.1, 0.3), -1), (u(-0.3, 0.3), u(-1, -0.5), u(-0.6, 0.4)))),
    "akimbo": (0.1, lambda u: ((u(0.6, 0.9), u(0.1, 0.4), -0.8), (u(-0.9, -0.6), u(-0.5, -0.2), u(-0.7, -0.4)))),
    "front": (0.05, lambda u: ((u(0.1, 0.35), u(-0.25, 0.05), -1), (u(-1, -0.6), u(-0.8, -0.5), u(-0.6, 0.1)))),
    "low": (0.06, lambda u: ((u(0.1, 0.25), u(-0.2, 0), -1), (u(-0.6, -0.3), u(-0.55, -0.3), -1))),
    "pocket": (0.11, lambda u: ((u(0.25, 0.45), u(0.1, 0.35), -1), (u(-0.25, -0.05), u(-0.5, -0.25), -1))),
    "raised": (0.04, lambda u: ((u(0.6, 1), u(-0.5, 0.1), u(-0.6, 0.3)), (u(-0.4, 0.4), u(-0.5, 0.1), u(0.4, 1)))),
    "behind": (0.04, lambda u: ((u(0.15, 0.35), u(0.2, 0.5), -1), (u(-0.6, -0.2), u(0, 0.3), -1))),
    "out": (0.02, lambda u: ((1, u(-0.4, 0.1), u(-0.4, 0.3)), (1, u(-0.8, 0.1), u(-0.5, 0.5)))),
    "face": (0.02, lambda u: ((u(0.1, 0.5), u(-0.5, -0.2), -0.8), (u(-0.6, -0.1), u(-0.5, -0.2), 1))),
}
"""Share and draw of (upper arm, forearm) directions, for the left arm: x outwards, y back, z up."""

_CROSSED = (((0.28, -0.32, -1), (-0.95, -0.42, 0.06)), ((0.28, -0.2, -1), (-0.95, -0.62, 0.22)))
_STANCES = {"straight": 0.42, "walk": 0.2, "cross": 0.13, "hip": 0.25}


@dataclass(frozen=True)
class Pose:
    """A body in a pose.

    Attributes:
        bones: float32 (B, 3, 4), rest to posed, metres.
        matrices: float32 (N, 3, 4), the same for each vertex.
        arms: names of the left and the right arm's pose.
        stance: what the legs do.
    """

    bones: np.ndarray
    matrices: np.ndarray
    arms: tuple[str, str]
    stance: str

    def points(self, rest: np.ndarray) -> np.ndarray:
        """Move points (N, 3) that belong to the body's vertices, such as a garment pushed out from them."""
        return skin(np.ascontiguousarray(rest, np.float32), self.matrices)

    def rigid(self, bone: int, points: np.ndarray) -> np.ndarray:
        """Move any points (M, 3) with one bone."""
        matrix = self.bones[bone]
        return (points @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32)


def sample_pose(body: Body, rng: np.random.Generator, *, heels: bool = False) -> Pose:
    """Draw a pose, standing nearly always; `heels` lifts the feet's."""
    u: _Draw = lambda low, high: float(rng.uniform(low, high))  # noqa: E731
    stance = "seated" if rng.random() < 0.08 else str(rng.choice(list(_STANCES), p=list(_STANCES.values())))
    names = list(_ARMS)
    shares = np.array([_ARMS[n][0] for n in names])
    draw = lambda: str(rng.choice(names, p=shares / shares.sum()))  # noqa: E731
    first = draw()
    second = first if rng.random() < 0.6 else draw()
    if stance == "seated" and first in ("pocket", "behind"):
        first = second = "low"
    crossed = rng.random() < 0.05
    arms = ("crossed", "crossed") if crossed else (first, second)
    legs = _legs(stance, u, rng)
    turns = _spine(body, u, rng)
    aims: dict[int, tuple[Direction, int, int]] = {}
    swap = 1 if rng.random() < 0.5 else 0
    for k, (side, sign) in enumerate(((".L", 1), (".R", -1))):
        upper, fore = _CROSSED[k ^ swap] if crossed else _ARMS[arms[k]][1](u)
        thigh, shin = legs[k]
        for bone, child, aim in (
            ("upperarm01", "lowerarm01", upper),
            ("lowerarm01", "wrist", fore),
            ("upperleg01", "lowerleg01", thigh),
            ("lowerleg01", "foot", shin),
        ):
            index = body.model.bone
            aims[index[bone + side]] = (aim, index[child + side], sign)
        if heels:
            turns[index["foot" + side]] = rotation((1, 0, 0), 0.55)
            for toe in range(1, 6):
                turns[index[f"toe{toe}-1{side}"]] = rotation((1, 0, 0), -0.5)
        turns[index["wrist" + side]] = rotation((0, 1, 0), u(-0.25, 0.25)) @ rotation((1, 0, 0), u(-0.3, 0.2))
        curl = u(0, 0.7)
        for finger in (2, 3, 4, 5):
            for joint in (1, 2):
                turns[index[f"finger{finger}-{joint}{side}"]] = rotation((0, sign, 0), curl * 0.8)
    return pose_body(body, turns, aims, arms, stance)


def pose_body(
    body: Body,
    turns: dict[int, np.ndarray],
    aims: dict[int, tuple[Direction, int, int]],
    arms: tuple[str, str] = ("rest", "rest"),
    stance: str = "rest",
) -> Pose:
    """Forward kinematics.

    Args:
        body: who.
        turns: bone -> (3, 3), rotation added there, in the rest pose's axes.
        aims: bone -> (direction, child bone, sign of x): turns the bone so that its child lies that way.
        arms: names for `Pose.arms`.
        stance: name for `Pose.stance`.
    """
    model, count = body.model, len(body.model.bones)
    world = np.zeros((count, 4, 4))
    for i, parent in enumerate(model.parents):
        above = np.eye(4) if parent < 0 else world[parent]
        head = body.heads[i].astype(float)
        turn = turns.get(i, np.eye(3))
        if i in aims:
            direction, child, sign = aims[i]
            now = above[:3, :3] @ (body.heads[child] - head)
            wanted = np.array([direction[0] * sign, direction[1], direction[2]], float)
            turn = above[:3, :3].T @ shortest_arc(now, wanted) @ above[:3, :3]
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = turn, head - turn @ head
        world[i] = above @ local
    bones = np.ascontiguousarray(world[:, :3], np.float32)
    return Pose(bones, blend_bones(model.weights, model.index, bones), arms, stance)


def _legs(stance: str, u: _Draw, rng: np.random.Generator) -> list[tuple[Direction, Direction]]:
    """Thigh and shin directions of the left and the right leg."""
    legs, resting = [], int(rng.choice([-1, 1]))
    wide = u(0, 0.3) if rng.random() < 0.5 else u(-0.15, 0.05)
    for sign in (1, -1):
        apart = u(-0.02, 0.13)
        thigh: Direction = (apart, u(-0.06, 0.04), -1)
        shin: Direction = (u(-0.03, 0.06) + apart * 0.3, u(0, 0.1), -1)
        if stance == "walk":
            stride = sign * resting * u(0.1, 0.35)
            thigh = (u(-0.02, 0.05), -stride, -1)
            shin = (u(-0.03, 0.03), u(0.05, 0.3) if stride < 0 else u(-0.05, 0.15), -1)
        elif stance == "cross":
            thigh, shin = (u(-0.2, -0.07), -0.05 - 0.06 * sign * resting, -1), (u(-0.12, 0), u(0.03, 0.12), -1)
        elif stance == "hip" and sign == resting:
            thigh, shin = (u(0.1, 0.25), u(-0.25, -0.05), -1), (u(-0.05, 0.12), u(0.05, 0.25), -1)
        elif stance == "seated":
            thigh, shin = (wide + u(-0.05, 0.1), -1, u(-0.3, 0)), (u(-0.15, 0.15), u(-0.2, 0.3), -1)
        legs.append((thigh, shin))
    return legs


def _spine(body: Body, u: _Draw, rng: np.random.Generator) -> dict[int, np.ndarray]:
    """Leaning and twisting of the trunk, turning of the head."""
    index, lean = body.model.bone, u(-0.06, 0.06)
    turned = u(-0.6, 0.6) if rng.random() < 0.4 else u(-0.1, 0.1)
    return {
        index["spine04"]: rotation((0, 1, 0), lean)
        @ rotation((1, 0, 0), u(-0.08, 0.06))
        @ rotation((0, 0, 1), u(-0.12, 0.12)),
        index["spine02"]: rotation((0, 1, 0), u(-0.04, 0.04) - lean * 0.7) @ rotation((0, 0, 1), u(-0.1, 0.1)),
        index["neck01"]: rotation((0, 1, 0), u(-0.1, 0.1)) @ rotation((1, 0, 0), u(-0.12, 0.2)),
        index["head"]: rotation((0, 0, 1), turned) @ rotation((1, 0, 0), u(-0.1, 0.15)),
    }
