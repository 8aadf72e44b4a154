"""The flat-lay as a puppet: body and limbs are cut apart and turned as a display asks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.engine2d.draw import DrawnFlatLay, fill, to_pixels
from ragdiffusion.garments.engine2d.structure import Limb, Structure


@dataclass(frozen=True)
class Part:
    """A rigid part: canonical region, matrix (3, 3) from flat-lay to posed pixels, soft mask (S, S)."""

    region: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray


def rotation(pivot: np.ndarray, angle: float) -> np.ndarray:
    """Matrix [3, 3] that turns about a point, radians from +x towards +y."""
    c, s = np.cos(angle), np.sin(angle)
    x, y = pivot
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1.0]])


def _halves(limb: Limb, at: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A limb cut across: regions of its upper and lower half, and the outer and inner end of the cut."""

    def split(path: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        where = at * step[-1]
        point = np.array([np.interp(where, step, path[:, 0]), np.interp(where, step, path[:, 1])])
        k = int(np.searchsorted(step, where))
        return np.concatenate([path[:k], point[None]]), np.concatenate([point[None], path[k:]]), point

    outer_up, outer_low, outer = split(limb.outer)
    inner_up, inner_low, inner = split(limb.inner)
    upper = np.concatenate([outer_up, inner_up[::-1], limb.seam])
    return upper, np.concatenate([outer_low, inner_low[::-1]]), outer, inner


@dataclass(frozen=True)
class PuppetPose:
    """A flat-lay taken apart.

    Attributes:
        parts: later ones lie over earlier ones.
        body: matrix (3, 3) of the body.
        limbs: "right", "left" -> matrices of its upper and lower half.
        rolled: "right", "left" -> outer and inner end of the line that its sleeve is rolled up to.
        opened: whether the front's halves are apart.
        tucked: canonical height that the garment is tucked in at, or None.
    """

    parts: list[Part]
    body: np.ndarray
    limbs: dict[str, tuple[np.ndarray, np.ndarray]]
    rolled: dict[str, np.ndarray]
    opened: bool
    tucked: float | None


_ROLLS = ("Shirt", "Sweater", "Hoodie", "Denim Jacket", "Suit", "Loungewear Top", "T-shirt")
"""Categories whose long sleeves are rolled up now and then."""


_SPREAD = 0.25
"""Share of garments laid with sleeves or legs wide of the body."""


def pose(flat: DrawnFlatLay, rng: np.random.Generator, display: str) -> PuppetPose:
    """Cut the flat-lay into parts and turn them as the display asks."""
    structure, size = flat.structure, flat.image.shape[0]
    squeeze = {"laid": rng.uniform(0.96, 1.04), "hung": rng.uniform(0.9, 1.0), "worn": rng.uniform(0.8, 1.0)}[display]
    middle = (size - 1) / 2
    base = np.array([[squeeze, rng.normal(0, 0.02), 0], [0, 1, 0], [0, 0, 1.0]])
    base[:2, 2] = middle - base[:2, :2] @ [middle, middle]
    body_mask = np.zeros((size, size), np.uint8)
    for piece in structure.pieces:
        if piece.outline and piece.limb == "body":
            fill(body_mask, to_pixels(piece.polygon, size), 255)
    is_top = structure.kind in ("top", "dress")
    opened = structure.front in ("buttons", "zip", "wrap") and rng.random() < (0.45 if display == "worn" else 0.12)
    sides = _panels(structure, rng, base, size) if opened else {"right": base, "left": base}
    rolls = display == "worn" and structure.category in _ROLLS and structure.sleeve_length == "Long"
    rolls = rolls and rng.random() < 0.3
    arms, matrices, rolled = [], {}, {}
    fold, spread = rng.random() < 0.5, display == "laid" and rng.random() < _SPREAD
    for name, limb in structure.limbs.items():
        turn, bend = _limb_angles(limb, name, rng, display, is_top, fold and not spread)
        if spread:
            turn = _spread_turn(limb, name, rng, is_top)
        sign = 1.0 if name == "right" else -1.0
        pivot = to_pixels(limb.root[0 if turn > 0 else 1], size)
        upper_matrix = sides[name] @ rotation(pivot, sign * turn)
        upper, lower, outer, inner = _halves(limb, rng.uniform(0.42, 0.55))
        lower_matrix = upper_matrix @ rotation(to_pixels(outer if bend > 0 else inner, size), sign * bend)
        masks = [np.zeros((size, size), np.uint8) for _ in range(2)]
        for mask, region in zip(masks, (upper, lower), strict=True):
            fill(mask, to_pixels(region, size), 255)
        if rolls:
            masks[1][:] = 0
            rolled[name] = np.stack([outer, inner])
        # A thin overlap at every joint keeps the background from shining through.
        cv2.line(masks[0], *_ends(outer, inner, size), 255, 3, cv2.LINE_AA)
        if not is_top or structure.draped:
            fill(body_mask, to_pixels(limb.polygon, size), 0)
        cv2.line(body_mask, *_ends(limb.root[0], limb.root[1], size), 255, 3, cv2.LINE_AA)
        matrices[name] = (upper_matrix, lower_matrix)
        arms += [
            Part(region, matrix, cv2.min(mask, flat.silhouette))
            for region, matrix, mask in zip((upper, lower), matrices[name], masks, strict=True)
        ]
    cv2.min(body_mask, flat.silhouette, dst=body_mask)
    if structure.draped:
        body_mask = _without_scraps(body_mask)
    tucked = None if opened or display != "worn" else _tuck_height(structure, rng)
    if tucked is not None:
        body_mask[max(round(float(to_pixels(np.array([0.0, tucked]), size)[1])), 0) :] = 0
    outline = np.concatenate([p.polygon for p in structure.pieces if p.outline and p.limb == "body"])
    if not opened:
        return PuppetPose([Part(outline, base, body_mask), *arms], base, matrices, rolled, False, tucked)
    if len(structure.opening):  # what is worn beneath shows in the neck
        fill(body_mask, to_pixels(structure.opening, size), 0)
    panels = []
    centre = round(float(to_pixels(structure.landmarks["front_neck"], size)[0]))
    for name, columns in (("left", slice(centre, None)), ("right", slice(None, centre))):
        half = body_mask.copy()
        half[:, columns] = 0
        panels.append(Part(outline, sides[name], half))
    return PuppetPose([*panels, *arms], base, matrices, rolled, True, None)


def _without_scraps(mask: np.ndarray) -> np.ndarray:
    """A body cut out between its sleeves, without what was left beyond their cuffs."""
    width = max(3, mask.shape[0] // 40) | 1
    opened = cv2.morphologyEx(
        cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1], cv2.MORPH_OPEN, np.ones((width, width), np.uint8)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return mask
    body = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    largest = cv2.inRange(labels, body, body)
    return cv2.min(mask, cv2.dilate(largest, np.ones((5, 5), np.uint8)))


def _tuck_height(structure: Structure, rng: np.random.Generator) -> float | None:
    """Where a top without bands at its hem goes into the trousers, if it does."""
    if structure.kind != "top" or structure.rib or structure.front not in ("none", "buttons", "polo"):
        return None
    if structure.surface == "Quilted" or rng.random() > 0.28:
        return None
    low, chest = (float(structure.landmarks[name][1]) for name in ("hem_centre", "armpit_r"))
    return low - rng.uniform(0.15, 0.35) * (low - chest)


def _panels(structure: Structure, rng: np.random.Generator, base: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Matrices of both halves of an open front: each is narrowed towards its side and turned about its shoulder."""
    out = {}
    narrow, turn = rng.uniform(0.72, 0.92), rng.uniform(0.0, 0.09)
    for name, key, sign in (("right", "r", -1.0), ("left", "l", 1.0)):
        side = float(to_pixels(structure.landmarks[f"armpit_{key}"], size)[0])
        squeeze = np.array([[narrow, 0, side * (1 - narrow)], [0, 1, 0], [0, 0, 1.0]])
        shoulder = to_pixels(structure.landmarks[f"shoulder_{key}"], size)
        out[name] = base @ rotation(shoulder, sign * turn) @ squeeze
    return out


def _limb_angles(
    limb: Limb, name: str, rng: np.random.Generator, display: str, is_top: bool, fold: bool
) -> tuple[float, float]:
    """Turn and bend of a limb, no further than the cloth under it lets it fold."""
    sign = 1.0 if name == "right" else -1.0
    current = _downwards(limb, name)
    length = np.hypot(*(limb.tip.mean(0) - limb.root.mean(0))) / max(np.hypot(*(limb.root[0] - limb.root[1])), 1e-3)
    turn, bend = _angles(rng, display, current, is_top, length > 1.3, fold)
    if is_top and turn > 0 and not bend > 1:  # cloth under the arm stops a sleeve from folding onto the body
        dx, dy = limb.inner[-1] - limb.inner[0]
        room = max(np.pi / 2 - np.arctan2(dy, sign * dx), 0.0) + 0.12
        turn = min(turn, room, 0.75 if length > 1.3 else 0.3)
    return turn, bend


def _spread_turn(limb: Limb, name: str, rng: np.random.Generator, is_top: bool) -> float:
    """Turn of a limb that lies wide of the body, radians: sleeves towards level, legs apart."""
    if not is_top:
        return -float(np.deg2rad(rng.uniform(6, 26)))
    return float(min(np.deg2rad(rng.uniform(0, 55)) - _downwards(limb, name), 0.0))


def _downwards(limb: Limb, name: str) -> float:
    """Direction of a limb, radians in [-pi, pi): 0 is level and away from the body, positive downwards."""
    angle = limb.angle if name == "right" else np.pi - limb.angle
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _ends(a: np.ndarray, b: np.ndarray, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return tuple(tuple(int(round(v)) for v in to_pixels(p, size)) for p in (a, b))


def _angles(
    rng: np.random.Generator, display: str, current: float, is_top: bool, long: bool, fold: bool
) -> tuple[float, float]:
    """Turn at the root and bend at the middle, radians, positive downwards and inwards."""
    deg = np.pi / 180
    if not is_top:
        spread = {"laid": 6, "hung": 3, "worn": 4}[display]
        turn = rng.normal(2 if display == "hung" else 0, spread) * deg
        return float(np.clip(turn, -12 * deg, 12 * deg)), float(rng.normal(0, 4)) * deg * long
    if display == "laid":
        turn, bend = rng.normal(0, 13) * deg, rng.normal(4, 15) * deg
        if long and fold and rng.random() < 0.35:
            turn, bend = rng.uniform(10, 35) * deg, rng.uniform(60, 150) * deg
        return float(turn), float(bend if long else 0.3 * bend)
    target = rng.uniform(80, 94) if display == "hung" else rng.uniform(58, 86) if long else rng.uniform(42, 76)
    turn = np.clip(target * deg - current, -0.35, 1.2)
    bend = rng.normal(0, 6) if display == "hung" else rng.normal(6, 14)
    if display == "worn" and long and rng.random() < 0.3:
        bend = rng.uniform(50, 115)
    return float(turn), float(bend * deg if long else 0.2 * bend * deg)
