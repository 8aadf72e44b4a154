"""Pictures between the log and what shows or uses them: data URLs, thumbnails, masks."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

THUMBNAIL_SIDE = 112


def jpeg_url(image: Image.Image, quality: int = 88) -> str:
    """A picture as a JPEG data URL."""
    return data_url(image, "JPEG", quality=quality)


def data_url(image: Image.Image, form: str, **options: int) -> str:
    """A picture as a data URL.

    Args:
        image: of a mode that the format can hold.
        form: of Pillow, such as "PNG".
        options: of that format.
    """
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def within(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side is at most `side` pixels."""
    small = image.copy() if max(image.size) <= side else image.reduce(max(1, max(image.size) // (2 * side)))
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def thumbnail(picture: bytes) -> str:
    """A stored picture, small, as a data URL."""
    with Image.open(io.BytesIO(picture)) as image:
        return jpeg_url(within(image.convert("RGB"), THUMBNAIL_SIDE))


def thumbnail_jpeg(image: Image.Image) -> bytes:
    """A picture, small, as a JPEG file."""
    buffer = io.BytesIO()
    within(image.convert("RGB"), THUMBNAIL_SIDE).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def unit_mask(png: bytes) -> Tensor:
    """A mask of the log, float32 [H, W] in [0, 1]."""
    with Image.open(io.BytesIO(png)) as image:
        return torch.from_numpy(np.array(image.convert("L"), np.float32) / 255)
