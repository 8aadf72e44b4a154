"""Other shapes of a flat-lay, in its own cloth: mirrored, stretched, half-way to another garment."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.outlines import fit_thin_plate, match_outlines, outline
from ragdiffusion.garments.warps import sample
from ragdiffusion.images import CANONICAL_MARGIN

_POINTS = 192  # of an outline: collars and cuffs keep their corners
_CONTROLS = 32
_GRID = 64


@dataclass(frozen=True)
class Lay:
    """A garment in the canonical frame.

    Attributes:
        cloth: uint8 (P, P, 3) RGB, its colours run on beyond its edge.
        alpha: uint8 (N, N), its soft mask in the same frame.
    """

    cloth: np.ndarray
    alpha: np.ndarray

    def mirrored(self) -> Lay:
        """Left and right exchanged."""
        return Lay(np.ascontiguousarray(self.cloth[:, ::-1]), np.ascontiguousarray(self.alpha[:, ::-1]))


def refit(
    lay: Lay, stretch: tuple[float, float] = (1.0, 1.0), *, cloth_size: int | None = None, alpha_size: int | None = None
) -> Lay:
    """Stretch a garment and centre it in its frame again.

    Args:
        lay: whose mask is not empty.
        stretch: factors of width and height; only their ratio shows.
        cloth_size: side of the new cloth, pixels; as it was if None.
        alpha_size: side of the new mask; as it was if None.
    """
    rows, columns = np.nonzero(lay.alpha > 127)
    unit = 2.0 / lay.alpha.shape[0]
    low = np.array([columns.min(), rows.min()]) * unit - 1.0
    high = np.array([columns.max() + 1, rows.max() + 1]) * unit - 1.0
    # From a place u in the new frame to its place in the old one: centre + back * u.
    factor = np.asarray(stretch, np.float64)
    back = CANONICAL_MARGIN * ((high - low) * factor).max() / 2 / factor
    centre = (low + high) / 2
    return Lay(
        _moved(lay.cloth, centre, back, cloth_size or lay.cloth.shape[0], cv2.BORDER_REPLICATE),
        _moved(lay.alpha, centre, back, alpha_size or lay.alpha.shape[0], cv2.BORDER_CONSTANT),
    )


def stretched(lay: Lay, ratio: float) -> Lay:
    """Make a garment wider than it is long by a ratio (below 1: longer), and fit its frame again."""
    return refit(lay, (np.sqrt(ratio), 1 / np.sqrt(ratio)))


def between(lay: Lay, other: Lay, share: float) -> Lay:
    """A shape on the way from one garment to another, by the correspondence of their outlines.

    Args:
        lay: the garment whose cloth it keeps.
        other: of the same kind, with a mask of the same size.
        share: of the other's shape, in [0, 1].
    """
    unit = 2.0 / lay.alpha.shape[0]
    own = outline(lay.alpha, _POINTS) * unit - 1.0
    far = match_outlines(outline(lay.alpha, _POINTS), outline(other.alpha, _POINTS)) * unit - 1.0
    mixed = (1 - share) * own + share * far
    low, high = mixed.min(0), mixed.max(0)
    mixed = (mixed - (low + high) / 2) * (2 / (CANONICAL_MARGIN * (high - low).max()))
    side = lay.alpha.shape[0]
    alpha = np.zeros((side, side), np.uint8)
    cv2.fillPoly(alpha, [np.rint((mixed + 1) / unit * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    every = _POINTS // _CONTROLS
    plate = fit_thin_plate(mixed[::every].astype(np.float64), own[::every].astype(np.float64))
    axis = (np.arange(_GRID) + 0.5) * 2 / _GRID - 1
    size = lay.cloth.shape[0]
    coarse = ((plate(np.stack(np.meshgrid(axis, axis), -1)) + 1) * size / 2 - 0.5).astype(np.float32)
    return Lay(sample(lay.cloth, cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)), alpha)


def _moved(image: np.ndarray, centre: np.ndarray, back: np.ndarray, size: int, border: int) -> np.ndarray:
    """An image taken through u -> centre + back * u, both in [-1, 1] of their frames."""
    old = image.shape[0]
    scale = back * old / size  # old pixels to a new one
    offset = (centre + back * (1 / size - 1) + 1) * old / 2 - 0.5
    matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    if scale.max() > 4 / 3:  # antialias before a strong reduction
        image = cv2.GaussianBlur(image, (0, 0), 0.4 * float(scale.max()))
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)
