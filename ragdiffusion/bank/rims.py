"""The rim of a silhouette: how many there are, and how far one is from running smoothly."""

from __future__ import annotations

import cv2
import numpy as np

_RIM_POINTS = 1024
_JAGS, _WAVES = 3.0, 12.0  # deviations in points of what is smoothed away as pixels, and as waves
_CORNER = 0.35  # radians within a wave's length from which on a stretch of rim is a corner


def parts_and_waviness(mask: np.ndarray) -> tuple[int, int, float]:
    """Parts of a silhouette, its holes, and the waviness of its largest part's rim.

    Args:
        mask: uint8 (S, S) in {0, 1}.

    Returns:
        Both numbers, and thousandths of the side.
    """
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = [contour for contour, node in zip(contours, tree[0], strict=True) if node[3] < 0]
    rim = max(outer, key=cv2.contourArea)[:, 0].astype(np.float64)
    return len(outer), len(contours) - len(outer), rim_waviness(rim / mask.shape[0])


def rim_waviness(rim: np.ndarray) -> float:
    """Mean distance of a closed rim from itself smoothed, where it has no corner; thousandths of the frame.

    Args:
        rim: (N, 2), the frame's side is 1.
    """
    points = _evenly(rim)
    fine, soft = _smoothed(points, _JAGS), _smoothed(points, _WAVES)
    step = np.roll(soft, -1, axis=0) - soft
    heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    reach = round(_WAVES)
    turn = np.abs(np.roll(heading, -reach) - np.roll(heading, reach))
    turn = np.abs((turn + np.pi) % (2 * np.pi) - np.pi)
    away = np.linalg.norm(fine - soft, axis=1)
    straight = turn < _CORNER
    return float(1000 * away[straight].mean()) if straight.any() else 0.0


def _evenly(rim: np.ndarray) -> np.ndarray:
    closed = np.concatenate([rim, rim[:1]])
    step = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, step[-1], _RIM_POINTS, endpoint=False)
    return np.stack([np.interp(at, step, closed[:, i]) for i in (0, 1)], axis=1)


def _smoothed(points: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian along a closed curve, of fourth order: it leaves an even bend where it is."""
    gauss = np.exp(-2 * (np.pi * deviation * np.fft.rfftfreq(len(points))) ** 2)
    weight = 2 * gauss - gauss**2
    return np.fft.irfft(np.fft.rfft(points, axis=0) * weight[:, None], len(points), axis=0)
