"""Pairs of people who wear a garment and its flat-lay, read from a folder of rendered shots with their arrays."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from ragdiffusion.garments.augmentation import resample, square_matrix
from ragdiffusion.garments.pair import Pair
from ragdiffusion.images import square_array
from ragdiffusion.metrics.image import mask_iou
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.found import FoundGarment, GarmentFinder
from ragdiffusion.parsing.labels import LABELS

LEAST_SEEN = 0.012
"""Share of a photo that a garment has to cover to be learned from."""
_LOOK_EVERY = 2000  # draws between two looks at what came since
_AROUND = (1.1, 2.1)  # side of a cut over the longer side of its garment
_ASIDE = 0.12  # how far the garment's middle lies from the cut's, share of the side
_ITSELF = 0.3  # IoU of a mask that is found with the true one, below which another garment was taken for it


class PeoplePairs:
    """A folder of rendered people that may still be growing: INDEX.jpg, .png, .json and .npz (`data render --arrays`).

    A pair shows the part of the photo around its garment, as wide as the product cuts it out (`parsing.found`), or
    wider, as people crop their photos.

    Args:
        folder: of the files.
        size: side of the pairs, pixels.
        finder: is asked about each garment, and where it finds it the pair is cut out as the product would, with what
            was found beside the truth; None: nobody is asked.

    Raises:
        ValueError: if it holds no shot with arrays.
    """

    def __init__(self, folder: Path, size: int, finder: GarmentFinder | None = None) -> None:
        self._folder, self._size, self._finder, self._drawn = folder, size, finder, 0
        self._names: list[str] = []
        self.look()
        if not self._names:
            raise ValueError(
                f"{folder} holds no rendered people with arrays: INDEX.jpg and INDEX.npz wanted "
                "(`data render people FOLDER --arrays`)"
            )

    def __len__(self) -> int:
        return len(self._names)

    def look(self) -> None:
        """Take in which shots came since; a shot's photo is written last."""
        self._names = sorted(path.stem for path in self._folder.glob("*.jpg") if path.with_suffix(".npz").is_file())

    def pairs(self, index: int) -> list[Pair]:
        """All garments of one shot that are seen well enough."""
        path, labels, about, wanted = self._shot(index)
        with np.load(path.with_suffix(".npz")) as arrays:
            rng = np.random.default_rng(index)
            return [self._pair(path, labels, i, about[i], arrays, rng) for i in wanted]

    def sample(self, rng: np.random.Generator) -> Pair:
        """A garment drawn at random, one of a shot, mirrored half the time."""
        self._drawn += 1
        if self._drawn % _LOOK_EVERY == 0:
            self.look()
        wanted: list[int] = []
        while not wanted:
            path, labels, about, wanted = self._shot(int(rng.integers(len(self))))
        index = wanted[int(rng.integers(len(wanted)))]
        with np.load(path.with_suffix(".npz")) as arrays:
            pair = self._pair(path, labels, index, about[index], arrays, rng)
        return pair.mirrored() if rng.random() < 0.5 else pair

    def _shot(self, index: int) -> tuple[Path, np.ndarray, list[dict], list[int]]:
        """A shot's files, its labels, what is worn in it, and which of that is seen well enough."""
        path = self._folder / self._names[index]
        worn = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["garments"]
        labels = cv2.imread(f"{path}.png", cv2.IMREAD_GRAYSCALE)
        return path, labels, worn, [i for i, one in enumerate(worn) if one["pixels"] >= LEAST_SEEN * labels.size]

    def _pair(
        self,
        path: Path,
        labels: np.ndarray,
        index: int,
        worn: dict,
        arrays: np.lib.npyio.NpzFile,
        rng: np.random.Generator,
    ) -> Pair:
        size = self._size
        photo = cv2.imread(f"{path}.jpg", cv2.IMREAD_COLOR_RGB)
        own = (arrays["instances"] == index).astype(np.uint8) * 255
        found = self._found(photo, worn, own)
        left, top, right, bottom = _cut(own, rng) if found is None else found.box(own.shape[::-1])
        cut = lambda image: image[top:bottom, left:right]  # noqa: E731
        matrix = square_matrix((bottom - top, right - left), size)
        flow = arrays[f"flow_{index}"].astype(np.float32) - np.array([left, top], np.float32)
        smaller = lambda image: cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)  # noqa: E731
        flow = smaller(cv2.transform(flow, matrix.astype(np.float32)))
        inside = cv2.inRange(flow, (-0.5, -0.5), (size - 0.5, size - 0.5)).astype(np.float32) / 255
        return Pair(
            photo=resample(cut(photo), matrix, size),
            standard=smaller(arrays[f"standard_{index}"]),
            silhouette=smaller(arrays[f"silhouette_{index}"]),
            flow=flow,
            visible=smaller(arrays[f"visible_{index}"]).astype(np.float32) / 255 * inside,
            photo_mask=resample(cut(own), matrix, size, ground=0),
            category=worn["attributes"].get("category", worn["kind"]),
            structure=f"people-{path.name}-{worn['kind']}",
            attributes=dict(worn["attributes"]),
            labels=cv2.resize(
                square_array(cut(labels), "constant"), (size, size), interpolation=cv2.INTER_NEAREST_EXACT
            ),
            chosen=True,
            **({} if found is None else _as_pixels(found, size)),
        )

    def _found(self, photo: np.ndarray, worn: dict, own: np.ndarray) -> FoundGarment | None:
        """The garment as the finder finds it by its name; None where it is not asked, or takes another one for it."""
        if self._finder is None:
            return None
        try:
            found = self._finder.find(Image.fromarray(photo), LABELS[worn["label"]])
        except NoGarmentError:
            return None
        overlap = mask_iou(
            *(torch.from_numpy(mask)[None] for mask in (found.over(own.shape[::-1]), own / np.float32(255)))
        )
        return found if float(overlap) >= _ITSELF else None


def _as_pixels(found: FoundGarment, size: int) -> dict[str, np.ndarray]:
    """`Pair.found` and `Pair.parsed` of a pair of a side."""
    smaller = lambda plane, side: cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)  # noqa: E731
    planes = np.stack([smaller(plane, size // 2) for plane in found.labels])
    return {
        "found": np.rint(smaller(found.mask, size) * 255).astype(np.uint8),
        "parsed": np.rint(planes * 255).astype(np.uint8),
    }


def _cut(mask: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A part of the photo around a garment: (left, top, right, bottom) in pixels."""
    left, top, across, down = cv2.boundingRect(mask)
    side = max(across, down) * rng.uniform(*_AROUND)
    x, y = np.array([left + across / 2, top + down / 2]) + rng.uniform(-_ASIDE, _ASIDE, 2) * side
    height, width = mask.shape
    return (
        max(0, int(x - side / 2)),
        max(0, int(y - side / 2)),
        min(width, int(np.ceil(x + side / 2))),
        min(height, int(np.ceil(y + side / 2))),
    )
