"""The flat-lay of a worn garment: silhouette, picture, and where each of its points is seen in the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.garment import on_white
from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.kernels import kernel
from ragdiffusion.garments.people.pyramid import filled
from ragdiffusion.garments.people.raster import TRUNK
from ragdiffusion.garments.people.recut import places_in, recut
from ragdiffusion.garments.people.sheets import Sheet
from ragdiffusion.garments.people.studio import Take

_SEEN = 0.25  # share of the photo's pixel density on the flat-lay from which on a place counts as seen
_FINER = 1.5  # of cloth on its worn pattern, which is smaller in its frame


@dataclass(frozen=True)
class PatternFlatLay:
    """A garment laid flat, in the canonical frame.

    Attributes:
        standard: uint8 (N, N, 3) RGB on white: its cloth without folds and light.
        silhouette: uint8 (N, N), soft: exactly the outline of its pattern in catalogue proportions.
        flow: float32 (N, N, 2): for each pixel its (x, y) in the photo, also where it is hidden.
        visible: float32 (N, N), 1 where that place is seen in the photo.
    """

    standard: np.ndarray
    silhouette: np.ndarray
    flow: np.ndarray
    visible: np.ndarray


def flat_lay(take: Take, index: int, size: int, shrink: float) -> PatternFlatLay:
    """Lay garment number `index` of a photo flat.

    Args:
        take: the photo as it was rendered.
        index: which garment.
        size: side N of the flat-lay, pixels.
        shrink: rendered pixels per pixel of the photo that the flow is for.
    """
    worn, standard, sheet = take.patterns[index], take.standards[index], take.sheets[index]
    silhouette = standard.rasterise(size)
    places = places_in(worn, standard, size)
    flow, visible = _flow(take, index, size)
    flow = (recut(flow, places) + np.float32(0.5)) / np.float32(shrink) - np.float32(0.5)
    visible = recut(visible.astype(np.float32), places) * (silhouette > 127)
    fine = round(size * _FINER)
    cloth = recut(on_frame(sheet, worn, fine), (places + np.float32(0.5)) * np.float32(fine / size) - np.float32(0.5))
    return PatternFlatLay(on_white(cloth, silhouette), silhouette, flow, visible)


def on_frame(sheet: Sheet, pattern: Pattern, size: int) -> np.ndarray:
    """A sheet's front in the canonical frame of its pattern, uint8 (size, size, 3)."""
    scale, origin = pattern.frame(size)
    ratio = scale / sheet.scale
    shift = origin - 0.5 - np.array(sheet.origin) * ratio
    matrix = np.float32([[ratio, 0, shift[0]], [0, ratio, shift[1]]])
    image = sheet.front if ratio > 0.75 else cv2.GaussianBlur(sheet.front, (0, 0), 0.4 / ratio)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _flow(take: Take, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Flow in rendered pixels (N, N, 2) and visibility (N, N) of a garment."""
    scale, origin = take.patterns[index].frame(size)
    over = _limbs_over_body(take.patterns[index], size)
    mine = (take.instance == index) & take.front & (take.panel >= 0)
    sums = _splat(mine, take.flat, take.panel == TRUNK, over, scale, origin[0] - 0.5, origin[1] - 0.5, size)
    footprint = scale * take.camera.pixel * 100  # flat-lay pixels per rendered pixel
    soft = cv2.GaussianBlur(sums, (0, 0), 0.35 + 0.6 * footprint)
    dense = (soft[..., 2] > _SEEN / max(footprint, 1e-3) ** 2).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(0.6 * footprint)) + 1,) * 2)
    return filled(soft), cv2.morphologyEx(dense, cv2.MORPH_CLOSE, disc) > 0


def _limbs_over_body(pattern: Pattern, size: int) -> np.ndarray:
    """Where sleeves lie over the body in the flat-lay, uint8 (size, size)."""
    scale, origin = pattern.frame(size)
    mask = np.zeros((size, size), np.uint8)
    for name in ("sleeve_left", "sleeve_right"):
        if name in pattern.parts:
            rim = pattern.parts[name].polygon(0.2) * scale + origin - 0.5
            cv2.fillPoly(mask, [np.round(rim * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    return mask


@kernel(fastmath=False)
def _splat(mine, flat, trunk, over, scale, x0, y0, size):
    """Sum (x, y, 1) of photo pixels, bilinearly, at their places on the flat-lay: float32 (size, size, 3)."""
    out = np.zeros((size, size, 3), np.float32)
    for row in range(mine.shape[0]):
        for column in range(mine.shape[1]):
            if not mine[row, column]:
                continue
            x, y = flat[row, column, 0] * scale + x0, flat[row, column, 1] * scale + y0
            i, j = int(np.floor(x)), int(np.floor(y))
            if i < 0 or j < 0 or i + 1 >= size or j + 1 >= size or (trunk[row, column] and over[j, i]):
                continue
            fx, fy = x - i, y - j
            for dj in range(2):
                for di in range(2):
                    w = (fx if di else 1 - fx) * (fy if dj else 1 - fy)
                    # To the pixel's own centre, not to where the sample fell: undone below by the local mean.
                    out[j + dj, i + di, 0] += w * column
                    out[j + dj, i + di, 1] += w * row
                    out[j + dj, i + di, 2] += w
    return out
