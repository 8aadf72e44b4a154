"""Real garments: photos with cut-out masks, and endless photos in the wild made from them.

A cut-out, centred and scaled by its box, is the flat-lay of its photo. From it come
- the untouched photo with an exact map (an affine one),
- composites: the cut-out warped, lit, occluded and laid on ground taken from other photos,
- targets in another garment's silhouette, through the correspondence of the two outlines.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.outlines import ThinPlate, correspondence
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.warps import identity_map, invert, sample, smooth_field

CANONICAL_MARGIN = 1.12  # side of the canonical frame over the longer side of the garment's box
CATEGORY_ATTRIBUTES: dict[str, dict[str, str]] = {
    "t-shirt": {"category": "T-shirt", "sleeve_length": "Short"},
    "longsleeve": {"sleeve_length": "Long"},
    "shirt": {"category": "Shirt", "collar": "Shirt"},
    "outwear": {"category": "Jacket", "sleeve_length": "Long"},
    "dress": {"category": "Dress"},
    "skirt": {"category": "Skirt"},
    "pants": {"length": "Long"},
    "shorts": {"length": "Short"},
}
"""What a category of the data set says for sure in the terms of Table 6."""
AS_TAKEN = 0.6  # share of untouched photos where the structure matters: a warp changes it a little
PARTNERS = 6  # silhouettes of other garments that each garment is laid into
SPLINE_GRID = 33


@dataclass(frozen=True)
class RealGarment:
    """One photo and its cut-out, in the frames that training uses.

    Attributes:
        name: unique in its data set.
        category: one of the data set's eight.
        symmetry: IoU of the silhouette with its mirror image.
        cloth: uint8 (N, N, 3) RGB, the garment in the canonical frame, its colours run on beyond its edge.
        alpha: uint8 (N, N), the cut-out mask in the canonical frame.
        photo: uint8 (N, N, 3) RGB, the whole photo padded to square.
        photo_map: float32 (2, 3), canonical pixel -> photo pixel.
        photo_mask: uint8 (N, N), the cut-out mask in the padded photo.
    """

    name: str
    category: str
    symmetry: float
    cloth: np.ndarray
    alpha: np.ndarray
    photo: np.ndarray
    photo_map: np.ndarray
    photo_mask: np.ndarray

    @property
    def standard(self) -> np.ndarray:
        """The flat-lay on white: uint8 (N, N, 3) RGB."""
        return on_white(self.cloth, self.alpha)


def on_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay an image on white through a soft mask; all uint8."""
    weight = alpha[..., None].astype(np.float32) / 255.0
    return np.rint(image * weight + 255.0 * (1.0 - weight)).astype(np.uint8)


