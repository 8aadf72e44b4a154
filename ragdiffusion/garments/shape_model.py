"""Shape model of garment outlines: principal components of landmarked half outlines of real flat-lays.

Each silhouette is cut at its mirror axis. Corners (cuff, armpit, hem, crotch...) are found on each half, the
stretches between them are resampled to fixed counts, and the mean of the two halves and half their
difference are modelled apart: the first is the shape, the second how far a hand-laid garment strays from
symmetry.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SCHEMA = 1
MODES = 14
"""Most components kept per group."""

SEGMENTS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "sleeved": (
        ("neck", "cuff_outer", 16),
        ("cuff_outer", "cuff_inner", 4),
        ("cuff_inner", "armpit", 12),
        ("armpit", "hem", 14),
        ("hem", "centre", 9),
    ),
    "legs": (("waist", "hem_outer", 18), ("hem_outer", "hem_inner", 5), ("hem_inner", "centre", 14)),
    "skirt": (("waist", "hem", 18), ("hem", "centre", 12)),
}
"""Stretches of a half outline per layout: (from, to, points); the last point is the next's first."""

WIDTH_AT = {"sleeved": "armpit", "legs": "waist", "skirt": "waist"}
"""Landmark whose distance from the mirror axis is the unit of length."""

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tshirt": ("sleeved", ("t-shirt",)),
    "shirt_short": ("sleeved", ("shirt",)),
    "shirt_long": ("sleeved", ("shirt",)),
    "longsleeve": ("sleeved", ("longsleeve",)),
    "outwear": ("sleeved", ("outwear", "longsleeve")),
    "dress_sleeved": ("sleeved", ("dress",)),
    "pants": ("legs", ("pants",)),
    "shorts": ("legs", ("shorts",)),
    "skirt": ("skirt", ("skirt",)),
}
"""Model group -> (layout, folders of the data set it is fitted on)."""


@dataclass(frozen=True)
class Group:
    """Statistics of one group: `mean` [N, 2], `modes` [C, N*2] with `spread` [C], and its asymmetry's."""

    layout: str
    count: int
    mean: np.ndarray
    modes: np.ndarray
    spread: np.ndarray
    skew_modes: np.ndarray
    skew_spread: np.ndarray


@dataclass(frozen=True)
class HalfOutlines:
    """One drawn outline: `right` and `left` [N, 2], x >= 0 to the outside, y down, 1 = half the body's width.

    `index` maps landmark names to positions along both.
    """

    right: np.ndarray
    left: np.ndarray
    index: dict[str, int]


