"""Any folder of captioned images: `NAME.jpg` beside `NAME.txt`, or a `metadata.jsonl` with `file_name` and `text`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.images import load_photo
from ragdiffusion.picture_files import pictures_in
from ragdiffusion.training.loop import Batch

NO_CAPTION = -1


@dataclass(frozen=True)
class CaptionedImages:
    """Images and what they show.

    Attributes:
        files: of the images.
        captions: one for each; may be empty.
        size: side of the squares that are given, pixels.
        seed: of the order.
        drop: share of samples that lose their caption, so that guidance can be used.
    """

    files: tuple[Path, ...]
    captions: tuple[str, ...]
    size: int
    seed: int = 0
    drop: float = 0.1

    def __call__(self, numbers: range) -> Batch:
        """Samples by their numbers.

        Returns:
            `image` uint8 (B, 3, S, S), `caption` int64 (B,) an index of `captions` or `NO_CAPTION`, `seed` int64 (B,)
            of each row's noise.
        """
        images, captions = [], []
        for number in numbers:
            rng = np.random.default_rng([self.seed, number])
            index = int(rng.integers(len(self.files)))
            images.append(square(self.files[index], self.size))
            captions.append(NO_CAPTION if rng.random() < self.drop else index)
        return {
            "image": torch.from_numpy(np.stack(images)),
            "caption": torch.tensor(captions),
            "seed": torch.tensor([self.seed * 1_000_003 + number for number in numbers]),
        }


def open_captioned(folder: Path, size: int, *, seed: int = 0, limit: int | None = None) -> CaptionedImages:
    """Find the images of a folder and its subfolders, and their captions.

    Args:
        folder: with images, and captions beside them or in `metadata.jsonl`.
        size: side of the squares, pixels, a multiple of 8.
        seed: of the order.
        limit: take only so many.

    Raises:
        ValueError: if there is no image, the size is no multiple of 8, or the metadata can't be read.
    """
    if size < 8 or size % 8:
        raise ValueError(f"size is {size}, a multiple of 8 wanted")
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    told = _metadata(folder)
    files = pictures_in(folder, recursive=True).pictures[:limit]
    if not files:
        raise ValueError(f"{folder}: no images here ({', '.join(SUFFIXES)})")
    captions = [told.get(path.relative_to(folder).as_posix(), _beside(path)) for path in files]
    return CaptionedImages(files, tuple(captions), size, seed)


def square(file: Path, size: int) -> np.ndarray:
    """The middle of an image at a size: uint8 (3, size, size) RGB.

    Raises:
        ValueError: if it can't be read.
    """
    image = np.asarray(load_photo(file, name=str(file)))
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    image = image[top : top + side, left : left + side]
    filtering = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=filtering).transpose(2, 0, 1).copy()


def _beside(path: Path) -> str:
    text = path.with_suffix(".txt")
    return " ".join(text.read_text(encoding="utf-8").split()) if text.is_file() else ""


def _metadata(folder: Path) -> dict[str, str]:
    path = folder / "metadata.jsonl"
    if not path.is_file():
        return {}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {line["file_name"]: str(line["text"]) for line in lines}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: each line must be an object with file_name and text ({error})") from error