def extend_cloth(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Let a garment's colours run on beyond its edge, so that another silhouette never shows the background.

    Args:
        image: uint8 (N, N, 3).
        alpha: uint8 (N, N), the garment's soft mask.

    Returns:
        uint8 (N, N, 3), equal to `image` well inside the mask.
    """
    inside = cv2.erode(alpha, np.ones((3, 3), np.uint8)).astype(np.float32)[..., None] / 255.0
    colour, weight = image.astype(np.float32) * inside, inside
    filled = np.zeros_like(colour)
    known = np.zeros_like(inside)
    for level in range(int(np.log2(image.shape[0])) + 1):  # from the nearest colours to ever wider means
        side = max(1, image.shape[0] >> level)
        small = cv2.resize(np.dstack([colour, weight]), (side, side), interpolation=cv2.INTER_AREA)
        wide = cv2.resize(small.reshape(side, side, 4), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        share = np.clip(wide[..., 3:] * 4, 0, 1) * (1 - known)
        filled += share * wide[..., :3] / np.maximum(wide[..., 3:], 1e-4)
        known += share
    filled /= np.maximum(known, 1e-4)
    return np.clip(np.rint(image * inside + filled * (1 - inside)), 0, 255).astype(np.uint8)


def read_garment(image_path: Path, mask_path: Path, size: int, *, category: str, symmetry: float) -> RealGarment:
    """Read one photo and its mask into both frames.

    Args:
        image_path: the photo.
        mask_path: 8-bit mask of the photo's size.
        size: side N of both frames, pixels.
        category: what kind of garment.
        symmetry: IoU of the silhouette with its mirror image.

    Raises:
        ValueError: if either file can't be read, they differ in size, or the mask is empty.
    """
    image, mask = cv2.imread(str(image_path), cv2.IMREAD_COLOR), cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
    for path, content in ((image_path, image), (mask_path, mask)):
        if content is None:
            raise ValueError(f"{path}: missing or not an image")
    if image.shape[:2] != mask.shape:
        raise ValueError(f"{mask_path}: the mask is {mask.shape[1]}x{mask.shape[0]}, its photo "
                         f"{image.shape[1]}x{image.shape[0]}; both must be of one size")
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    rows, columns = np.nonzero(mask > 127)
    if len(rows) == 0:
        raise ValueError(f"{mask_path}: the mask is empty")
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    centre = np.array([columns.min() + width / 2, rows.min() + height / 2])
    side = CANONICAL_MARGIN * max(width, height)
    to_canonical = _similarity(size / side, size / 2 - centre * size / side)
    scale = size / max(mask.shape)
    offset = (np.array([size, size]) - np.array(mask.shape[::-1]) * scale) / 2
    to_photo = _similarity(scale, offset)

    def frame(content: np.ndarray, matrix: np.ndarray, border: int) -> np.ndarray:
        shrink = matrix[0, 0]
        if shrink < 0.75:  # antialias before a strong reduction
            content = cv2.GaussianBlur(content, (0, 0), 0.4 / shrink)
        return cv2.warpAffine(content, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)

    alpha = frame(mask, to_canonical, cv2.BORDER_CONSTANT)
    return RealGarment(
        name=image_path.stem, category=category, symmetry=symmetry,
        cloth=extend_cloth(frame(image, to_canonical, cv2.BORDER_REPLICATE), alpha), alpha=alpha,
        photo=frame(image, to_photo, cv2.BORDER_REPLICATE), photo_mask=frame(mask, to_photo, cv2.BORDER_CONSTANT),
        photo_map=(_square(to_photo) @ np.linalg.inv(_square(to_canonical)))[:2].astype(np.float32))


def _similarity(scale: float, offset: np.ndarray) -> np.ndarray:
    """Scale and shift in the half-pixel convention: pixel centres stand at integers."""
    shift = np.asarray(offset) + 0.5 * scale - 0.5
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)


def _square(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([matrix, [[0.0, 0.0, 1.0]]])


def load_garments(root: Path, split: str, size: int, *, limit: int | None = None) -> list[RealGarment]:
    """Load a folder of real garments (`SPLIT.csv` beside `SPLIT/CATEGORY/ID.jpg` and `.png`).

    Args:
        root: the data set's folder.
        split: `train` or `val`.
        size: side of the frames, pixels.
        limit: take only so many, spread evenly over the list.

    Raises:
        ValueError: if the list is missing.
    """
    table = Path(root) / f"{split}.csv"
    if not table.is_file():
        raise ValueError(f"{table}: not found; --garments must name a folder with {split}.csv in it")
    with table.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    if limit is not None and limit < len(rows):
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]
    folder = Path(root) / split
    return [read_garment(folder / row["category"] / f"{row['id']}.jpg", folder / row["category"] / f"{row['id']}.png",
                         size, category=row["category"], symmetry=float(row["symmetry"])) for row in rows]


class RealPairs:
    """Draws pairs from real garments.

    Args:
        garments: what to draw from, all of one frame size.
        other_silhouette: share of targets in another garment's silhouette.
        warped_target: share of targets whose own silhouette is reshaped.
        untouched: share of photos that are the untouched original.
    """

    def __init__(self, garments: list[RealGarment], *, other_silhouette: float = 0.45, warped_target: float = 0.25,
                 untouched: float = 0.3) -> None:
        if not garments:
            raise ValueError("no garments to draw pairs from")
        self.garments = garments
        self.size = garments[0].alpha.shape[0]
        self.other_silhouette, self.warped_target, self.untouched = other_silhouette, warped_target, untouched
        self._by_category: dict[str, list[int]] = {}
        for index, garment in enumerate(garments):
            self._by_category.setdefault(garment.category, []).append(index)
        self._as_they_lie = None if other_silhouette == warped_target == 0 else RealPairs(
            garments, other_silhouette=0, warped_target=0, untouched=AS_TAKEN)
        self._splines: dict[tuple[int, int], ThinPlate] = {}
        axis = np.linspace(-1, 1, SPLINE_GRID)
        self._spline_grid = np.stack(np.meshgrid(axis, axis), axis=-1)

    def spline(self, target: int, source: int) -> ThinPlate:
        """The correspondence from one garment's silhouette to another's (kept once found)."""
        key = (target, source)
        if key not in self._splines:
            self._splines[key] = correspondence(self.garments[target].alpha, self.garments[source].alpha)
        return self._splines[key]

    def dense(self, plate: ThinPlate) -> np.ndarray:
        """A spline as a backward map in pixels, float32 (N, N, 2)."""
        coarse = ((plate(self._spline_grid) + 1) * self.size / 2 - 0.5).astype(np.float32)
        # Spline nodes stand on the frame's edges, pixel centres half a pixel inside them.
        step = (SPLINE_GRID - 1) / self.size
        places = (identity_map(self.size) + 0.5) * step
        return cv2.remap(coarse, places[..., 0], places[..., 1], cv2.INTER_LINEAR)

    def partner(self, rng: np.random.Generator, index: int) -> int:
        """Another garment of the same category; each has the same few partners, so splines are reused."""
        others = self._by_category[self.garments[index].category]
        slot = int(rng.integers(PARTNERS))
        return others[(index * 7919 + slot * 104729 + 1) % len(others)]

    def sample(self, rng: np.random.Generator, index: int | None = None) -> Pair:
        """Draw a pair.

        Args:
            rng: source of all chance.
            index: which garment; drawn when not given.
        """
        index = int(rng.integers(len(self.garments))) if index is None else index
        garment = self.garments[index]
        draw = rng.random()
        if draw < self.other_silhouette:
            shape = self.partner(rng, index)
            target_map, silhouette = self.dense(self.spline(shape, index)), self.garments[shape].alpha
            structure = self.garments[shape].name
        elif draw < self.other_silhouette + self.warped_target:
            target_map = self._reshape(rng)
            silhouette, structure = sample(garment.alpha, target_map, border=cv2.BORDER_CONSTANT), garment.name + "*"
        else:
            target_map, silhouette, structure = identity_map(self.size), garment.alpha, garment.name
        if rng.random() < self.untouched:
            photo, photo_mask = garment.photo, garment.photo_mask
            affine = garment.photo_map
            flow = target_map @ affine[:, :2].T + affine[:, 2]
            visible = np.ones(silhouette.shape, np.float32)
        else:
            photo, photo_mask, inverse, seen = self._in_the_wild(rng, garment)
            grid = inverse.shape[0]
            places = (target_map + 0.5) * (grid / self.size) - 0.5
            flow = cv2.remap(inverse, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            visible = cv2.remap(seen, places[..., 0], places[..., 1], cv2.INTER_LINEAR)
        covered = sample(garment.alpha, target_map, border=cv2.BORDER_CONSTANT)
        visible = visible * (covered > 127) * (silhouette > 127)
        standard = on_white(sample(garment.cloth, target_map), silhouette)
        pair = Pair(photo=photo, standard=standard, silhouette=silhouette, flow=flow.astype(np.float32),
                    visible=visible.astype(np.float32), photo_mask=photo_mask, category=garment.category,
                    structure=structure)
        return pair.mirrored() if rng.random() < 0.5 else pair

    def structure_pair(self, rng: np.random.Generator, index: int, *, retexture: float = 0.6) -> Pair:
        """A photo and a flat-lay of the same structure, most often in another texture (3.1).

        Args:
            rng: source of all chance.
            index: which garment.
            retexture: share of flat-lays filled with another garment's cloth.
        """
        garment = self.garments[index]
        own = (self._as_they_lie or self).sample(rng, index)
        cloth = garment.cloth
        if rng.random() < retexture:
            other = self.partner(rng, index)
            cloth = sample(self.garments[other].cloth, self.dense(self.spline(index, other)))
        if rng.random() < 0.5:
            cloth = cloth[..., rng.permutation(3)]
        if own.structure.endswith("~"):
            cloth = cloth[:, ::-1]
        return replace(own, standard=on_white(cloth, own.silhouette),
                       attributes=CATEGORY_ATTRIBUTES.get(garment.category, {}))

    def _reshape(self, rng: np.random.Generator) -> np.ndarray:
        """A target that is longer, wider or otherwise bent than the garment itself."""
        size = self.size
        stretch = np.exp(rng.normal(size=2) * 0.12).astype(np.float32)
        stretch /= stretch.min()  # never beyond the frame
        centred = identity_map(size) - (size - 1) / 2
        return centred * stretch + (size - 1) / 2 + smooth_field(rng, size, amplitude=size * 0.02, cells=5)

    def _in_the_wild(self, rng: np.random.Generator, garment: RealGarment
                     ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A composite: photo, its garment mask, canonical -> photo map and what of it is seen (on a half grid)."""
        size = self.size
        wide = rng.random() < 0.15  # thrown down at any angle
        angle = np.deg2rad(rng.uniform(-60, 60) if wide else rng.normal() * 13)
        scale = rng.uniform(0.6, 1.08)
        shift = rng.normal(size=2) * size * 0.05
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
        backward = (identity_map(size) - (size - 1) / 2 - shift.astype(np.float32)) @ rotation.T / scale
        shear = rng.normal(size=(2, 2)).astype(np.float32) * 0.05 + np.eye(2, dtype=np.float32)
        backward = backward @ shear + (size - 1) / 2
        folds = smooth_field(rng, size, amplitude=size * 0.012, cells=9)
        backward = (backward + smooth_field(rng, size, amplitude=size * 0.03, cells=4) + folds).astype(np.float32)
        alpha = sample(garment.alpha, backward, border=cv2.BORDER_CONSTANT)
        ground = self._ground(rng)
        weight = alpha[..., None].astype(np.float32) / 255.0
        if rng.random() < 0.6:  # a soft shadow under the cloth
            offset = rng.normal(size=2) * size * 0.015
            shadow = cv2.warpAffine(alpha, np.float32([[1, 0, offset[0]], [0, 1, offset[1]]]), (size, size))
            shadow = cv2.GaussianBlur(shadow, (0, 0), size * 0.015)[..., None] / 255.0
            ground = ground * (1 - rng.uniform(0.1, 0.5) * shadow)
        relief = 1 + folds[..., :1] * (rng.uniform(0, 0.1) / (size * 0.012))
        image = sample(garment.cloth, backward) * relief * weight + ground * (1 - weight)
        hidden = np.zeros((size, size), np.uint8)
        for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.35 else 0):
            self._occlude(rng, image, hidden)
        spots = rng.normal(size=(3, 3)).astype(np.float32) * 0.07
        light = cv2.resize(spots, (size, size), interpolation=cv2.INTER_CUBIC)
        image = image * (rng.uniform(0.85, 1.12) + light[..., None]) + rng.normal() * 4
        photo_mask = np.where(hidden > 0, 0, alpha).astype(np.uint8)
        inverse, weight_there = invert(backward, size // 2)
        inside = ((inverse >= 0) & (inverse <= size - 1)).all(-1) & (weight_there > 0.02)
        seen = cv2.remap(255 - hidden, inverse[..., 0], inverse[..., 1], cv2.INTER_LINEAR) / 255.0 * inside
        return np.clip(image, 0, 255).astype(np.uint8), photo_mask, inverse, seen.astype(np.float32)

    def _ground(self, rng: np.random.Generator) -> np.ndarray:
        """Ground from the rim of another photo, where its garment hardly reaches, or a plain one."""
        size = self.size
        if rng.random() < 0.12:
            return np.full((size, size, 3), rng.uniform(30, 255, size=3), np.float32)
        photo = self.garments[int(rng.integers(len(self.garments)))].photo
        part = size // 4
        strip = (photo[:part], photo[-part:], photo[:, size // 8: size // 4], photo[:, -size // 4: -size // 8])
        ground = cv2.resize(strip[int(rng.integers(4))], (size, size), interpolation=cv2.INTER_CUBIC)
        if rng.random() < 0.5:
            ground = ground[::-1, ::-1]
        return ground.astype(np.float32)

    def _occlude(self, rng: np.random.Generator, image: np.ndarray, hidden: np.ndarray) -> None:
        """Cover a patch (an ellipse or a strap) with a plain colour or another garment's cloth."""
        size = self.size
        shape = np.zeros((size, size), np.uint8)
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        if rng.random() < 0.5:
            axes = tuple(int(v) for v in rng.integers(size // 24, size // 6, 2))
            cv2.ellipse(shape, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            end = tuple(int(v) for v in rng.integers(0, size, 2))
            cv2.line(shape, centre, end, 255, int(rng.integers(size // 40, size // 10)), cv2.LINE_AA)
        weight = shape[..., None] / 255.0
        if rng.random() < 0.5:
            cover = rng.uniform(0, 255, size=3)
        else:
            cover = self.garments[int(rng.integers(len(self.garments)))].cloth
        image[:] = image * (1 - weight) + cover * weight
        hidden[shape > 127] = 255
