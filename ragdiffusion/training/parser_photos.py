"""Photos with label maps to teach the parser: rendered people, and real garments laid or hung, both made harder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.people.real_cloth import is_held_out
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.parsing.labels import CATEGORIES, LABEL
from ragdiffusion.training.hard_photos import garments_in, pale_cloth, patterned_ground
from ragdiffusion.training.sources import split_held_out

UNSURE = 255
"""A pixel of a label map that nothing is said about."""
_SURE, _DOUBTFUL = 160, 90  # of a soft mask: garment from here, ground below there
_LAID_SIDE, _GROUND_SIDE = 448, 288  # longer side at which laid photos and grounds are kept, pixels
_NOTHING, _PATTERNED, _PALE = 0.04, 0.25, 0.15  # shares of photos without a garment, of drawn grounds, of pale cloth
_CLOSE, _CLOSENESS = 0.35, (0.55, 1.15)  # share of people seen close by, and how much of the frame a garment fills
_LEAST_BOX = 0.015  # share of a photo that such a garment has
_SMALLEST = {1: 0.1, 2: 0.22, 3: 0.22}  # share of the frame, by how many are in it


@dataclass(frozen=True)
class Labelled:
    """A photo and what its pixels are.

    Attributes:
        photo: uint8 (H, W, 3), RGB.
        labels: uint8 (H, W), numbers of `LABELS` or `UNSURE`.
        alpha: uint8 (H, W), how much of a pixel is person or garment.
    """

    photo: np.ndarray
    labels: np.ndarray
    alpha: np.ndarray


class RenderedPeople:
    """A folder of photos NAME.jpg and label maps NAME.png that may still be growing.

    Args:
        folder: of the files.

    Raises:
        ValueError: if it holds no such pair.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._names = folder, []
        self.look()
        if not self._names:
            raise ValueError(f"{folder} holds no photo NAME.jpg with a label map NAME.png beside it")

    def __len__(self) -> int:
        return len(self._names)

    def look(self) -> None:
        """Take in what came since."""
        maps = {path.stem for path in self.folder.glob("*.png")}
        self._names = sorted(path.stem for path in self.folder.glob("*.jpg") if path.stem in maps)

    def __getitem__(self, index: int) -> Labelled:
        path = self.folder / self._names[index]
        photo = cv2.imread(f"{path}.jpg", cv2.IMREAD_COLOR_RGB)
        labels = cv2.imread(f"{path}.png", cv2.IMREAD_GRAYSCALE)
        if photo is None or labels is None or photo.shape[:2] != labels.shape:
            raise ValueError(f"{path}.jpg and .png are no photo and label map of one size")
        alpha = cv2.GaussianBlur(np.where(labels > 0, 255, 0).astype(np.uint8), (3, 3), 0)
        return Labelled(photo, labels, alpha)


