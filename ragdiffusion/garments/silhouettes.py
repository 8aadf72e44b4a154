"""The silhouette of a flat-lay on plain ground, found from the ground's colour.

The ground is modelled from the picture's border: a smooth colour field, so that soft lighting does no harm, and
its noise. What differs from it bars a flood that comes in from the border; what the flood does not reach is the
garment, and its edge is set where the picture is half garment and half ground. A white garment on white differs
little, in positions not at all: gaps in its outline are closed before the flood, and where the outline stays too faint
to be trusted the picture is refused, never half a garment returned.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.garment import mirror_iou

_SIDE = 512  # pixels of the longer side that is looked at
_SMOOTHING = 1.2  # pixels
_BORDER = 0.025  # share of the side
_PLAIN_NOISE = 6.0  # Lab units; more is no plain ground
_PLAIN_SHARE = 0.55  # of the border's pixels must fit the ground
_LEAST_DIFFERENCE = 1.5  # Lab units
_NOISES = 4.0  # standard deviations of the ground that count as a difference
_GAPS = (0, 0.008, 0.02, 0.04)  # closed gaps of the outline, share of the side, tried from small to large
_WHOLE = 0.93  # share of the silhouette with the largest gap that one with a smaller gap must have
_LEAST_AREA, _MOST_AREA = 0.01, 0.96  # of the picture
_LEAST_PART = 0.03  # of the largest part
_EDGE = 5  # pixels on both sides of the outline in which the edge is looked for
_HOLE_AREA, _HOLE_CONTRAST = 0.001, 12.0  # share of the picture, Lab units
_STRAP = 0.05  # widest strap, share of the side
_FAINT_SHARE = 0.25  # of the outline may be faint
_WEAK_CONTRAST = 15.0  # Lab units; below it parts of a garment can be as light as the ground, then these hold:
_RUGGED = 1.12  # outline over the outline of the smoothed silhouette
_LOPSIDED = 0.9  # IoU with the mirror image
_CUT_SHARE = 0.25  # of the border may be covered by the garment


@dataclass(frozen=True)
class _Ground:
    """What of a picture is not like its border.

    Attributes:
        difference: float32 (H, W), Lab distance to the ground's colour there.
        smooth: the same of the smoothed picture, without noise and compression's ripples.
        threshold: from where on a smooth difference counts.
    """

    difference: np.ndarray
    smooth: np.ndarray
    threshold: float


def find_silhouette(image: np.ndarray, label: str) -> np.ndarray:
    """Find the silhouette of a garment on plain ground.

    Args:
        image: uint8 (H, W, 3) RGB.
        label: what to call it in messages.

    Returns:
        uint8 (H, W), antialiased, 255 is garment.

    Raises:
        ValueError: the ground is not plain, nothing stands out from it, the outline is too faint to be trusted, or
            the garment is cut by the frame.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ground = _ground(small, label)
    shape = _shape(ground, label)
    _check_outline(shape, ground, label)
    soft = _soft_edge(shape, ground)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC if scale < 1 else cv2.INTER_LINEAR)
    if scale < 1:  # back to an edge of about two pixels
        soft = np.clip((soft - 0.5) / scale + 0.5, 0, 1)
    return np.rint(np.clip(soft, 0, 1) * 255).astype(np.uint8)


