"""The mirror axis of a garment's silhouette."""

from __future__ import annotations

import cv2
import numpy as np


def mirror_axis(binary: np.ndarray) -> tuple[float, float]:
    """Rotation (radians) about the centre, and x of the axis then, that make a mask most like its mirror.

    Args:
        binary: uint8 (H, W), 1 inside.

    Returns:
        the rotation, within 11 degrees, and the axis' distance from the frame's centre, pixels.
    """
    height, width = binary.shape
    scale = max(height, width) / 128
    matrix = np.float32([[1 / scale, 0, 64 - width / 2 / scale], [0, 1 / scale, 64 - height / 2 / scale]])
    small = cv2.warpAffine(binary * 255, matrix, (128, 128), flags=cv2.INTER_AREA)
    best = (-1.0, 0.0, 0.0)
    for steps in (np.arange(-9, 9.1, 3.0), (-2, -1, 1, 2)):
        for degrees in np.rad2deg(best[1]) + np.asarray(steps):
            # cv2 turns counter-clockwise on screen for positive angles; ours turns the other way.
            turned = cv2.warpAffine(small, cv2.getRotationMatrix2D((64, 64), -degrees, 1), (128, 128)) > 127
            columns = np.nonzero(turned.any(0))[0]
            if not len(columns):
                continue
            middle = columns[0] + columns[-1]
            for shift in (-2, -1, 0, 1, 2):
                mirrored = np.roll(turned[:, ::-1], middle + shift - 127, axis=1)
                iou = (turned & mirrored).sum() / max((turned | mirrored).sum(), 1)
                if iou - abs(degrees) * 1e-4 > best[0]:
                    best = (iou - abs(degrees) * 1e-4, np.deg2rad(degrees), ((middle + shift) / 2 - 64) * scale)
    return best[1], best[2]
