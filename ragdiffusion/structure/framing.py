"""Framing: StructureNet sees the garment, not the room.

Photos are "cropped or padded to square" (9.5); where a garment mask is at hand the crop follows it and the rest
fades to white, which brings the photo closer to the flat-lays of the bank.
"""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.images import CANONICAL_MARGIN

MARGIN = 1.2  # side of the frame over the longer side of the garment's box
CONTEXT_MARGIN = 1.7  # the same where arms, legs and neck are to be seen too
LABEL_COUNT = 9
"""Labels of a parse (`parsing.labels`)."""
_MAIN = 0.25  # of a mask's largest part: smaller ones are none of its main parts
_LEAST = 0.01  # share of the picture below which a mask is taken for noise


def frame_of(mask: np.ndarray, *, margin: float = MARGIN) -> tuple[float, float, float]:
    """The square frame around the main parts of a garment mask.

    Args:
        mask: (H, W) in [0, 1]; the garment is above 0.5.
        margin: side of the frame over the longer side of the garment's box.

    Returns:
        Centre (x, y) and side, in shares of the mask's width and height; the whole picture where there is no garment.
    """
    part = main_parts(mask)
    if part is None:
        return 0.5, 0.5, 1.0
    height, width = mask.shape
    left, top, box_width, box_height = cv2.boundingRect((part > 0.5).astype(np.uint8))
    side = margin * max(box_width / width, box_height / height)
    return (left + box_width / 2) / width, (top + box_height / 2) / height, float(side)


def main_parts(mask: np.ndarray) -> np.ndarray | None:
    """A mask without parts above 0.5 that are small beside its largest; None if that is too small to be a garment.

    An open jacket has two of them.

    Args:
        mask: (H, W) in [0, 1].
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] < _LEAST * mask.size:
        return None
    kept = stats[:, cv2.CC_STAT_AREA] >= _MAIN * stats[largest, cv2.CC_STAT_AREA]
    kept[0] = True  # what is below 0.5
    return np.where(kept[labels], mask, 0)


def crop(
    image: np.ndarray, frame: tuple[float, float, float], size: int, *, beyond: int = cv2.BORDER_REPLICATE
) -> np.ndarray:
    """Cut a square frame out of a square picture.

    Args:
        image: (N, N, 3) or (N, N).
        frame: from `frame_of`.
        size: side of the result, pixels.
        beyond: OpenCV's name for what lies beyond the picture: its border goes on, or nothing (`BORDER_CONSTANT`).

    Returns:
        (size, size, 3) or (size, size), of the same type.
    """
    whole = image.shape[0]
    scale = size / (frame[2] * whole)
    if scale < 0.75:  # antialias before a strong reduction
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    shift = [size / 2 - scale * (centre * whole - 0.5) - 0.5 for centre in frame[:2]]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=beyond)


def isolate(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fade everything but the garment to white, as a flat-lay has it.

    Args:
        image: uint8 (N, N, 3).
        mask: (h, w) in [0, 1], soft, of any size.

    Returns:
        uint8 (N, N, 3).
    """
    weight = cv2.resize(mask.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    faded = (image - np.float32(255)) * weight
    faded += 255
    return np.rint(faded, out=faded).astype(np.uint8)


def framed(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Isolate the garment and cut its frame out: uint8 (N, N, 3), (h, w) in [0, 1] -> uint8 (size, size, 3)."""
    return crop(isolate(image, mask), frame_of(mask), size)


def laid_over(
    image: np.ndarray, mask: np.ndarray, frame: tuple[float, float, float], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A photo and its garment mask cut out alike, as SilhouetteNet sees them.

    Args:
        image: uint8 (N, N, 3).
        mask: (h, w) in [0, 1], of any size.
        frame: from `silhouette_frame`.
        size: side of the results, pixels.

    Returns:
        uint8 (size, size, 3) and float32 (size, size) in [0, 1]; nothing of the garment lies outside the photo.
    """
    return crop(image, frame, size), crop(mask.astype(np.float32), frame, size, beyond=cv2.BORDER_CONSTANT)


def labels_over(labels: np.ndarray | None, frame: tuple[float, float, float], size: int) -> np.ndarray:
    """A parse's labels cut out as `laid_over` cuts the photo.

    Args:
        labels: (9, h, w) in [0, 1], ground first; None: no parser was asked.
        frame: of this module.
        size: side of the result, pixels.

    Returns:
        float32 (9, size, size); beyond the photo there is ground; all zeros where nobody was asked.
    """
    if labels is None:
        return np.zeros((LABEL_COUNT, size, size), np.float32)
    cut = np.stack([crop(plane, frame, size, beyond=cv2.BORDER_CONSTANT) for plane in labels])
    cut[0] += np.clip(1 - cut.sum(0), 0, 1)
    return cut


def context_over(
    image: np.ndarray | None,
    mask: np.ndarray,
    labels: np.ndarray | None,
    frame: tuple[float, float, float],
    size: int,
) -> np.ndarray:
    """Mask and labels cut out together, and the photo after them, as what looks at a wider frame sees them.

    Args:
        image: uint8 (N, N, 3); None where it is not looked at.
        mask: (h, w) in [0, 1].
        labels: (9, size, size) in [0, 1], cut out already, as by `labels_over`; None: no parser was asked.
        frame: from `context_frame`.
        size: side of the result, pixels.

    Returns:
        float32 (10 or 13, size, size) in [0, 1]; all zeros where nobody was asked.
    """
    if labels is None:
        return np.zeros((1 + LABEL_COUNT + (0 if image is None else 3), size, size), np.float32)
    own = crop(mask.astype(np.float32), frame, size, beyond=cv2.BORDER_CONSTANT)
    planes = [own[None], labels]
    if image is not None:
        planes.append(crop(image, frame, size).transpose(2, 0, 1).astype(np.float32) / 255)
    return np.concatenate(planes)


def silhouette_frame(mask: np.ndarray) -> tuple[float, float, float]:
    """The frame that puts a garment laid straight where a silhouette in the canonical frame stands."""
    return frame_of(mask, margin=CANONICAL_MARGIN)


def context_frame(mask: np.ndarray) -> tuple[float, float, float]:
    """The frame that shows a worn garment and what is around it: arms, legs and neck say how it is cut."""
    return frame_of(mask, margin=CONTEXT_MARGIN)