@dataclass(frozen=True)
class ShapeModel:
    """All groups of a fitted shape model."""

    groups: dict[str, Group]

    def sample(self, group: str, rng: np.random.Generator, *, asymmetry: float = 1.0) -> HalfOutlines:
        """Draw an outline.

        Args:
            group: one of `GROUPS`.
            rng: source of randomness.
            asymmetry: scale of the difference between the halves; 0 gives exact mirror images.

        Raises:
            ValueError: unknown group.
        """
        if group not in self.groups:
            raise ValueError(f"no shape group {group!r}; the model holds {', '.join(self.groups)}")
        g = self.groups[group]
        coefficient = np.clip(rng.standard_normal(len(g.spread)), -1.9, 1.9) * g.spread
        shape = g.mean + (coefficient @ g.modes).reshape(g.mean.shape)
        coefficient = np.clip(rng.standard_normal(len(g.skew_spread)), -1.5, 1.5) * g.skew_spread * asymmetry
        skew = (coefficient @ g.skew_modes).reshape(g.mean.shape)
        return HalfOutlines(shape + skew, shape - skew, landmark_index(g.layout))

    def save(self, path: str | Path) -> None:
        """Write the model as an npz (half floats: outlines need three digits)."""
        arrays: dict[str, np.ndarray] = {"schema": np.int64(SCHEMA)}
        for name, g in self.groups.items():
            arrays[f"{name}.count"] = np.int64(g.count)
            for field in ("mean", "modes", "spread", "skew_modes", "skew_spread"):
                arrays[f"{name}.{field}"] = getattr(g, field).astype(np.float16)
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)

    @staticmethod
    def load(path: str | Path) -> ShapeModel:
        """Read a model that `save` wrote.

        Raises:
            ValueError: the file is missing, or of another schema.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"no shape model at {path}; fit one with fit_shape_model(root).save(path)")
        with np.load(path, allow_pickle=False) as data:
            if int(data["schema"]) != SCHEMA:
                raise ValueError(
                    f"{path}: shape model schema {int(data['schema'])}, wanted {SCHEMA}; fit it again"
                )
            groups = {}
            for name, (layout, _) in GROUPS.items():
                if f"{name}.mean" not in data:
                    continue
                fields = {
                    f: data[f"{name}.{f}"].astype(np.float64)
                    for f in ("mean", "modes", "spread", "skew_modes", "skew_spread")
                }
                groups[name] = Group(layout=layout, count=int(data[f"{name}.count"]), **fields)
        return ShapeModel(groups)


def bundled_model_path() -> Path:
    """Where the fitted model that ships with the project lies."""
    return Path(__file__).resolve().parents[2] / "assets" / "shape_model.npz"


def landmark_index(layout: str) -> dict[str, int]:
    """Landmark name -> position along a half outline of this layout."""
    index, position = {}, 0
    for start, end, points in SEGMENTS[layout]:
        index[start] = position
        position += points
        index[end] = position
    return index


def fit_shape_model(root: str | Path, *, split: str = "train", symmetry: float = 0.9) -> ShapeModel:
    """Fit the model on a folder of real garments with masks (`{split}.csv`, `{split}/CATEGORY/ID.png`).

    Args:
        root: the data set's folder.
        split: which csv to use; never fit on what measures.
        symmetry: masks whose mirror IoU is below this are left out.

    Raises:
        ValueError: the csv is missing or fewer than 8 outlines of a group could be landmarked.
    """
    root = Path(root)
    table = root / f"{split}.csv"
    if not table.is_file():
        raise ValueError(f"{table} is missing; wanted the data set's folder with {split}.csv")
    halves: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in GROUPS}
    with table.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if float(r["symmetry"]) >= symmetry]
    for row in rows:
        mask = cv2.imread(str(root / split / row["category"] / f"{row['id']}.png"), cv2.IMREAD_GRAYSCALE)
        paths = None if mask is None else half_paths(mask)
        if paths is None:
            continue
        found: dict[str, tuple[np.ndarray, np.ndarray] | None] = {}
        for name, (layout, categories) in GROUPS.items():
            if row["category"] not in categories:
                continue
            if layout not in found:
                pair = [_landmarked(p, layout) for p in paths]
                found[layout] = None if any(p is None for p in pair) else _normalised(pair, layout)
            if found[layout] is not None and _belongs(found[layout], name):
                halves[name].append(found[layout])
    return ShapeModel({name: _principal(name, pairs) for name, pairs in halves.items()})


def half_paths(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Right and left half outline of a silhouette, from the top centre round to the bottom centre.

    Args:
        mask: HxW uint8.

    Returns:
        two [400, 2] arrays, x >= 0 to the outside, y down, in units of half the larger side of the box; None
        if the mask has no single outline that crosses its mirror axis twice.
    """
    binary = (mask > 127).astype(np.uint8)
    side = 320 / max(binary.shape)
    binary = cv2.resize(binary * 255, None, fx=side, fy=side, interpolation=cv2.INTER_AREA)
    binary = cv2.copyMakeBorder((binary > 127).astype(np.uint8), 40, 40, 40, 40, cv2.BORDER_CONSTANT)
    # Hooks of hangers, tags and drawstrings are thinner than any strap worth modelling.
    binary = cv2.morphologyEx(binary, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
    angle, axis = _mirror_axis(binary)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(binary.shape[::-1]) / 2
    points = (contour - centre) @ rotation.T
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
    right, left = (one, other) if one[:, 0].mean() > other[:, 0].mean() else (other, one)
    return resample(right, 400), resample(left * [-1, 1], 400)


def resample(path: np.ndarray, count: int) -> np.ndarray:
    """`count` points at equal arc length along a polyline [M, 2], both ends included."""
    step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, step[-1], count)
    return np.stack([np.interp(at, step, path[:, 0]), np.interp(at, step, path[:, 1])], axis=1)


def _mirror_axis(binary: np.ndarray) -> tuple[float, float]:
    """Rotation (radians) about the centre, and x of the axis then, that make a mask most like its mirror."""
    height, width = binary.shape
    scale = max(height, width) / 128
    matrix = np.float32([[1 / scale, 0, 64 - width / 2 / scale], [0, 1 / scale, 64 - height / 2 / scale]])
    small = cv2.warpAffine(binary * 255, matrix, (128, 128), flags=cv2.INTER_AREA)
    best = (-1.0, 0.0, 0.0)
    for degrees in np.arange(-10, 10.1, 1.0):
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
        if rims[1] >= len(path) or not rims[0] < far < rims[1] or path[far, 0] < 0.15 or rims[0] < 20:
            continue
        if path[rims[1], 1] - path[far, 1] < 0.1:  # a step in the hem, not an armpit
            continue
        if best is None or depth > best[3]:
            best = (rims[0], int(far), rims[1], float(depth))
    return None if best is None else (*best[:3], best[3] / 256 / 2000)


