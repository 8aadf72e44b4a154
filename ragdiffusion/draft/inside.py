"""The inside of a garment's back: it shows above the front neckline of what lies flat, and never on its wearer."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.draft.detail import gaussian_blur
from ragdiffusion.garments.patterns import Pattern

_MIDDLE = 0.08  # of the neck's width, on either side of the axis: where the neckline's depth is looked for
_SEEN = 0.5  # visibility from which cloth is seen
_LEAST = 1.0  # cm between the necklines at the axis where the inside shows
_LOOKED_AT = 128  # side at which necklines are compared, pixels
_SHAPES = (0.1, 0.5, 0.8)  # of necklines that are tried: V, round, square
_DEEPER = (1.0, 1.1)  # factors of the depth: the point of a V is narrower than what is looked at
_AROUND = 0.25  # of the inside's width and height: so far around it other hidden cloth counts against it
_APART = 0.5  # share of the inside up to which hidden cloth may lie elsewhere; else something else hides it
_SHADE, _SHADOW = 0.86, 0.8  # factors: of the inside, and of the shadow that the front's edge casts on it
_REACH = 0.012  # of the picture's side: blur of that shadow


def show_inside(
    picture: torch.Tensor, pattern: Pattern, landmark: torch.Tensor, visibility: torch.Tensor
) -> torch.Tensor:
    """Show the inside of the back in a worn garment's picture, where it can be told.

    Args:
        picture: (1, 3, S, S) in [-1, 1].
        pattern: that the landmark was drawn from.
        landmark: (1, 1, S, S) in [0, 1].
        visibility: (1, 1, h, w) in [0, 1], where the photo shows the cloth.

    Returns:
        (1, 3, S, S) in [-1, 1].
    """
    size = picture.shape[-1]
    inside = inside_of_back(pattern, visibility[0, 0].float().cpu().numpy(), size)
    if inside is None:
        return picture
    shown = torch.from_numpy(inside).to(picture)[None, None] * landmark
    seen = F.interpolate(visibility.to(picture), size=(size, size), mode="bilinear", align_corners=False)
    return shade_inside(picture, shown, landmark, seen)


def inside_of_back(pattern: Pattern, visibility: np.ndarray, size: int) -> np.ndarray | None:
    """Find what shows of the back's inside, where the photo's front neckline was laid.

    The silhouette ends at the back's neckline and tells nothing of the front's; but above that one the photo shows
    the wearer's neck, so no cloth is seen there.

    Args:
        pattern: that the landmark was drawn from.
        visibility: (S, S) in [0, 1], where the photo shows the cloth, in the canonical frame.
        size: side of the result.

    Returns:
        (size, size) in [0, 1]; None where no inside shows, or where it can't be told.
    """
    back = pattern.lines.get("neckline_back")
    if back is None or "collar" in pattern.parts or "hood" in pattern.parts:
        return None
    visibility = cv2.resize(visibility, (_LOOKED_AT, _LOOKED_AT), interpolation=cv2.INTER_AREA)
    scale, (middle, top) = pattern.frame(_LOOKED_AT)
    points = back.polygon()
    (half, height), drop = points[-1], points[:, 1].max()
    reach = max(1, round(2 * _MIDDLE * half * scale))
    begin = max(0, round(top + drop * scale))
    axis = visibility[begin:, max(0, round(middle) - reach) : round(middle) + reach].mean(1)
    seen = np.flatnonzero(axis > _SEEN)
    if not len(seen) or seen[0] < _LEAST * scale:
        return None
    depth = (begin + seen[0] - top) / scale - height
    hidden = (visibility < _SEEN) * (pattern.rasterise(_LOOKED_AT) / 255)
    tried = [pattern.above_neckline(depth * deeper, shape) for deeper in _DEEPER for shape in _SHAPES]
    apart = [_disagreement(pattern.covered(polygon, _LOOKED_AT) / 255, hidden) for polygon in tried]
    best = int(np.argmin(apart))
    return pattern.covered(tried[best], size) / 255 if apart[best] < _APART else None


def _disagreement(inside: np.ndarray, hidden: np.ndarray) -> float:
    """How much hidden cloth lies below a front neckline and how much seen cloth above it, as a share of that above."""
    columns, rows = (np.flatnonzero(inside.any(axis)) for axis in (0, 1))
    if not len(columns):
        return np.inf
    beside, below = round(_AROUND * len(columns)), round(_AROUND * len(rows))
    around = np.s_[: rows[-1] + 1 + below, max(0, columns[0] - beside) : columns[-1] + 1 + beside]
    return float(np.abs(inside - hidden)[around].sum() / inside.sum())


def shade_inside(
    picture: torch.Tensor, inside: torch.Tensor, landmark: torch.Tensor, visibility: torch.Tensor
) -> torch.Tensor:
    """Darken the inside of the back, most of all along the front's edge.

    Args:
        picture: (B, 3, H, W) in [-1, 1].
        inside: (B, 1, H, W) in [0, 1], where it shows.
        landmark: (B, 1, H, W) in [0, 1].
        visibility: (B, 1, H, W) in [0, 1], where the photo shows the cloth: what is seen stays as it is.

    Returns:
        (B, 3, H, W) in [-1, 1].
    """
    front = gaussian_blur((landmark - inside).clamp(min=0), _REACH * picture.shape[-1])
    factor = _SHADE * (1 - (1 - _SHADOW) * (2 * front).clamp(max=1))
    weight = inside * (1 - visibility)
    return (picture + 1) * (1 - weight + weight * factor) - 1
