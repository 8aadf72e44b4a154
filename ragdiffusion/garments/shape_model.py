"""Shape model of garment outlines: real flat-lays in principal components, and new ones drawn from their density.

Half outlines are landmarked, so that points correspond; the mean of the two halves and half their difference are
modelled apart: the first is the shape, the second how far a hand-laid garment strays from symmetry. Garments form no
Gaussian cloud (sleeves hang at any angle, coats and vests share a folder), so a new outline is drawn from a kernel
density: between a real one and one of its near neighbours, with some noise in every component.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.landmarks import half_paths, landmark_index, landmarked

SCHEMA = 2
MODES, SKEW_MODES = 40, 24
"""Most components kept per group, of shape and of asymmetry."""

NEIGHBOURS = 5
"""An outline is drawn between a real one and one of so many nearest."""

LEADING = 10
"""Components that are blended as they are; finer ones (folds of the edge) keep their strength when blended."""

NOISE = 0.1
"""Deviation of the noise in a component, in deviations of that component."""

EDGE, NICK, NICKED = 0.0005, 0.014, 0.012
"""Scale of the edge's own unevenness beyond the components and of its nicks (folded corners, loose threads), in shares
of the garment's height, and the share of points that are nicked. Fitted by the mean bends of real outlines."""

WIDTH_AT = {"sleeved": "armpit", "legs": "waist", "skirt": "waist"}
"""Landmark whose distance from the mirror axis is the unit of length; a draped outline's is its greatest half width
times `DRAPED_WIDTH`."""

DRAPED_WIDTH = 0.8

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tshirt": ("sleeved", ("t-shirt",)),
    "shirt_short": ("sleeved", ("shirt",)),
    "shirt_long": ("sleeved", ("shirt",)),
    "shirt_draped": ("draped", ("shirt",)),
    "longsleeve": ("sleeved", ("longsleeve",)),
    "longsleeve_draped": ("draped", ("longsleeve",)),
    "outwear": ("sleeved", ("outwear",)),
    "outwear_draped": ("draped", ("outwear",)),
    "dress_sleeved": ("sleeved", ("dress",)),
    "dress_draped": ("draped", ("dress",)),
    "pants": ("legs", ("pants",)),
    "shorts": ("legs", ("shorts",)),
    "shorts_closed": ("skirt", ("shorts",)),
    "skirt": ("skirt", ("skirt",)),
}
"""Model group -> (layout, folders of the data set it is fitted on). Of one folder, an outline that shows armpits or a
crotch is in a group that has them, else in the draped or closed one."""

_REACH = {"tshirt": (0.05, 1.1), "shirt_short": (0.05, 1.0), "shirt_long": (1.0, 3.4), "longsleeve": (0.6, 3.4),
          "outwear": (0.6, 3.4), "dress_sleeved": (0.05, 3.0)}
"""Inner sleeve lengths (in half body widths) of each sleeved group."""

_FIELDS = ("mean", "modes", "weights", "skew_modes", "skew_weights")


