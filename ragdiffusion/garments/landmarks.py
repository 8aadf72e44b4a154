"""Landmarks of garment outlines: a silhouette cut at its mirror axis, its corners found on each half.

Corners are cuff, armpit, hem, crotch and the like. A garment whose sleeves lie against the body, or whose legs are
closed, has no armpit or crotch in its outline: it is landmarked by its neck (or waist) and hem alone.
"""

from __future__ import annotations

import cv2
import numpy as np

SEGMENTS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "sleeved": (
        ("top", "neck", 10),
        ("neck", "cuff_outer", 26),
        ("cuff_outer", "cuff_inner", 6),
        ("cuff_inner", "armpit", 18),
        ("armpit", "hem", 22),
        ("hem", "centre", 14),
    ),
    "draped": (("top", "neck", 10), ("neck", "hem", 52), ("hem", "centre", 26)),
    "legs": (("top", "waist", 10), ("waist", "hem_outer", 30), ("hem_outer", "hem_inner", 8),
             ("hem_inner", "centre", 24)),
    "skirt": (("top", "waist", 10), ("waist", "hem", 34), ("hem", "centre", 22)),
}
"""Stretches of a half outline per layout: (from, to, points); the last point is the next's first."""

PATH_POINTS = 480


def landmark_index(layout: str) -> dict[str, int]:
    """Landmark name -> position along a half outline of this layout."""
    index, position = {}, 0
    for start, end, points in SEGMENTS[layout]:
        index[start] = position
        position += points
        index[end] = position
    return index


