"""Cloth, whole flat-lays and grounds out of real garments' photos (``train.csv`` beside ``train/``)."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.people.cloth import TILE, Tile
from ragdiffusion.garments.spreadsheets import read_rows

_STRAIGHT = 0.9
_HELD_OUT = 10  # one garment in so many is never trained on
_KEPT = 64
_SIDE = 384


def is_held_out(identifier: str) -> bool:
    """Whether a real garment dresses only the people that are measured on."""
    return zlib.crc32(identifier.encode()) % _HELD_OUT == 0


@dataclass(frozen=True)
class WholeLay:
    """A real garment laid flat.

    Attributes:
        image: uint8 (H, W, 3) RGB, cropped to the garment's box, its colours run on beyond its edge.
        mask: uint8 (H, W), its cut-out.
    """

    image: np.ndarray
    mask: np.ndarray


class RealCloth:
    """Draws from the training split only.

    Args:
        root: folder with ``train.csv`` and ``train/CATEGORY/ID.{jpg,png}``.
        held_out: whether to draw from the tenth of the garments that is held out, instead of from the rest.

    Raises:
        ValueError: no such table.
    """

    def __init__(self, root: Path, *, held_out: bool = False) -> None:
        table = Path(root) / "train.csv"
        if not table.is_file():
            raise ValueError(f"{root} has no train.csv: give the folder of real garments")
        rows = sorted(read_rows(table), key=lambda row: (row["category"], row["id"]))
        self._root = Path(root)
        self._all: dict[str, list[str]] = {}
        self._straight: dict[str, list[str]] = {}
        for row in rows:
            if is_held_out(row["id"]) != held_out:
                continue
            self._all.setdefault(row["category"], []).append(row["id"])
            if float(row["symmetry"]) >= _STRAIGHT:
                self._straight.setdefault(row["category"], []).append(row["id"])
        self._kept: OrderedDict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def whole(self, rng: np.random.Generator, category: str) -> WholeLay:
        """A straight flat-lay of a category of the data set."""
        image, mask = self._read(category, self._pick(rng, self._straight[category]))
        x, y, w, h = cv2.boundingRect((mask > 127).astype(np.uint8))
        image, mask = image[y : y + h, x : x + w], mask[y : y + h, x : x + w]
        scale = _SIDE / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_AREA)
        return WholeLay(_run_on(image, mask), mask)

    def swatch(self, rng: np.random.Generator, category: str) -> Tile | None:
        """Cloth from the middle of a garment, or None where no piece of it is large enough."""
        image, mask = self._read(category, self._pick(rng, self._all[category]))
        ys, xs = np.nonzero(mask > 128)
        cx, cy, wide = int(np.median(xs)), int(np.median(ys)), min(np.ptp(xs), np.ptp(ys))
        for share in (0.3, 0.24, 0.18, 0.12):
            r = int(share * wide * 1.6)
            box = (slice(max(0, cy - r), cy + r), slice(max(0, cx - r), cx + r))
            if r > 20 and (mask[box] > 128).mean() > 0.985:
                half = cv2.resize(image[box], (TILE // 2, TILE // 2), interpolation=cv2.INTER_AREA)
                half = np.concatenate([half, half[:, ::-1]], 1)
                return Tile(np.concatenate([half, half[::-1]]), float(rng.uniform(50, 80)), "Solid Color")
        return None

    def ground(self, rng: np.random.Generator) -> np.ndarray:
        """The largest strip beside a garment, uint8 (H, W, 3) RGB."""
        category = str(rng.choice(sorted(self._all)))
        image, mask = self._read(category, self._pick(rng, self._all[category]))
        x, y, w, h = cv2.boundingRect((mask > 8).astype(np.uint8))
        strips = (image[:, :x], image[:, x + w :], image[:y], image[y + h :])
        best = max(strips, key=lambda s: s.shape[0] * s.shape[1])
        return best if min(best.shape[:2]) > 20 else image[::-1, :, :]

    @staticmethod
    def _pick(rng: np.random.Generator, names: list[str]) -> str:
        return names[int(rng.integers(len(names)))]

    def _read(self, category: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        key = (category, name)
        if key not in self._kept:
            stem = self._root / "train" / category / name
            image = cv2.cvtColor(cv2.imread(f"{stem}.jpg"), cv2.COLOR_BGR2RGB)
            self._kept[key] = image, cv2.imread(f"{stem}.png", cv2.IMREAD_GRAYSCALE)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


def _run_on(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill what lies outside a mask with the nearest colours inside it."""
    core = cv2.erode((mask > 200).astype(np.uint8), np.ones((5, 5), np.uint8))
    if not core.any():
        return image
    _, labels = cv2.distanceTransformWithLabels(1 - core, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    ys, xs = np.nonzero(core)
    colours = np.zeros((labels.max() + 1, 3), np.uint8)
    colours[labels[ys, xs]] = image[ys, xs]
    return np.where(core[..., None] > 0, image, colours[labels])