@dataclass(frozen=True)
class Group:
    """One group: `mean` [N, 2], `modes` [C, N*2] and the outlines' `weights` [M, C]; the same of asymmetry."""

    layout: str
    mean: np.ndarray
    modes: np.ndarray
    weights: np.ndarray
    skew_modes: np.ndarray
    skew_weights: np.ndarray

    @property
    def count(self) -> int:
        """Outlines it was fitted on."""
        return len(self.weights)

    @cached_property
    def neighbours(self) -> np.ndarray:
        """Indices [M, K] of each outline's nearest ones."""
        lead = self.weights[:, :LEADING]
        distance = ((lead[:, None] - lead[None]) ** 2).sum(-1)
        return np.argsort(distance, axis=1)[:, 1 : NEIGHBOURS + 1]

    @cached_property
    def spread(self) -> np.ndarray:
        """Deviation of every component [C]."""
        return self.weights.std(0)

    @cached_property
    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted lengths (top to bottom) and neck (or waist) half widths of the outlines, each [M]."""
        index = landmark_index(self.layout)
        at = index.get("neck", index.get("waist"))
        shape = self.mean.ravel() + self.weights @ self.modes
        low = shape.reshape(len(shape), -1, 2)[..., 1].max(1)
        return np.sort(low), np.sort(shape[:, 2 * at])


@dataclass(frozen=True)
class HalfOutlines:
    """One drawn outline.

    Attributes:
        right, left: [N, 2], x >= 0 to the outside, y down, 1 = half the body's width.
        layout: which landmarks it has. index: landmark name -> position along both.
        length_rank, neck_rank: shares in [0, 1] of the group's outlines that are shorter, and narrower at the neck.
    """

    right: np.ndarray
    left: np.ndarray
    layout: str
    index: dict[str, int]
    length_rank: float
    neck_rank: float


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
        one = int(rng.integers(g.count))
        other = int(g.neighbours[one][int(rng.integers(g.neighbours.shape[1]))])
        share = float(rng.uniform(0.15, 0.5))
        keep = np.hypot(share, 1 - share)
        weight = (1 - share) * g.weights[one] + share * g.weights[other]
        weight[LEADING:] /= keep
        weight += NOISE * g.spread * rng.standard_normal(len(weight))
        shape = g.mean + (weight @ g.modes).reshape(g.mean.shape)
        weight = ((1 - share) * g.skew_weights[one] + share * g.skew_weights[other]) / keep
        skew = (weight @ g.skew_modes).reshape(g.mean.shape) * float(rng.choice([-1, 1]))
        inner = skew[1:-1]
        nicked = rng.random((len(inner), 1)) < NICKED
        inner += rng.laplace(size=inner.shape) * (np.ptp(shape[:, 1]) * np.where(nicked, NICK, EDGE))
        skew *= asymmetry
        index = landmark_index(g.layout)
        lengths, necks = g.sizes
        ranks = (float(np.searchsorted(lengths, shape[:, 1].max()) / g.count),
                 float(np.searchsorted(necks, shape[index.get("neck", index.get("waist")), 0]) / g.count))
        return HalfOutlines(shape + skew, shape - skew, g.layout, index, *ranks)

    def choose(self, groups: tuple[str, ...], rng: np.random.Generator) -> str:
        """One of several groups, as often as the outlines it was fitted on."""
        counts = np.array([self.groups[name].count for name in groups], np.float64)
        return groups[int(rng.choice(len(groups), p=counts / counts.sum()))]

    def save(self, path: str | Path) -> None:
        """Write the model as an npz (half floats: outlines need three digits)."""
        arrays: dict[str, np.ndarray] = {"schema": np.int64(SCHEMA)}
        for name, g in self.groups.items():
            for field in _FIELDS:
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
            return ShapeModel({name: Group(layout, *(data[f"{name}.{f}"].astype(np.float64) for f in _FIELDS))
                               for name, (layout, _) in GROUPS.items() if f"{name}.mean" in data})


def bundled_model_path() -> Path:
    """Where the fitted model that ships with the project lies."""
    return Path(__file__).resolve().parents[2] / "assets" / "shape_model.npz"


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
    with table.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if float(r["symmetry"]) >= symmetry]
    for row in rows:
        mask = cv2.imread(str(root / split / row["category"] / f"{row['id']}.png"), cv2.IMREAD_GRAYSCALE)
        paths = None if mask is None else half_paths(mask)
        if paths is None:
            continue
        for layout in ("sleeved", "legs", "draped", "skirt"):
            found = _assign(paths, row["category"], layout)
            if found is not None:
                halves[found[0]].append(found[1])
                break
    return ShapeModel({name: _principal(name, pairs) for name, pairs in halves.items()})


def _assign(paths: tuple[np.ndarray, np.ndarray], category: str, layout: str
            ) -> tuple[str, tuple[np.ndarray, np.ndarray]] | None:
    """The group of this layout that a garment of this category belongs to, and its halves; None if in none."""
    names = [name for name, (wanted, folders) in GROUPS.items() if wanted == layout and category in folders]
    if not names:
        return None
    pair = [landmarked(p, layout) for p in paths]
    if any(p is None for p in pair):
        return None
    pair = _normalised(pair, layout)
    if layout != "sleeved":
        return names[0], pair
    index = landmark_index(layout)
    reach = np.mean([np.hypot(*(h[index["cuff_inner"]] - h[index["armpit"]])) for h in pair])
    inside = [name for name in names if _REACH[name][0] <= reach <= _REACH[name][1]]
    return (inside[0], pair) if inside else None


def _normalised(pair: list[np.ndarray], layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Both halves in one frame: the neck or waist at mean height 0, mean half width 1."""
    index = landmark_index(layout)
    at = index.get("neck", index.get("waist"))
    right, left = pair
    if layout == "draped":
        width = DRAPED_WIDTH * (right[:, 0].max() + left[:, 0].max()) / 2
    else:
        width = (right[index[WIDTH_AT[layout]], 0] + left[index[WIDTH_AT[layout]], 0]) / 2
    top, width = (right[at, 1] + left[at, 1]) / 2, max(width, 0.05)
    return (right - [0, top]) / width, (left - [0, top]) / width


def _principal(name: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Group:
    """Mean, components and weights of shape and asymmetry, without outliers beyond 5 robust deviations."""
    if len(pairs) < 8:
        raise ValueError(f"only {len(pairs)} outlines landmarked for {name}; wanted 8 or more")
    right, left = (np.stack([p[i] for p in pairs]).reshape(len(pairs), -1) for i in (0, 1))
    shape, skew = (right + left) / 2, (right - left) / 2
    away = np.abs(shape - np.median(shape, 0)).max(1) + 2 * np.abs(skew).max(1)
    keep = away <= np.median(away) + 5 * 1.48 * np.median(np.abs(away - np.median(away)))
    shape, skew = shape[keep], skew[keep]
    mean = shape.mean(0)
    parts = []
    for values, most in ((shape - mean, MODES), (skew, SKEW_MODES)):
        _, _, rows = np.linalg.svd(values, full_matrices=False)
        modes = rows[: min(most, len(values) - 1)]
        parts += [modes, values @ modes.T]
    return Group(GROUPS[name][0], mean.reshape(-1, 2), *parts)