def _landmarked(path: np.ndarray, layout: str) -> np.ndarray | None:
    """Landmarks found and the stretches between them resampled: [N, 2], or None when one was not found."""
    marks = {"sleeved": _sleeved, "legs": _legs, "skirt": _skirt}[layout](path)
    if marks is None:
        return None
    pieces = []
    for start, end, points in SEGMENTS[layout]:
        if marks[end] - marks[start] < 3:
            return None
        pieces.append(resample(path[marks[start] : marks[end] + 1], points + 1)[:-1])
    outline = np.concatenate([*pieces, path[-1:]])
    outline[-1, 0] = 0
    return outline


def _normalised(pair: list[np.ndarray], layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Both halves in one frame: first landmark at mean height 0, mean half width 1."""
    at = landmark_index(layout)[WIDTH_AT[layout]]
    right, left = pair
    top, width = (right[0, 1] + left[0, 1]) / 2, max((right[at, 0] + left[at, 0]) / 2, 0.05)
    return (right - [0, top]) / width, (left - [0, top]) / width


def _sleeved(path: np.ndarray) -> dict[str, int] | None:
    notch = _notch(path)
    if notch is None or notch[3] < 0.03:
        return None
    inner, armpit, _, _ = notch
    width = path[armpit, 0]
    if path[inner, 0] - width < 0.08 * width or path[armpit, 1] > 0.35:
        return None
    neck = _support(path, 0, max(int(np.argmax(path[:, 0] > 0.62 * width)), 2), (0.35, -1))
    axis = path[inner] - path[armpit]
    axis /= np.hypot(*axis)
    outer = _support(
        path, max(neck + 10, inner - 130), inner - 2, tuple(axis + 0.5 * np.array([axis[1], -axis[0]]))
    )
    return {
        "neck": neck,
        "cuff_outer": outer,
        "cuff_inner": inner,
        "armpit": armpit,
        "hem": _support(path, armpit + 5, 399, (0.6, 1)),
        "centre": 399,
    }


def _legs(path: np.ndarray) -> dict[str, int] | None:
    if path[:, 1].max() - path[-1, 1] < 0.15:  # legs lie closed: no crotch to be seen
        return None
    waist = _support(path, 0, 160, (0.8, -1))
    if path[0, 1] - path[waist, 1] > 0.05:  # clips of a hanger stand above the waist
        return None
    low = int(np.argmax(np.hypot(*(path - path[-1]).T) * (path[:, 1] > path[-1, 1])))
    axis = path[low] - path[-1]
    axis /= np.hypot(*axis)
    across = np.array([axis[1], -axis[0]])
    outer = _support(path, waist + 10, 397, tuple(axis + 0.6 * across))
    inner = _support(path, outer + 1, 398, tuple(axis - 0.6 * across))
    return {"waist": waist, "hem_outer": outer, "hem_inner": inner, "centre": 399}


def _skirt(path: np.ndarray) -> dict[str, int] | None:
    return {
        "waist": _support(path, 0, 160, (0.8, -1)),
        "hem": _support(path, 150, 399, (0.7, 1)),
        "centre": 399,
    }


def _belongs(pair: tuple[np.ndarray, np.ndarray], name: str) -> bool:
    """Whether an outline is of the group's kind: sleeve reach tells short from long."""
    if GROUPS[name][0] != "sleeved":
        return True
    index = landmark_index("sleeved")
    reach = np.mean([np.hypot(*(h[index["cuff_inner"]] - h[index["armpit"]])) for h in pair])
    limits = {"tshirt": (0.1, 1.0), "shirt_short": (0.1, 0.95), "dress_sleeved": (0.1, 2.5)}
    low, high = limits.get(name, (1.0, 3.2))
    return bool(low <= reach <= high)


def _principal(name: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Group:
    """Mean and components of shape and asymmetry, without outliers beyond 3 robust deviations."""
    if len(pairs) < 8:
        raise ValueError(f"only {len(pairs)} outlines landmarked for {name}; wanted 8 or more")
    right, left = (np.stack([p[i] for p in pairs]).reshape(len(pairs), -1) for i in (0, 1))
    shape, skew = (right + left) / 2, (right - left) / 2
    away = np.abs(shape - np.median(shape, 0)).max(1) + 2 * np.abs(skew).max(1)
    keep = away <= np.median(away) + 3 * 1.48 * np.median(np.abs(away - np.median(away)))
    shape, skew = shape[keep], skew[keep]
    mean = shape.mean(0)
    parts = []
    for values, modes in ((shape - mean, MODES), (skew, MODES // 2)):
        _, singular, rows = np.linalg.svd(values, full_matrices=False)
        count = min(modes, len(values) - 1)
        parts += [rows[:count], singular[:count] / np.sqrt(len(values) - 1)]
    return Group(GROUPS[name][0], int(keep.sum()), mean.reshape(-1, 2), *parts)