class LaidGarments:
    """Photos of single garments with soft masks, kept in memory; those that no training draws are left out.

    Args:
        folder: holds `train.csv` beside `train/CATEGORY/ID.jpg` and `ID.png`.

    Raises:
        ValueError: if there is no list, or it names none.
    """

    def __init__(self, folder: Path) -> None:
        table = folder / "train.csv"
        if not table.is_file():
            raise ValueError(f"{folder}: no train.csv here, beside train/CATEGORY/ID.jpg and ID.png, as wanted")
        listed = list(read_rows(table))
        rows = [row for row in split_held_out(listed)[0] if not is_held_out(row["id"])]
        if not rows:
            raise ValueError(f"{table} lists no garment that may be drawn")
        self._kept = [_laid(folder / "train" / row["category"] / f"{row['id']}.jpg") for row in rows]

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Labelled:
        return self._kept[index]

    def grounds(self, count: int) -> list[np.ndarray]:
        """So many places where garments lay, the garments painted over: uint8 (h, w, 3)."""
        step = max(1, len(self) // count)
        return [_emptied(item) for item in self._kept[::step][:count]]


def _laid(path: Path) -> Labelled:
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    alpha = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    scale = min(1.0, _LAID_SIDE / max(alpha.shape))
    photo, alpha = (
        cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for plane in (photo, alpha)
    )
    kind = LABEL[CATEGORIES[path.parent.name]]
    return Labelled(photo, _from_soft(alpha, kind), alpha)


def _from_soft(alpha: np.ndarray, kind: int) -> np.ndarray:
    return np.where(alpha > _SURE, kind, np.where(alpha > _DOUBTFUL, UNSURE, 0)).astype(np.uint8)


def _emptied(item: Labelled) -> np.ndarray:
    """What lies behind: the hole filled from its rim, coarse first."""
    scale = _GROUND_SIDE / max(item.alpha.shape)
    photo = cv2.resize(item.photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    hole = cv2.resize(item.alpha, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
    known = (cv2.dilate(hole, np.ones((9, 9), np.uint8)) < 20).astype(np.float32)
    filled, weight = photo * known[..., None], known
    for side in (7, 21, 63, 189):
        spread, blurred = (cv2.blur(plane, (side, side)) for plane in (known, photo * known[..., None]))
        fresh = (weight == 0) & (spread > 0.02)
        filled[fresh] = blurred[fresh] / spread[fresh, None]
        weight = np.maximum(weight, fresh)
    return np.clip(filled, 0, 255).astype(np.uint8)


class Harder:
    """Draws training photos: other places, scales, turns, grounds, company, colours, and cameras.

    Args:
        people: rendered, in groups drawn from equally often.
        laid: garments without a person.
        laid_share: of photos of those, in [0, 1].
        grounds: how many emptied grounds to keep.
    """

    def __init__(
        self, people: Sequence[RenderedPeople], laid: LaidGarments, *, laid_share: float, grounds: int = 300
    ) -> None:
        self.people, self.laid, self.laid_share = people, laid, laid_share
        self.grounds = laid.grounds(grounds)

    def look(self) -> None:
        """Take in people that came since."""
        for group in self.people:
            group.look()

    def batch(self, rng: np.random.Generator, count: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """So many photos of one size (height, width): `photo` uint8 (B, 3, H, W), `labels` uint8 (B, H, W)."""
        drawn = [self.one(rng, size) for _ in range(count)]
        return {
            "photo": np.stack([photo for photo, _ in drawn]).transpose(0, 3, 1, 2).copy(),
            "labels": np.stack([labels for _, labels in drawn]),
        }

    def one(self, rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """One photo (H, W, 3) and its label map (H, W)."""
        if rng.random() < _NOTHING:
            return as_taken(self._ground(rng, size), rng), np.zeros(size, np.uint8)
        is_laid = rng.random() < self.laid_share
        item = self._laid(rng) if is_laid else self._person(rng)
        if rng.random() < (0.3 if is_laid else 0.2):
            photo, labels = self._elsewhere(rng, item, size, is_laid)
        else:
            close = not is_laid and rng.random() < _CLOSE
            photo, labels = framed(item, rng, size, turn=_turn(rng, is_laid), box=_garment_box(item, rng, close))
        if rng.random() < _PALE:
            photo = pale_cloth(photo, labels, rng)
        return as_taken(photo, rng), labels

    def _ground(self, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
        """A place where no garment lies, (H, W, 3)."""
        if rng.random() < _PATTERNED:
            return patterned_ground(rng, size)
        height, width = size
        kept = self.grounds[rng.integers(len(self.grounds))]
        ground = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
        return ground[:, ::-1] if rng.random() < 0.5 else ground

    def _person(self, rng: np.random.Generator) -> Labelled:
        group = self.people[rng.integers(len(self.people))]
        return group[int(rng.integers(len(group)))]

    def _laid(self, rng: np.random.Generator) -> Labelled:
        return self.laid[int(rng.integers(len(self.laid)))]

    def _elsewhere(
        self, rng: np.random.Generator, item: Labelled, size: tuple[int, int], is_laid: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut out and laid over another ground or beside others, often small."""
        company = int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))
        if rng.random() < 0.75 or company == 1:
            photo, labels = self._ground(rng, size), np.zeros(size, np.uint8)
        else:
            photo, labels = framed(item, rng, size, turn=0.0)
        largest = {1: 0.95, 2: 0.75, 3: 0.6}[company]
        for number in range(company):
            if number:
                item = self._laid(rng) if is_laid else self._person(rng)
            scale = np.exp(rng.uniform(np.log(_SMALLEST[company]), np.log(largest)))
            photo, labels = _laid_over(photo, labels, item, rng, scale, _turn(rng, is_laid))
        return photo, labels


def _turn(rng: np.random.Generator, is_laid: bool) -> float:
    """Degrees."""
    return float(rng.uniform(-35, 35) if is_laid and rng.random() < 0.15 else rng.normal(0, 5))


def _laid_over(
    photo: np.ndarray, labels: np.ndarray, item: Labelled, rng: np.random.Generator, scale: float, turn: float
) -> tuple[np.ndarray, np.ndarray]:
    """The item, so large in the frame by its box, at a place that is drawn."""
    height, width = labels.shape
    x, y, w, h = cv2.boundingRect((item.alpha > 127).astype(np.uint8))
    if w < 2 or h < 2:
        return photo, labels
    factor = scale * min(height / h, width / w)
    item = _reduced(item, factor)
    x, y, w, h = cv2.boundingRect((item.alpha > 127).astype(np.uint8))
    factor = scale * min(height / h, width / w)
    free = np.array([width - factor * w, height - factor * h]) / 2
    centre = np.array([width, height]) / 2 + rng.uniform(-1.1, 1.1, 2) * free
    matrix = _placing((x + w / 2, y + h / 2), centre, (factor, factor), turn, rng.random() < 0.5)
    warp = lambda plane, how: cv2.warpAffine(plane, matrix, (width, height), flags=how)  # noqa: E731
    alpha = warp(item.alpha, cv2.INTER_LINEAR).astype(np.float32)[..., None] / 255
    if rng.random() < 0.5:  # its shadow
        shade = cv2.GaussianBlur(np.roll(alpha[..., 0], rng.integers(-6, 7, 2), (0, 1)), (0, 0), rng.uniform(2, 8))
        photo = photo * (1 - rng.uniform(0.1, 0.5) * shade[..., None])
    photo = photo * (1 - alpha) + warp(item.photo, cv2.INTER_LINEAR) * alpha
    moved = warp(item.labels, cv2.INTER_NEAREST)
    return photo.astype(np.uint8), np.where(alpha[..., 0] > 0.5, moved, labels)


def _reduced(item: Labelled, factor: float) -> Labelled:
    """Averaged down before a warp that would skip pixels."""
    if factor > 0.8:
        return item
    down = lambda plane, how: cv2.resize(plane, None, fx=factor * 1.15, fy=factor * 1.15, interpolation=how)  # noqa: E731
    return Labelled(
        down(item.photo, cv2.INTER_AREA), down(item.labels, cv2.INTER_NEAREST), down(item.alpha, cv2.INTER_AREA)
    )


def _placing(
    start: tuple[float, float], end: np.ndarray, scale: tuple[float, float], turn: float, mirrored: bool
) -> np.ndarray:
    """The 2 x 3 matrix that turns by degrees, scales, mirrors, and brings `start` to `end`."""
    angle, flip = np.deg2rad(turn), -1 if mirrored else 1
    matrix = np.array(
        [
            [scale[0] * np.cos(angle) * flip, -scale[1] * np.sin(angle)],
            [scale[0] * np.sin(angle) * flip, scale[1] * np.cos(angle)],
        ]
    )
    return np.hstack([matrix, (end - matrix @ np.array(start))[:, None]])


def _garment_box(item: Labelled, rng: np.random.Generator, close: bool) -> np.ndarray | None:
    """Box of one of the garments, (x, y, w, h) in shares of the photo's sides; None for all of the photo."""
    there = garments_in(item.labels, _LEAST_BOX)
    if not close or not there:
        return None
    height, width = item.labels.shape
    box = cv2.boundingRect((item.labels == rng.choice(there)).astype(np.uint8))
    return np.array(box) / (width, height, width, height)


def framed(
    item: Labelled, rng: np.random.Generator, size: tuple[int, int], *, turn: float, box: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The photo, or the part around a box, at another scale and place; what lies beyond its rim is one colour or its
    rim repeated.
    """
    height, width = size
    h, w = item.labels.shape
    if box is None:
        middle, factor = np.array([0.5, 0.5]), min(height / h, width / w) * np.exp(rng.uniform(-0.25, 0.45))
    else:
        middle = box[:2] + box[2:] / 2
        factor = min(height / (box[3] * h), width / (box[2] * w)) * rng.uniform(*_CLOSENESS)
    item = _reduced(item, factor)
    factor *= h / item.labels.shape[0]
    h, w = item.labels.shape
    stretch = np.exp(rng.normal(0, 0.06))
    free = np.abs([width - factor * w, height - factor * h]) / 2 if box is None else np.array([width, height]) * 0.15
    centre = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * free + rng.normal(0, 6, 2)
    start = (middle[0] * w, middle[1] * h)
    matrix = _placing(start, centre, (factor * stretch, factor / stretch), turn, rng.random() < 0.5)
    repeats = rng.random() < 0.6
    colour = item.photo[0, 0].tolist() if rng.random() < 0.5 else [float(rng.integers(256))] * 3
    photo = cv2.warpAffine(
        item.photo,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderValue=colour,
        borderMode=cv2.BORDER_REPLICATE if repeats else cv2.BORDER_CONSTANT,
    )
    labels = cv2.warpAffine(
        item.labels, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    inside = cv2.warpAffine(np.ones_like(item.labels), matrix, (width, height), flags=cv2.INTER_NEAREST) > 0
    # A garment cut by the rim would go on as a streak of it: nothing is said there.
    beyond = np.where(labels > 0, UNSURE, 0) if repeats else 0
    return photo, np.where(inside, labels, beyond).astype(np.uint8)


def as_taken(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour, sharpness, noise and compression of some camera."""
    x = photo.astype(np.float32)
    if rng.random() < 0.8:
        x = (x * rng.uniform(0.65, 1.3) * (1 + rng.normal(0, 0.06, 3)) - 128) * rng.uniform(0.7, 1.3) + 128
    x = np.clip(x, 0, 255)
    if rng.random() < 0.4:
        x = 255 * (x / 255) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(x.astype(np.uint8), cv2.COLOR_RGB2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + rng.normal(0, 6)) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.3, 1.5), 0, 255)
        x = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    x = _focused(x.astype(np.float32), rng)
    if rng.random() < 0.5:
        x = x + rng.normal(0, rng.uniform(1, 9), x.shape if rng.random() < 0.5 else (*x.shape[:2], 1))
    x = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(30, 95))
        x = cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return x


def _focused(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random()
    if draw < 0.3:
        return cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.6))
    if draw < 0.45:
        factor = rng.uniform(0.35, 0.8)
        small = cv2.resize(x, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, x.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    if draw < 0.6:
        return np.clip(x + (x - cv2.GaussianBlur(x, (0, 0), 1.2)) * rng.uniform(0.3, 1.2), 0, 255)
    return x