def _ground(image: np.ndarray, label: str) -> _Ground:
    """Fit a smooth colour field to the border, leaving out what does not fit (a sleeve at the edge)."""
    sharp = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(sharp, (0, 0), _SMOOTHING)
    height, width = lab.shape[:2]
    band = max(2, round(_BORDER * max(height, width)))
    frame = np.ones((height, width), bool)
    frame[band:-band, band:-band] = False
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)
    colours = lab[frame]
    usual = np.median(colours, axis=0)
    fits = np.linalg.norm(colours - usual, axis=1) < 3 * _PLAIN_NOISE  # soft light within reach of one colour
    share = float(fits.mean())
    if share < _PLAIN_SHARE:
        raise ValueError(f"{label}: the ground is not plain ({share:.0%} of the border is of one colour): give a mask")
    for _ in range(3):
        field, *_ = np.linalg.lstsq(terms[frame][fits], colours[fits], rcond=None)
        error = np.linalg.norm(colours - terms[frame] @ field, axis=1)
        noise = float(np.median(error[fits])) / 1.18 + 0.05  # the median of a Rayleigh distribution of deviation 1
        fits = error < max(_LEAST_DIFFERENCE, 3 * noise)
    if noise > _PLAIN_NOISE or fits.mean() < _PLAIN_SHARE:
        raise ValueError(
            f"{label}: the ground is not plain (its noise is {noise:.1f} Lab units, {fits.mean():.0%} of "
            "the border fits it): give a mask"
        )
    # The field is known at the border alone: inside it may leave the colours seen there, but not by much.
    low, high = np.quantile(colours[fits], [0.02, 0.98], axis=0)
    spread = high - low + _LEAST_DIFFERENCE
    expected = np.clip(terms @ field, low - spread, high + spread)
    return _Ground(
        np.linalg.norm(sharp - expected, axis=-1),
        np.linalg.norm(lab - expected, axis=-1),
        max(_LEAST_DIFFERENCE, _NOISES * noise),
    )


def _shape(ground: _Ground, label: str) -> np.ndarray:
    """The garment, bool (H, W): with the smallest gaps closed that make it as whole as the largest do."""
    bar = (ground.smooth > ground.threshold).astype(np.uint8)
    side = max(bar.shape)
    largest = _unreached(bar, round(_GAPS[-1] * side))
    whole = largest.sum()
    share = float(whole) / bar.size
    if share < _LEAST_AREA:
        raise ValueError(f"{label}: no garment stands out from the ground (white on white?): give a mask")
    if share > _MOST_AREA:
        raise ValueError(f"{label}: the garment leaves no ground to see ({share:.0%} of the picture): give a mask")
    smaller = (_unreached(bar, round(gap * side)) for gap in _GAPS[:-1])
    shape = next((s for s in smaller if s.sum() >= _WHOLE * whole), largest)
    return _without_holes_of_ground(shape, ground)


def _unreached(bar: np.ndarray, gap: int) -> np.ndarray:
    """What a flood from the border does not reach when gaps of so many pixels are closed; specks left out."""
    closed = bar
    if gap:
        kernel = np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)
        padded = cv2.copyMakeBorder(bar, *(2 * gap,) * 4, cv2.BORDER_CONSTANT)
        closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[2 * gap : -2 * gap, 2 * gap : -2 * gap]
    framed = cv2.copyMakeBorder(closed, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    cv2.floodFill(framed, None, (0, 0), 2)
    inside = framed[1:-1, 1:-1] != 2
    if gap:  # closing also fills the space between sleeve and body: the flood may come back in from there
        inside &= ~_reachable_ground(bar, inside, gap)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    if count < 2:
        return inside
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= _LEAST_PART * areas[1:].max()
    kept[0] = False
    return kept[labels]


def _reachable_ground(bar: np.ndarray, inside: np.ndarray, gap: int) -> np.ndarray:
    """Pixels of ground that closing added at the outline: near the outside and not enclosed by the garment."""
    outside = (~inside).astype(np.uint8)
    near = cv2.dilate(outside, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)) > 0
    added = (inside & near & (bar == 0)).astype(np.uint8)
    joined = cv2.bitwise_or(added, outside)
    count, labels = cv2.connectedComponents(joined, connectivity=4)
    touching = np.zeros(count, bool)
    touching[labels[outside > 0]] = True
    back = touching[labels] & (added > 0)
    # A leak through a gap of the outline is a neck that opens: what an opening keeps is space, the rest is a gap.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap | 1, gap | 1))
    kept = cv2.morphologyEx(cv2.bitwise_or(back.astype(np.uint8), outside), cv2.MORPH_OPEN, kernel)
    return back & (kept > 0)


