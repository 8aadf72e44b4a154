"""Augmentation of pairs as in Sec. 9.5, and square padding without stretching."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ragdiffusion.garments.datasets.base import Sample
    from ragdiffusion.garments.pair import Pair

CHANCE = 0.5  # of each operation, independently
MAX_PADDING = 0.1  # of the picture's side, on each side
MAX_HUE = 5.0  # degrees
CONTRAST = (0.8, 1.2)
_PIVOT = 127.5  # the grey that contrast leaves as it is, one for both pictures so that they keep matching
_SHARP = 0.75  # below this scale a picture is smoothed before it is sampled


def fit_square(image: np.ndarray, size: int, *, ground: int | None = None) -> np.ndarray:
    """Pad to square around the centre and resize; nothing is stretched.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        size: side N of the result, pixels.
        ground: value of the padding; None repeats the border's pixels.

    Returns:
        uint8 (N, N) or (N, N, 3).

    Raises:
        ValueError: if `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"a square of {size} pixels was asked for: it must be 1 or more")
    return resample(image, square_matrix(image.shape[:2], size), size, ground=ground)


def square_matrix(shape: tuple[int, int], size: int) -> np.ndarray:
    """The map of `fit_square`, float64 (2, 3): pixel of a picture of `shape` (H, W) -> pixel of its square."""
    scale = size / max(shape)
    offset = (np.array([size, size]) - np.array(shape[::-1]) * scale) / 2
    return similarity(scale, offset)


def similarity(scale: float, offset: np.ndarray) -> np.ndarray:
    """Scale and shift as float64 (2, 3); pixel centres stand at integers, pixel edges at halves."""
    shift = np.asarray(offset) + 0.5 * scale - 0.5
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)


def resample(image: np.ndarray, matrix: np.ndarray, size: int, *, ground: int | None = None) -> np.ndarray:
    """Move a picture by a similarity into a square, smoothed first where it shrinks strongly.

    Args:
        image: (H, W) or (H, W, 3).
        matrix: (2, 3), pixel -> pixel of the result.
        size: side of the result, pixels.
        ground: value outside the picture; None repeats the border's pixels.
    """
    if matrix[0, 0] < _SHARP:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / matrix[0, 0])
    border = cv2.BORDER_REPLICATE if ground is None else cv2.BORDER_CONSTANT
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(ground or 0,) * 3
    )


@dataclass(frozen=True)
class Augmentation:
    """One draw of Sec. 9.5's operations, to be applied alike to photo, flat-lay and silhouette.

    Attributes:
        flip: mirrored left to right.
        padding: ground added on each side, share of the side in [0, 0.1]; the garment shrinks by 1 + 2 * padding.
        hue: turn of the hue, degrees in [-5, 5].
        contrast: factor in [0.8, 1.2] around mid-grey.
    """

    flip: bool = False
    padding: float = 0.0
    hue: float = 0.0
    contrast: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Augmentation:
        """Draw one: each operation with a chance of 50 %, independently."""
        flip, pad, turn, contrast = rng.random(4) < CHANCE
        padding, hue, factor = rng.uniform(0, MAX_PADDING), rng.uniform(-MAX_HUE, MAX_HUE), rng.uniform(*CONTRAST)
        return cls(
            flip=bool(flip),
            padding=float(padding) if pad else 0.0,
            hue=float(hue) if turn else 0.0,
            contrast=float(factor) if contrast else 1.0,
        )

    def photo(self, image: np.ndarray) -> np.ndarray:
        """Augment a photo, uint8 (N, N, 3); its border's pixels go on into the padding."""
        return self._colours(self._places(image, ground=None)).round().astype(np.uint8)

    def standard(self, image: np.ndarray, silhouette: np.ndarray) -> np.ndarray:
        """Augment a flat-lay: the garment changes as in the photo, the ground stays white.

        Args:
            image: uint8 (N, N, 3) on white.
            silhouette: uint8 (N, N), its soft mask before augmentation.
        """
        coloured = self._colours(self._places(image, ground=255))
        ground = 1 - self.mask(silhouette)[..., None].astype(np.float32) / 255
        white = np.clip((255 - _PIVOT) * self.contrast + _PIVOT, 0, 255)
        return np.clip(np.rint(coloured + ground * (255 - white)), 0, 255).astype(np.uint8)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Augment a soft mask, (N, N) of uint8 or float32; nothing is in the padding."""
        return self._places(mask, ground=0)

    def pair(self, pair: Pair) -> Pair:
        """Augment a training pair, its dense map included."""
        moved = replace(
            pair,
            photo=self.photo(pair.photo),
            standard=self.standard(pair.standard, pair.silhouette),
            silhouette=self.mask(pair.silhouette),
            photo_mask=self.mask(pair.photo_mask),
            flow=self._flow(pair.flow),
            visible=self.mask(pair.visible),
        )
        return replace(moved, structure=pair.structure + "~") if self.flip else moved

    def sample(self, sample: Sample) -> Sample:
        """Augment a sample of a dataset."""
        return replace(
            sample,
            photo=self.photo(sample.photo),
            standard=self.standard(sample.standard, sample.silhouette),
            silhouette=self.mask(sample.silhouette),
            photo_mask=None if sample.photo_mask is None else self.mask(sample.photo_mask),
        )

    def _matrix(self, size: int) -> np.ndarray:
        scale = 1 / (1 + 2 * self.padding)
        return similarity(scale, np.full(2, size * (1 - scale) / 2))

    def _places(self, image: np.ndarray, *, ground: int | None) -> np.ndarray:
        image = np.ascontiguousarray(image[:, ::-1]) if self.flip else image
        return resample(image, self._matrix(image.shape[0]), image.shape[0], ground=ground) if self.padding else image

    def _flow(self, flow: np.ndarray) -> np.ndarray:
        """Where each point of the augmented flat-lay lies in the augmented photo, float32 (N, N, 2)."""
        size = flow.shape[0]
        if self.flip:
            flow = flow[:, ::-1] * np.float32([-1, 1]) + np.float32([size - 1, 0])
        if not self.padding:
            return np.ascontiguousarray(flow, dtype=np.float32)
        matrix = self._matrix(size)
        moved = np.ascontiguousarray(flow * matrix[0, 0] + matrix[:, 2], dtype=np.float32)
        return cv2.warpAffine(moved, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _colours(self, image: np.ndarray) -> np.ndarray:
        """Hue and contrast; float32 in [0, 255]."""
        pixels = image.astype(np.float32)
        if self.hue:
            hsv = cv2.cvtColor(pixels / 255, cv2.COLOR_RGB2HSV)
            hsv[..., 0] = (hsv[..., 0] + self.hue) % 360
            pixels = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255
        return np.clip((pixels - _PIVOT) * self.contrast + _PIVOT, 0, 255)
