"""What of a draped body surface is cloth: signed distance fields of a garment's front and back in the block frame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np

from ragdiffusion.garments.people.raster import CELL, FIELD_SHAPE, FIELD_X, FIELD_Y

_ROUND, _SQUARE = 0.5, 1.0


@lru_cache(maxsize=1)
def frame() -> tuple[np.ndarray, np.ndarray]:
    """x (1, W) and y (H, 1) of the field's cells, cm."""
    rows, columns = FIELD_SHAPE
    return (np.arange(columns) * CELL - FIELD_X)[None], (np.arange(rows) * CELL - FIELD_Y)[:, None]


def neck_opening(width: float, drop: float, shape: float, *, rise: float = 0.0) -> np.ndarray:
    """Mask of a neck opening.

    Args:
        width: cm from side to side at the shoulder line.
        drop: cm that it reaches down at the centre.
        shape: 0 a V, 0.5 round, 1 square.
        rise: cm that cloth stands up above the shoulder line, a turtleneck's.
    """
    x, y = frame()
    t = np.clip(np.abs(x) / max(width / 2, 1e-3), 0, 1)
    if shape <= _ROUND:
        k = shape / _ROUND
        depth = drop * ((1 - k) * (1 - t) + k * np.sqrt(1 - t * t))
    else:
        k = (shape - _ROUND) / (_SQUARE - _ROUND)
        depth = drop * ((1 - k) * np.sqrt(1 - t * t) + k * np.minimum(1, (1 - t) * 8))
    return (np.abs(x) < width / 2) & (y < depth - rise)


def armholes(shoulder: float, slope: float, depth: float, chest: float, hollow: float, shape: float) -> np.ndarray:
    """Mask of what lies outside the armholes of a sleeveless garment.

    Args:
        shoulder: cm from shoulder tip to shoulder tip.
        slope: cm that the tips lie below the neck.
        depth: cm from the neck's height to the armholes' bottom.
        chest: flat width in cm at that height.
        hollow: cm that the armhole is cut in beyond the straight line.
        shape: 0 straight, 1 a curve that stays upright long.
    """
    x, y = frame()
    t = np.clip((y - slope) / max(depth - slope, 1e-3), 0, 1)
    out = t ** (1 + 2.5 * shape)
    edge = shoulder / 2 + (chest / 2 + 1 - shoulder / 2) * out - hollow * np.sin(np.pi * t) ** 2
    return (np.abs(x) > edge) & (y < depth)


def below_hem(length: float, curve: float, slant: float, chest: float) -> np.ndarray:
    """Mask of what lies below a hem `length` cm down, `curve` cm lower at the centre than at the sides."""
    x, y = frame()
    t = np.clip(x / max(chest / 2, 1e-3), -1, 1)
    return y > length - curve * t * t + slant * 0.5 * t


def top_edge(height: float, dip: float, strap: float, spread: float, chest: float) -> np.ndarray:
    """Mask of what lies above a straight or sweetheart edge, straps of `strap` cm (0: none) left standing."""
    x, y = frame()
    t = np.clip(np.abs(x) / (chest / 2), 0, 1)
    above = y < height - dip * np.sin(np.pi * np.minimum(1, t * 1.6)) + 1.5 * np.maximum(0, t - 0.7) * 4
    return above & ~(np.abs(np.abs(x) - spread) < strap / 2) if strap > 0 else above


def front_gap(bottom: float, top: float, length: float, shift: float) -> np.ndarray:
    """Mask of an open front: `top` cm wide at the neck, `bottom` at the hem."""
    x, y = frame()
    t = np.clip(y / length, 0, 1)
    return np.abs(x - shift) < 0.5 * (top * (1 - t) + bottom * t)


def wrapped_front(drop: float, width: float, side: int) -> np.ndarray:
    """Mask of a wrap's deep V, which ends off the centre."""
    x, y = frame()
    end = side * 2.0
    left = -width / 2 + (end + width / 2) * np.clip(y / drop, 0, 1)
    right = width / 2 + (end - width / 2) * np.clip(y / drop, 0, 1)
    return (x > left) & (x < right) & (y < drop)


