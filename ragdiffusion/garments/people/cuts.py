"""What of a draped body surface is cloth: signed distance fields of a pattern's front and back in its flat frame.

A pattern's free edges (neckline, open armholes, hem) cut; its seams (shoulders, sides, armholes with sleeves) don't:
the cloth goes on beyond them, over the body, to the next panel.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.raster import CELL, FIELD_SHAPE, FIELD_X, FIELD_Y

_FAR = 200.0
_SUBPIXEL = 4


@lru_cache(maxsize=1)
def frame() -> tuple[np.ndarray, np.ndarray]:
    """x (1, W) and y (H, 1) of the field's cells, cm."""
    rows, columns = FIELD_SHAPE
    return (np.arange(columns) * CELL - FIELD_X)[None], (np.arange(rows) * CELL - FIELD_Y)[:, None]


def of_pattern(
    pattern: Pattern,
    *,
    sleeved: bool,
    gap: tuple[float, float, float] | None = None,
    rise: float = 0.0,
    hem: bool = True,
) -> np.ndarray:
    """Fields of a garment that hangs from the shoulders.

    Args:
        pattern: its pattern.
        sleeved: whether its armholes are seams.
        gap: an open front: width at the hem, at the neck, shift of its middle, cm.
        rise: cm that cloth stands up above the neck points all round, a turtleneck's.
        hem: whether its lower edge cuts; not where a loft takes over.

    Returns:
        float32 (2, *FIELD_SHAPE), front and back, cm, positive inside.
    """
    front, back = np.zeros(FIELD_SHAPE, np.uint8), np.zeros(FIELD_SHAPE, np.uint8)
    if rise > 0:
        for mask in (front, back):
            mask[(frame()[1] < -rise)[:, 0]] = 1
    else:
        _cut_neck(front, pattern, "neckline_front")
        _cut_neck(back, pattern, "neckline_back")
    if not sleeved:
        for mask in (front, back):
            _cut_armholes(mask, pattern)
    if hem:
        lowest = next(pattern.parts[part] for part in ("skirt", "body") if part in pattern.parts)
        for mask in (front, back):
            _cut_below(mask, lowest.bottom.polygon(0.1))
    if gap is not None:
        front[_gap(gap, pattern.box[3])] = 1
    return np.stack([_field(front), _field(back)])


def of_skirt(pattern: Pattern, gap: tuple[float, float, float] | None) -> np.ndarray:
    """Fields (2, *FIELD_SHAPE) of what hangs free from the waist on: only the hem and an open front cut it."""
    mask = np.zeros(FIELD_SHAPE, np.uint8)
    lowest = next(pattern.parts[part] for part in ("skirt", "body") if part in pattern.parts)
    _cut_below(mask, lowest.bottom.polygon(0.1))
    front = mask.copy()
    if gap is not None:
        front[_gap(gap, pattern.box[3])] = 1
    return np.stack([_field(front), _field(mask)])


def stacked(fields: list[np.ndarray]) -> np.ndarray:
    """Fields of all layers, float32 (K, 2, *FIELD_SHAPE)."""
    return np.stack(fields).astype(np.float32) if fields else np.zeros((1, 2, *FIELD_SHAPE), np.float32)


def _gap(gap: tuple[float, float, float], length: float) -> np.ndarray:
    x, y = frame()
    hem, neck, shift = gap
    t = np.clip(y / length, 0, 1)
    return np.abs(x - shift) < 0.5 * (neck * (1 - t) + hem * t)


def _cut_neck(mask: np.ndarray, pattern: Pattern, name: str) -> None:
    if name in pattern.lines:
        path = pattern.lines[name].polygon(0.1)
    elif "shoulder_right" in pattern.lines:  # one shoulder: from below the bare arm up to it
        start = pattern.lines["shoulder_right"].polygon(0.1)[:, 0].min()
        path = pattern.parts["body"].top.polygon(0.1)
        path = path[path[:, 0] <= start + 1e-6]
        path = np.concatenate([[[-_FAR, path[0, 1]]], path])
    else:
        return
    path = path if path[0, 0] < path[-1, 0] else path[::-1]
    if path[-1, 0] > 15 and path[-1, 0] == -path[0, 0] and "armhole_right" not in pattern.lines:  # strapless
        path = np.concatenate([[[-_FAR, path[0, 1]]], path, [[_FAR, path[-1, 1]]]])
    _fill(mask, np.concatenate([path, [[path[-1, 0], -_FAR], [path[0, 0], -_FAR]]]))


def _cut_armholes(mask: np.ndarray, pattern: Pattern) -> None:
    for name, sign in (("armhole_left", -1), ("armhole_right", 1)):
        if name in pattern.lines:
            path = pattern.lines[name].polygon(0.1)
            _fill(mask, np.concatenate([path, [[sign * _FAR, path[-1, 1]], [sign * _FAR, -_FAR], [path[0, 0], -_FAR]]]))


def _cut_below(mask: np.ndarray, hem: np.ndarray) -> None:
    hem = hem if hem[0, 0] < hem[-1, 0] else hem[::-1]
    _fill(mask, np.concatenate([[[-_FAR, hem[0, 1]]], hem, [[_FAR, hem[-1, 1]], [_FAR, _FAR * 2], [-_FAR, _FAR * 2]]]))


def _fill(mask: np.ndarray, polygon: np.ndarray) -> None:
    cells = (polygon + np.array([FIELD_X, FIELD_Y])) / CELL
    cv2.fillPoly(mask, [np.round(cells * 2**_SUBPIXEL).astype(np.int32)], 1, cv2.LINE_8, _SUBPIXEL)


def _field(outside: np.ndarray) -> np.ndarray:
    """Signed distance in cm (float32, positive inside) to the edge of a mask of what is no cloth."""
    inside = cv2.distanceTransform(1 - outside, cv2.DIST_L2, 3) - cv2.distanceTransform(outside, cv2.DIST_L2, 3)
    return cv2.GaussianBlur(inside, (0, 0), 0.8) * CELL