def half_paths(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Right and left half outline of a silhouette, from the top centre round to the bottom centre.

    Args:
        mask: HxW uint8.

    Returns:
        two [480, 2] arrays, x >= 0 to the outside, y down, in units of half the larger side of the box; None
        if the mask has no single outline that crosses its mirror axis twice.
    """
    scale = 512 / max(mask.shape)
    soft = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    binary = cv2.copyMakeBorder((soft > 127).astype(np.uint8), 64, 64, 64, 64, cv2.BORDER_CONSTANT)
    # Hooks of hangers, tags and drawstrings are thinner than any strap worth modelling.
    opened = cv2.morphologyEx(binary, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11)))
    binary &= cv2.dilate(opened, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
    # Steps of pixels are no wrinkles.
    contour = np.stack([np.convolve(np.pad(contour[:, k], 2, mode="wrap"), np.array([1, 4, 6, 4, 1]) / 16, "valid")
                        for k in (0, 1)], axis=1)
    angle, axis = mirror_axis(binary)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (contour - np.array(binary.shape[::-1]) / 2) @ rotation.T
    points[:, 0] -= axis
    points /= max(np.ptp(points[:, 0]), np.ptp(points[:, 1])) / 2
    points[:, 1] -= (points[:, 1].min() + points[:, 1].max()) / 2
    crossing = np.nonzero(np.diff(np.sign(points[:, 0] + 1e-9)) != 0)[0]
    if len(crossing) < 2:
        return None
    top, bottom = crossing[np.argmin(points[crossing, 1])], crossing[np.argmax(points[crossing, 1])]
    forward = np.roll(points, -top, axis=0)
    cut = (bottom - top) % len(points)
    one, other = forward[: cut + 1], forward[cut:][::-1]
    if min(len(one), len(other)) < 3:
        return None
    right, left = (one, other) if one[:, 0].mean() > other[:, 0].mean() else (other, one)
    return resample(right, PATH_POINTS), resample(left * [-1, 1], PATH_POINTS)


def resample(path: np.ndarray, count: int) -> np.ndarray:
    """`count` points at equal arc length along a polyline [M, 2], both ends included."""
    step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, step[-1], count)
    return np.stack([np.interp(at, step, path[:, 0]), np.interp(at, step, path[:, 1])], axis=1)


def mirror_axis(binary: np.ndarray) -> tuple[float, float]:
    """Rotation (radians) about the centre, and x of the axis then, that make a mask most like its mirror.

    Args:
        binary: uint8 (H, W), 1 inside.

    Returns:
        the rotation, within 11 degrees, and the axis' distance from the frame's centre, pixels.
    """
    height, width = binary.shape
    scale = max(height, width) / 128
    matrix = np.float32([[1 / scale, 0, 64 - width / 2 / scale], [0, 1 / scale, 64 - height / 2 / scale]])
    small = cv2.warpAffine(binary * 255, matrix, (128, 128), flags=cv2.INTER_AREA)
    best = (-1.0, 0.0, 0.0)
    for steps in (np.arange(-9, 9.1, 3.0), (-2, -1, 1, 2)):
        for degrees in np.rad2deg(best[1]) + np.asarray(steps):
            # cv2 turns counter-clockwise on screen for positive angles; ours turns the other way.
            turned = cv2.warpAffine(small, cv2.getRotationMatrix2D((64, 64), -degrees, 1), (128, 128)) > 127
            columns = np.nonzero(turned.any(0))[0]
            if not len(columns):
                continue
            middle = columns[0] + columns[-1]
            for shift in (-2, -1, 0, 1, 2):
                mirrored = np.roll(turned[:, ::-1], middle + shift - 127, axis=1)
                iou = (turned & mirrored).sum() / max((turned | mirrored).sum(), 1)
                if iou - abs(degrees) * 1e-4 > best[0]:
                    best = (iou - abs(degrees) * 1e-4, np.deg2rad(degrees), ((middle + shift) / 2 - 64) * scale)
    return best[1], best[2]


def landmarked(path: np.ndarray, layout: str) -> np.ndarray | None:
    """Find a half outline's landmarks and resample the stretches between them.

    Args:
        path: [480, 2] from `half_paths`.
        layout: one of `SEGMENTS`.

    Returns:
        [N, 2], or None when a landmark was not found.
    """
    marks = {"sleeved": _sleeved, "draped": _draped, "legs": _legs, "skirt": _skirt}[layout](path)
    if marks is None:
        return None
    pieces = []
    for start, end, points in SEGMENTS[layout]:
        if marks[end] - marks[start] < 2:
            return None
        pieces.append(resample(path[marks[start] : marks[end] + 1], points + 1)[:-1])
    outline = np.concatenate([*pieces, path[-1:]])
    outline[[0, -1], 0] = 0
    return outline


def _support(path: np.ndarray, first: int, last: int, direction: tuple[float, float]) -> int:
    """Index in [first, last) of the point furthest in a direction."""
    return first + int(np.argmax(path[first:last] @ np.asarray(direction, dtype=np.float64)))


def _notch(path: np.ndarray) -> tuple[int, int, int, float] | None:
    """Deepest dent of a half outline below its top: (upper rim, bottom, lower rim, depth)."""
    closed = np.concatenate([path, [[-0.3, path[-1, 1]], [-0.3, path[0, 1]]]])
    polygon = np.round(closed * 2000).astype(np.int32)[:, None]
    hull = cv2.convexHull(polygon, returnPoints=False)
    try:
        defects = cv2.convexityDefects(polygon, np.sort(hull, axis=0)[::-1])
    except cv2.error:
        return None
    if defects is None:
        return None
    best = None
    for start, end, far, depth in defects.reshape(-1, 4):
        rims = sorted((int(start), int(end)))
        if rims[1] >= len(path) or not rims[0] < far < rims[1] or path[far, 0] < 0.15 or rims[0] < 24:
            continue
        if path[rims[1], 1] - path[far, 1] < 0.1:  # a step in the hem, not an armpit
            continue
        if best is None or depth > best[3]:
            best = (rims[0], int(far), rims[1], float(depth))
    return None if best is None else (*best[:3], best[3] / 256 / 2000)


def _neck(path: np.ndarray, width: float) -> int:
    """The highest point beside the neck, of a body `width` wide."""
    return _support(path, 2, max(int(np.argmax(path[:, 0] > 0.62 * width)), 4), (0.35, -1))


def _sleeved(path: np.ndarray) -> dict[str, int] | None:
    notch = _notch(path)
    if notch is None or notch[3] < 0.03:
        return None
    inner, armpit, _, _ = notch
    width = path[armpit, 0]
    if path[inner, 0] - width < 0.08 * width or path[armpit, 1] > 0.35:
        return None
    neck = _neck(path, width)
    axis = path[inner] - path[armpit]
    axis /= np.hypot(*axis)
    outer = _support(
        path, max(neck + 12, inner - 156), inner - 2, tuple(axis + 0.5 * np.array([axis[1], -axis[0]]))
    )
    return {
        "top": 0,
        "neck": neck,
        "cuff_outer": outer,
        "cuff_inner": inner,
        "armpit": armpit,
        "hem": _support(path, armpit + 6, PATH_POINTS - 1, (0.6, 1)),
        "centre": PATH_POINTS - 1,
    }


def _draped(path: np.ndarray) -> dict[str, int] | None:
    neck = _neck(path, 0.85 * path[:, 0].max())
    return {"top": 0, "neck": neck, "hem": _support(path, neck + 60, PATH_POINTS - 2, (0.6, 1)),
            "centre": PATH_POINTS - 1}


def _legs(path: np.ndarray) -> dict[str, int] | None:
    if path[:, 1].max() - path[-1, 1] < 0.05:  # legs lie closed: no crotch to be seen
        return None
    waist = _support(path, 2, 190, (0.8, -1))
    low = int(np.argmax(np.hypot(*(path - path[-1]).T) * (path[:, 1] > path[-1, 1])))
    axis = path[low] - path[-1]
    axis /= np.hypot(*axis)
    across = np.array([axis[1], -axis[0]])
    outer = _support(path, waist + 12, PATH_POINTS - 4, tuple(axis + 0.6 * across))
    inner = _support(path, outer + 1, PATH_POINTS - 2, tuple(axis - 0.6 * across))
    return {"top": 0, "waist": waist, "hem_outer": outer, "hem_inner": inner, "centre": PATH_POINTS - 1}


def _skirt(path: np.ndarray) -> dict[str, int] | None:
    return {"top": 0, "waist": _support(path, 2, 190, (0.8, -1)),
            "hem": _support(path, 150, PATH_POINTS - 2, (0.7, 1)), "centre": PATH_POINTS - 1}