def field(outside: np.ndarray) -> np.ndarray:
    """Signed distance in cm (float32, positive inside) to the edge of a mask of what is no cloth."""
    gone = outside.astype(np.uint8)
    inside = cv2.distanceTransform(1 - gone, cv2.DIST_L2, 3) - cv2.distanceTransform(gone, cv2.DIST_L2, 3)
    return cv2.GaussianBlur(inside, (0, 0), 0.8) * CELL


def stacked(fields: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Front and back fields of all layers, float32 (K, 2, *FIELD_SHAPE)."""
    if not fields:
        return np.zeros((1, 2, *FIELD_SHAPE), np.float32)
    return np.stack([np.stack(pair) for pair in fields]).astype(np.float32)


def of_measures(measures: Mapping[str, float], *, upper: str, gap: tuple[float, float, float] | None = None
                ) -> tuple[np.ndarray, np.ndarray]:
    """Front and back field of a garment from its measures (cm, as the drafter names them).

    Args:
        measures: what is needed of the drafter's measures.
        upper: "sleeved", "armhole", "strap", "strapless", "one_shoulder", "halter", "bib" or "waist".
        gap: an open front: width at the hem, at the neck, shift of its middle, cm.
    """
    get = lambda key, default=0.0: float(measures.get(key, default))  # noqa: E731
    chest, length = get("chest", 50), get("body_length", 65)
    hem = below_hem(length, get("hem_curve"), get("hem_slant"), get("hem", chest))
    front, back = hem.copy(), hem.copy()
    x, y = frame()
    if upper in ("sleeved", "armhole", "one_shoulder", "halter"):
        rise = get("stand")
        for mask, drop in ((front, get("neck_drop_front", 8)), (back, get("neck_drop_back", 2))):
            mask |= neck_opening(get("neck_width", 17), drop, get("neck_shape", 0.5), rise=rise)
    if upper in ("armhole", "one_shoulder"):
        holes = armholes(get("shoulder_width", 36), get("shoulder_drop", 4), get("armhole_depth", 22), chest,
                         get("armhole_hollow", 1), get("armhole_shape", 0.5))
        front, back = front | holes, back | holes
    if upper == "one_shoulder":
        off = (x > -get("neck_width", 17) / 2) & (y < get("armhole_depth", 22) - 5 - x * 0.55)
        front, back = front | off, back | off
    if upper == "halter":
        depth = get("armhole_depth", 22)
        edge = get("neck_width", 17) / 2 + 2.5 + np.clip(y / depth, 0, 1) ** 1.5 * (chest / 2 - 6)
        front = front | ((np.abs(x) > edge) & (y < depth))
        back = back | ((y < depth + 2) & (y > 3)) | ((y <= 3) & (np.abs(x) > edge))
    if upper in ("strap", "strapless"):
        strap = get("strap_width", 1.5) if upper == "strap" else 0.0
        spread = get("neck_width", 18) / 2
        edge = get("armhole_depth", 20)
        front = front | top_edge(edge - get("edge_rise", 3), get("edge_dip", 0), strap, spread, chest)
        back = back | top_edge(edge, 0, strap, spread, chest)
    if upper == "bib":
        spread, waist = get("neck_width", 16) / 2, get("armhole_depth", 36)
        strap = np.abs(np.abs(x) - spread) < get("strap_width", 4) / 2
        bib = (np.abs(x) < spread + 4 + 0.2 * np.maximum(0, y - waist + 14)) & (y > waist - get("edge_rise", 18))
        front = front | ((y < waist) & ~bib & ~strap)
        back = back | ((y < waist - 6) & ~strap)
    if gap is not None:
        front = front | front_gap(gap[0], gap[1], length, gap[2])
    return field(front), field(back)
