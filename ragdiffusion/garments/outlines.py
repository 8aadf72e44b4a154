"""Outlines of silhouettes, their correspondence, and the dense warp that one implies to another.

A silhouette says nothing about the cloth inside it, but two silhouettes of the same kind of garment
correspond: collar to collar, cuff to cuff, hem to hem. Matching their outlines and spreading the match
inward by a thin-plate spline lays one garment into the shape of another, which is what the appearance
flow has to learn (a landmark is hardly ever the photo's own outline).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

OUTLINE_POINTS = 96
CONTROL_POINTS = 32
_LEAST_HOLE, _MOST_HOLE = 0.002, 0.15  # of the garment's area
_STRIP, _SLEEVE, _BESIDE = 1 / 24, 1 / 7, 0.15  # of the frame's side
_GARMENT = 0.4  # of the largest part of a mask, from which another part is a garment of its own


def outline(mask: np.ndarray, points: int = OUTLINE_POINTS) -> np.ndarray:
    """Trace the largest part of a silhouette, clockwise from its top centre.

    Args:
        mask: uint8 (H, W), foreground above 127.
        points: how many points, equally spaced along the outline.

    Returns:
        float32 (points, 2), (x, y) in pixels.

    Raises:
        ValueError: if the mask has no foreground.
    """
    contours, _ = cv2.findContours((mask > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        raise ValueError("the mask has no foreground: an outline needs one")
    contour = max(contours, key=cv2.contourArea)[:, 0, :].astype(np.float32)
    # Shoelace sum: positive is clockwise in image coordinates (y down).
    x, y = contour[:, 0], contour[:, 1]
    if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) < 0:
        contour = contour[::-1]
    left, right = contour[:, 0].min(), contour[:, 0].max()
    off_axis = np.abs(contour[:, 0] - (left + right) / 2)
    near_axis = off_axis <= max(1.0, 0.02 * (right - left))
    start = int(np.argmin(np.where(near_axis, contour[:, 1], np.inf)))
    closed = np.concatenate([contour[start:], contour[: start + 1]])
    steps = np.hypot(*np.diff(closed, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, arc[-1], points, endpoint=False)
    return np.stack([np.interp(wanted, arc, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


def _features(points: np.ndarray) -> np.ndarray:
    """Position in the own bounding box, and direction of travel: what corresponds looks alike in these."""
    low, high = points.min(0), points.max(0)
    position = (points - low) / np.maximum(high - low, 1.0) * 2 - 1
    tangent = np.roll(points, -2, axis=0) - np.roll(points, 2, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    return np.concatenate([position, 0.7 * tangent], axis=1)


def match_outlines(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Find, for each point of one outline, the corresponding point of another (dynamic time warping).

    Args:
        target: float32 (P, 2), from `outline`.
        source: float32 (P, 2), from `outline`.

    Returns:
        float32 (P, 2): for each target point its place on the source outline, in the source's pixels.
    """
    count = len(target)
    # Closed curves: the start point is repeated at the end, so both ends are pinned to the top centre.
    a = np.concatenate([_features(target), _features(target)[:1]])
    b = np.concatenate([_features(source), _features(source)[:1]])
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    size = count + 1
    total = np.full((size + 1, size + 1), np.inf)
    total[0, 0] = 0.0
    slope_penalty = 0.05  # staying on one outline while moving on the other stretches cloth
    for diagonal in range(2 * size - 1):
        row = np.arange(max(0, diagonal - size + 1), min(size, diagonal + 1))
        column = diagonal - row
        best = np.minimum(
            total[row, column], np.minimum(total[row, column + 1], total[row + 1, column]) + slope_penalty
        )
        total[row + 1, column + 1] = cost[row, column] + best
    i, j = count, count
    sums, hits = np.zeros((size, 1)), np.zeros((size, 1))
    while True:
        sums[i] += j
        hits[i] += 1
        if i == 0 and j == 0:
            break
        moves = (
            (total[i, j], i - 1, j - 1),
            (total[i, j + 1] + slope_penalty, i - 1, j),
            (total[i + 1, j] + slope_penalty, i, j - 1),
        )
        _, i, j = min(moves, key=lambda move: move[0])
    place = (sums / hits)[:count, 0]
    closed = np.concatenate([source, source[:1]])
    index = np.arange(len(closed))
    return np.stack([np.interp(place, index, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)


@dataclass(frozen=True)
class ThinPlate:
    """A thin-plate spline from the plane to the plane.

    Attributes:
        controls: float64 (M, 2), in [-1, 1].
        weights: float64 (M + 3, 2).
    """

    controls: np.ndarray
    weights: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2) in [-1, 1] to points (..., 2)."""
        flat = points.reshape(-1, 2)
        basis = np.concatenate([_radial(flat, self.controls), np.ones((len(flat), 1)), flat], axis=1)
        return (basis @ self.weights).reshape(points.shape)


def _radial(points: np.ndarray, controls: np.ndarray) -> np.ndarray:
    squared = ((points[:, None] - controls[None]) ** 2).sum(-1)
    return squared * np.log(squared + 1e-9)


def fit_thin_plate(controls: np.ndarray, values: np.ndarray, *, smoothing: float = 0.02) -> ThinPlate:
    """Fit a smoothed thin-plate spline.

    Args:
        controls: (M, 2) in [-1, 1].
        values: (M, 2), where each control goes.
        smoothing: 0 interpolates; larger bends less.

    Returns:
        The spline.
    """
    count = len(controls)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _radial(controls, controls) + smoothing * np.eye(count)
    affine = np.concatenate([np.ones((count, 1)), controls], axis=1)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    right = np.zeros((count + 3, 2))
    right[:count] = values
    return ThinPlate(controls=controls, weights=np.linalg.solve(system, right))


def correspondence(target_mask: np.ndarray, source_mask: np.ndarray) -> ThinPlate:
    """Match two silhouettes of one size and spread the match over the plane.

    Args:
        target_mask: uint8 (N, N).
        source_mask: uint8 (N, N).

    Returns:
        A spline from positions in the target ([-1, 1], x then y) to positions in the source.
    """
    side = target_mask.shape[0]
    target = outline(target_mask)
    source = match_outlines(target, outline(source_mask))
    every = OUTLINE_POINTS // CONTROL_POINTS
    unit = 2.0 / side
    return fit_thin_plate(target[::every] * unit - 1.0, source[::every] * unit - 1.0)


def symmetrise(alpha: np.ndarray) -> np.ndarray:
    """Make a silhouette its own mirror image: the mean of both signed distances, which keeps clean edges.

    Args:
        alpha: uint8 (N, N), centred in its frame.

    Returns:
        uint8 (N, N), antialiased.
    """
    distance = [cv2.distanceTransform((side > 127).astype(np.uint8), cv2.DIST_L2, 5) for side in (alpha, 255 - alpha)]
    signed: np.ndarray = distance[0] - distance[1]
    signed = cv2.GaussianBlur((signed + signed[:, ::-1]) / 2, (0, 0), alpha.shape[0] / 256)
    return without_specks(np.rint(np.clip(signed + 0.5, 0, 1) * 255).astype(np.uint8))


def without_specks(alpha: np.ndarray) -> np.ndarray:
    """Drop what is thinner than 1/64 of the frame (a hanger's hook, a loose tag) and all but the largest part.

    Args:
        alpha: uint8 (N, N).

    Returns:
        uint8 (N, N), unchanged where it stays.
    """
    width = max(3, alpha.shape[0] // 64) | 1
    opened = cv2.morphologyEx(
        (alpha > 127).astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return alpha
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    return np.where(cv2.dilate(largest, np.ones((5, 5), np.uint8)) > 0, alpha, 0).astype(np.uint8)


def garments_apart(alpha: np.ndarray) -> int:
    """How many garments a mask shows that lie apart: its parts of at least two fifths of the largest.

    Args:
        alpha: uint8 (H, W).
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats((alpha > 127).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int((areas >= _GARMENT * areas.max()).sum()) if len(areas) else 0


def repaired(alpha: np.ndarray) -> np.ndarray:
    """A cut-out silhouette `without_specks` and `without_false_holes`: uint8 (N, N) -> uint8 (N, N)."""
    return without_false_holes(without_specks(alpha))


def without_holes(alpha: np.ndarray) -> np.ndarray:
    """Fill all that a silhouette encloses: uint8 (N, N) -> uint8 (N, N), unchanged where nothing is enclosed.

    Where a drawn sleeve touches the body there is a crevice of a few pixels, which is no part of a standard's outline.
    """
    padded = np.pad((alpha <= 127).astype(np.uint8), 1, constant_values=1)
    _, labels = cv2.connectedComponents(padded, connectivity=4)
    enclosed = ((labels != labels[0, 0]) & (padded > 0))[1:-1, 1:-1]
    if not enclosed.any():
        return alpha
    # Its soft rim goes with it.
    rim = cv2.dilate(enclosed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    outside = (labels == labels[0, 0])[1:-1, 1:-1]
    return np.where(rim & ~outside, 255, alpha).astype(np.uint8)


def without_false_holes(alpha: np.ndarray) -> np.ndarray:
    """Fill a silhouette's holes but for those that a garment has.

    A print as light as the ground, a label or a seam leaves a hole in a cut-out that is none of the garment. A hole is
    the garment's own if it is neither tiny nor most of the garment (0.2 % to 15 % of it), and
    - only a thin strip of cloth, up to 1/24 of the frame, closes it off somewhere: a neck's back on a hanger, straps,
      hems that touch; or
    - it is a gap between sleeve and body: no wider than tall, 0.15 of the frame or more beside the axis, and with no
      more cloth to the outside than a sleeve has, 1/7 of the frame.
    All other holes are filled.

    Args:
        alpha: uint8 (N, N), upright.

    Returns:
        uint8 (N, N), unchanged where it stays.
    """
    side = alpha.shape[0]
    garment = alpha > 127
    count, labels, stats, centres = cv2.connectedComponentsWithStats((~garment).astype(np.uint8), connectivity=4)
    outside = np.zeros(count, bool)
    outside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    outside[0] = True  # the cloth itself
    if outside.all():
        return alpha
    reach = cv2.distanceTransform((~(outside[labels] & ~garment)).astype(np.uint8), cv2.DIST_L2, 5) / side
    columns = np.nonzero(garment.any(0))[0]
    axis = (columns[0] + columns[-1]) / 2
    filled = alpha.copy()
    for hole in np.nonzero(~outside)[0]:
        inside = labels == hole
        share, strip = stats[hole, cv2.CC_STAT_AREA] / garment.sum(), float(reach[inside].min())
        upright = stats[hole, cv2.CC_STAT_HEIGHT] >= stats[hole, cv2.CC_STAT_WIDTH]
        beside = abs(centres[hole, 0] - axis) / side >= _BESIDE
        own = strip <= _STRIP or (upright and beside and strip <= _SLEEVE)
        if not (_LEAST_HOLE <= share <= _MOST_HOLE and own):
            # Its soft rim goes with it.
            filled[cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = 255
    return filled
