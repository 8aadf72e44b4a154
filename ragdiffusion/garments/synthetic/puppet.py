"""The flat-lay as a puppet: body and limbs are cut apart and turned as a display asks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.synthetic.draw import FlatLay, fill, to_pixels
from ragdiffusion.garments.synthetic.structure import Limb


@dataclass(frozen=True)
class Part:
    """A rigid part: canonical region, matrix [3, 3] from flat-lay to posed pixels, soft mask [S, S]."""

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


def pose(flat: FlatLay, rng: np.random.Generator, display: str) -> list[Part]:
    """Cut the flat-lay into parts and turn them as the display asks; later parts lie over earlier ones."""
    structure, size = flat.structure, flat.image.shape[0]
    squeeze = {"laid": rng.uniform(0.96, 1.04), "hung": rng.uniform(0.9, 1.0), "worn": rng.uniform(0.8, 1.0)}[
        display
    ]
    middle = (size - 1) / 2
    base = np.array([[squeeze, rng.normal(0, 0.02), 0], [0, 1, 0], [0, 0, 1.0]])
    base[:2, 2] = middle - base[:2, :2] @ [middle, middle]
    body_mask = np.zeros((size, size), np.uint8)
    for piece in structure.pieces:
        if piece.outline and piece.limb == "body":
            fill(body_mask, to_pixels(piece.polygon, size), 255)
    is_top = structure.kind in ("top", "dress")
    parts, arms = [], []
    fold = rng.random() < 0.5
    for name, limb in structure.limbs.items():
        sign = 1.0 if name == "right" else -1.0
        current = limb.angle if name == "right" else np.pi - limb.angle
        current = (current + np.pi) % (2 * np.pi) - np.pi
        length = np.hypot(*(limb.tip.mean(0) - limb.root.mean(0))) / max(
            np.hypot(*(limb.root[0] - limb.root[1])), 1e-3
        )
        turn, bend = _angles(rng, display, current, is_top, length > 1.3, fold)
        if (
            is_top and turn > 0 and not bend > 1
        ):  # cloth under the arm stops a sleeve from folding onto the body
            dx, dy = limb.inner[-1] - limb.inner[0]
            turn = min(
                turn, max(np.pi / 2 - np.arctan2(dy, sign * dx), 0.0) + 0.12, 0.75 if length > 1.3 else 0.3
            )
        pivot = to_pixels(limb.root[0 if turn > 0 else 1], size)
        upper_matrix = base @ rotation(pivot, sign * turn)
        upper, lower, outer, inner = _halves(limb, rng.uniform(0.42, 0.55))
        lower_matrix = upper_matrix @ rotation(to_pixels(outer if bend > 0 else inner, size), sign * bend)
        masks = []
        for region in (upper, lower):
            mask = np.zeros((size, size), np.uint8)
            fill(mask, to_pixels(region, size), 255)
            masks.append(mask)
        # A thin overlap at every joint keeps the background from shining through.
        cv2.line(masks[0], *_ends(outer, inner, size), 255, 3, cv2.LINE_AA)
        if is_top:
            cv2.line(body_mask, *_ends(limb.root[0], limb.root[1], size), 255, 3, cv2.LINE_AA)
        else:
            fill(body_mask, to_pixels(limb.polygon, size), 0)
            cv2.line(body_mask, *_ends(limb.root[0], limb.root[1], size), 255, 3, cv2.LINE_AA)
        arms.append(
            (
                Part(upper, upper_matrix, cv2.min(masks[0], flat.silhouette)),
                Part(lower, lower_matrix, cv2.min(masks[1], flat.silhouette)),
            )
        )
    outline = np.concatenate([p.polygon for p in structure.pieces if p.outline and p.limb == "body"])
    parts.append(Part(outline, base, cv2.min(body_mask, flat.silhouette)))
    for upper_part, lower_part in arms:
        parts += [upper_part, lower_part]
    return parts


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
    target = (
        rng.uniform(80, 94) if display == "hung" else rng.uniform(58, 86) if long else rng.uniform(42, 76)
    )
    turn = np.clip(target * deg - current, -0.35, 1.2)
    bend = rng.normal(0, 6) if display == "hung" else rng.normal(6, 14)
    if display == "worn" and long and rng.random() < 0.3:
        bend = rng.uniform(50, 115)
    return float(turn), float(bend * deg if long else 0.2 * bend * deg)
