"""A result as a file to give away: on any background, with its settings inside or without."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageColor

from app.files.embedded import embed, settings_of
from app.session_log.sampling import check_background
from app.session_log.values import Run

_CLEAR = 1 / 255  # below this a mask says nothing about the colour beneath


def export_png(run: Run, result: bytes, landmark: bytes, *, background: str, with_settings: bool) -> bytes:
    """Return a run's picture as PNG.

    Args:
        run: of the log.
        result: its picture, on white.
        landmark: its silhouette.
        background: "white", "transparent" or "#rrggbb".
        with_settings: whether all that made it is written into the file.

    Raises:
        ValueError: if there is no such background.
    """
    with Image.open(io.BytesIO(result)) as picture, Image.open(io.BytesIO(landmark)) as mask:
        return as_file(
            run, picture.convert("RGB"), mask.convert("L"), background=background, with_settings=with_settings
        )


def as_file(run: Run, picture: Image.Image, mask: Image.Image, *, background: str, with_settings: bool) -> bytes:
    """Do as `export_png`, with a picture and a silhouette that are read already and may be larger than the log's."""
    background = check_background(background)
    if background != "white":
        picture = on_background(picture, mask, background)
    return embed(picture, settings_of(run) if with_settings else None)


def on_background(picture: Image.Image, mask: Image.Image, background: str) -> Image.Image:
    """Take a picture off its white and lay it on something else; the white in its soft rim goes too.

    Args:
        picture: RGB on white, mixed with it by the mask.
        mask: L, 255 is garment; brought to the picture's size.
        background: "transparent" or "#rrggbb".

    Returns:
        RGBA for "transparent", else RGB.
    """
    if mask.size != picture.size:
        mask = mask.resize(picture.size, Image.Resampling.BILINEAR)
    share = np.asarray(mask, np.float32)[..., None] / 255  # (H, W, 1)
    white_free = (np.asarray(picture, np.float32) - 255 * (1 - share)) / np.maximum(share, _CLEAR)
    colour = np.clip(white_free, 0, 255)  # (H, W, 3)
    if background == "transparent":
        pixels = np.concatenate([colour, 255 * share], -1)
    else:
        below = np.array(ImageColor.getrgb(background), np.float32)
        pixels = colour * share + below * (1 - share)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))
