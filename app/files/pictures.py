"""Pictures between the store and what shows or uses them: PNG, data URLs, thumbnails, masks."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ragdiffusion.images import tensor_to_mask_image

PHOTO_SIDE = 720
THUMBNAIL_SIDE = 112


def png(image: Image.Image) -> bytes:
    """Return a picture as PNG: pixels and nothing else."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mask_png(mask: Tensor) -> bytes:
    """Return a mask (H, W) in [0, 1] as PNG of 8 bits."""
    return png(tensor_to_mask_image(mask))


def same_pixels(stored: bytes, image: Image.Image) -> bool:
    """Tell whether a stored picture shows exactly what another one does."""
    with Image.open(io.BytesIO(stored)) as before:
        return np.array_equal(np.asarray(before.convert("RGB")), np.asarray(image.convert("RGB")))


def png_url(data: bytes | None) -> str | None:
    """Return a PNG as a data URL."""
    return None if data is None else f"data:image/png;base64,{base64.b64encode(data).decode()}"


def jpeg_url(image: Image.Image, quality: int = 88) -> str:
    """Return a picture as a JPEG data URL."""
    return data_url(image, "JPEG", quality=quality)


def data_url(image: Image.Image, form: str, **options: int) -> str:
    """Return a picture as a data URL.

    Args:
        image: of a mode that the format can hold.
        form: of Pillow, such as "PNG".
        options: of that format.
    """
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def within(image: Image.Image, side: int) -> Image.Image:
    """Return a copy whose longer side is at most `side` pixels."""
    small = image.copy() if max(image.size) <= side else image.reduce(max(1, max(image.size) // (2 * side)))
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def thumbnail_jpeg(image: Image.Image) -> bytes:
    """Return a picture, small, as a JPEG file."""
    buffer = io.BytesIO()
    within(image.convert("RGB"), THUMBNAIL_SIDE).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def unit_mask(png: bytes) -> Tensor:
    """Return a mask of the log, float32 (H, W) in [0, 1]."""
    with Image.open(io.BytesIO(png)) as image:
        return torch.from_numpy(np.array(image.convert("L"), np.float32) / 255)
