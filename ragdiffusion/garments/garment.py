"""A real garment: a photo, its cut-out, and the frames that training uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.augmentation import resample, similarity, square_matrix
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import CANONICAL_MARGIN

_SYMMETRY_SIDE = 96
_TURNS = range(-6, 7, 2)  # degrees


_WIDEST = {"pants": 0.7, "longsleeve": 1.3, "shirt": 1.35, "outwear": 1.3}
"""Width over height beyond which a garment of a category of the data set lies spread."""


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
        attributes: Table 6 values by key; unknown ones are missing.
    """

    name: str
    category: str
    symmetry: float
    cloth: np.ndarray
    alpha: np.ndarray
    photo: np.ndarray
    photo_map: np.ndarray
    photo_mask: np.ndarray
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def spread(self) -> bool:
        """Whether its sleeves or legs lie so wide of the body that its outline is no standard's."""
        _, _, width, height = cv2.boundingRect((self.alpha > 127).astype(np.uint8))
        return width > _WIDEST.get(self.category, np.inf) * height

    @property
    def standard(self) -> np.ndarray:
        """The flat-lay on white: uint8 (N, N, 3) RGB."""
        return on_white(self.cloth, self.alpha)


def on_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay an image on white through a soft mask; all uint8."""
    weight = cv2.merge([alpha] * 3)
    return cv2.add(cv2.multiply(image, weight, scale=1 / 255), cv2.bitwise_not(weight))


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


def cut_out(
    image: np.ndarray, mask: np.ndarray, size: int, *, name: str, category: str, symmetry: float | None = None
) -> RealGarment:
    """Put a garment and its picture into both frames: canonical and square.

    Args:
        image: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W), the garment's soft mask.
        size: side N of both frames, pixels.
        name: what to call it.
        category: what kind of garment.
        symmetry: IoU of the silhouette with its mirror image; measured if not given.

    Raises:
        ValueError: if the two differ in size, or the mask is empty.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(
            f"{name}: the mask is {mask.shape[1]}x{mask.shape[0]}, its picture "
            f"{image.shape[1]}x{image.shape[0]}; both must be of one size"
        )
    left, top, width, height = cv2.boundingRect((mask > 127).astype(np.uint8))
    if width == 0:
        raise ValueError(f"{name}: the mask is empty; white must mark the garment")
    side = CANONICAL_MARGIN * max(width, height)
    centre = np.array([left + width / 2, top + height / 2])
    to_canonical = similarity(size / side, size / 2 - centre * size / side)
    to_photo = square_matrix(mask.shape, size)
    back = np.linalg.inv(np.vstack([to_canonical, [0, 0, 1]]))
    alpha = resample(mask, to_canonical, size, ground=0)
    return RealGarment(
        name=name,
        category=category,
        symmetry=mirror_iou(alpha) if symmetry is None else symmetry,
        cloth=extend_cloth(resample(image, to_canonical, size), alpha),
        alpha=alpha,
        photo=resample(image, to_photo, size),
        photo_mask=resample(mask, to_photo, size, ground=0),
        photo_map=(np.vstack([to_photo, [0, 0, 1]]) @ back)[:2].astype(np.float32),
    )


def mirror_iou(alpha: np.ndarray) -> float:
    """IoU of a silhouette with its mirror image, the best over small rotations: 1 where it lies straight.

    Args:
        alpha: uint8 (N, N), in the canonical frame.
    """
    small = cv2.resize(alpha, (_SYMMETRY_SIDE, _SYMMETRY_SIDE), interpolation=cv2.INTER_AREA)
    best = 0.0
    for turn in _TURNS:
        around = cv2.getRotationMatrix2D(((_SYMMETRY_SIDE - 1) / 2,) * 2, turn, 1.0)
        shape = cv2.warpAffine(small, around, small.shape[::-1]) > 127
        columns = np.flatnonzero(shape.any(axis=0))
        if len(columns) == 0:
            continue
        shape = shape[:, columns[0] : columns[-1] + 1]
        mirrored = shape[:, ::-1]
        best = max(best, float((shape & mirrored).sum() / (shape | mirrored).sum()))
    return best


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
    try:
        return cut_out(
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
            mask,
            size,
            name=image_path.stem,
            category=category,
            symmetry=symmetry,
        )
    except ValueError as error:
        raise ValueError(f"{mask_path.parent}: {error}") from error


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
    rows = list(read_rows(table))
    if limit is not None and limit < len(rows):
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]
    folder = Path(root) / split
    return [
        read_garment(
            folder / row["category"] / f"{row['id']}.jpg",
            folder / row["category"] / f"{row['id']}.png",
            size,
            category=row["category"],
            symmetry=float(row["symmetry"]),
        )
        for row in rows
    ]
