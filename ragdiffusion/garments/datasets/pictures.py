"""Pictures made smaller and turned into bytes."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """Bring a picture to `side` pixels on its longer side, averaged over areas; a smaller one stays as it is."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.shape[1::-1])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """A picture, uint8 (H, W, 3), as JPEG with whole colours."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def png(mask: np.ndarray) -> bytes:
    """A mask, uint8 (H, W), as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()