def _without_holes_of_ground(shape: np.ndarray, ground: _Ground) -> np.ndarray:
    """Cut out enclosed ground, as between the straps of a top, but only where the garment is nothing like it.

    A white print on the chest looks the same; it lies farther from the outline than a strap is wide.
    """
    if float(np.median(ground.smooth[shape])) < _HOLE_CONTRAST:
        return shape
    holes = (shape & (ground.smooth < ground.threshold)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= _HOLE_AREA * shape.size
    deep = cv2.distanceTransform(shape.astype(np.uint8), cv2.DIST_L2, 5)
    for i in np.flatnonzero(large):
        large[i] = i > 0 and deep[labels == i].min() <= _STRAP * max(shape.shape)
    return shape & ~large[labels]


def _check_outline(shape: np.ndarray, ground: _Ground, label: str) -> None:
    """Refuse an outline that a leak could have drawn, and a garment cut by the frame.

    Raises:
        ValueError: as said.
    """
    edge = np.concatenate([shape[0], shape[-1], shape[:, 0], shape[:, -1]])
    if edge.mean() > _CUT_SHARE:
        raise ValueError(f"{label}: the garment is cut by the frame ({edge.mean():.0%} of the border): give a mask")
    inner = cv2.erode(shape.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    ring = shape & (inner == 0)
    strongest = cv2.dilate(np.where(shape, ground.smooth, 0).astype(np.float32), np.ones((7, 7), np.uint8))
    faint = float((strongest[ring] < 1.6 * ground.threshold).mean())
    if faint > _FAINT_SHARE:
        raise ValueError(
            f"{label}: {faint:.0%} of the outline is too faint to be trusted (white on white?): give a mask"
        )
    if float(np.median(ground.smooth[shape])) < _WEAK_CONTRAST:
        rugged, symmetry = _ruggedness(shape), mirror_iou(shape.astype(np.uint8) * 255)
        if rugged > _RUGGED or symmetry < _LOPSIDED:
            raise ValueError(
                f"{label}: parts of the garment seem as light as the ground (its outline is {rugged:.2f} "
                f"times as long as a smooth one, {symmetry:.2f} of it is symmetric): give a mask"
            )


def _ruggedness(shape: np.ndarray) -> float:
    """Length of the outline over that of the smoothed silhouette."""
    side = max(shape.shape)
    smooth = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 0.015 * side) > 0.5
    return _outline_length(shape) / max(_outline_length(smooth), 1.0)


def _outline_length(shape: np.ndarray) -> float:
    slightly = (cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 1.5) > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(slightly, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
    return sum(cv2.arcLength(contour, True) for contour in contours)


def _soft_edge(shape: np.ndarray, ground: _Ground) -> np.ndarray:
    """Set the edge where the picture is half garment: float32 (H, W) in [0, 1].

    The flood's threshold lies so low that the outline takes in blur and ripples beside a garment of strong colour.
    Near the outline, how much garment a pixel holds is its difference over that of the garment just inside.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _EDGE + 1, 2 * _EDGE + 1))
    deep = cv2.erode(shape.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1).astype(np.float32)
    weight = cv2.GaussianBlur(deep, (0, 0), _EDGE * 0.6)
    inside = cv2.GaussianBlur(ground.difference * deep, (0, 0), _EDGE * 0.6) / np.maximum(weight, 1e-6)
    share = np.clip(ground.difference / np.maximum(inside, ground.threshold), 0, 1)
    share = np.where(weight > 1e-3, share, shape)  # parts too thin to have an inside stay as they are
    garment = cv2.morphologyEx((share > 0.5).astype(np.uint8) * shape, cv2.MORPH_CLOSE, kernel)
    garment = np.maximum(garment, deep.astype(np.uint8)) * shape
    return cv2.GaussianBlur(garment.astype(np.float32), (0, 0), 0.7)
