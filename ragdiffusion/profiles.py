"""Colour profiles: an embedded one is judged by what it does to colours, never by its name."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from ragdiffusion.decoding import grey_plane

_SAME = 1
"""Levels of 255 by which the curves that writers round differently move a colour of sRGB."""
_STEPS = 9  # of each channel of the probe


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a picture from its embedded profile: a phone's Display P3, taken for sRGB, would look faded.

    Args:
        image: of any mode, with its profile in `info`.

    Returns:
        RGB, or RGBA where it is transparent somewhere. The picture as it is, where it has no profile, one that does
        what sRGB does, or one that is damaged or of another kind of picture.
    """
    data = image.info.get("icc_profile")
    if not data or image.mode == "1":
        return image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        colours = _colours_in(image, profile.profile.xcolor_space.strip())
        if colours is None:
            return image
        exact = ImageCms.Flags.NOOPTIMIZE if colours.mode == "I;16" else ImageCms.Flags.NONE  # tables are too coarse
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), colours.mode, "RGB", flags=exact)
        if colours.mode in ("RGB", "L", "I;16") and _changes_nothing(transform, colours.mode):
            return image
        converted = transform.apply(colours)
    except (ImageCms.PyCMSError, OSError, ValueError):  # a profile that cannot be used is the same as none
        return image
    if image.has_transparency_data:
        converted.putalpha(image.convert("RGBA").getchannel("A"))
    return converted


def _colours_in(image: Image.Image, space: str) -> Image.Image | None:
    """A picture's opaque colours in the space that a profile speaks of; None where they can't be."""
    grey = image.mode.startswith(("I", "F"))
    if space == "CMYK":
        return image if image.mode == "CMYK" else None
    if space == "RGB":
        if image.mode == "CMYK":
            return None
        return (_grey_picture(image, 8) if grey else image.convert("RGBA")).convert("RGB")
    if space == "GRAY":
        if grey:
            return _grey_picture(image, 16)
        return image.convert("RGBA").convert("L") if image.mode in ("L", "LA", "La", "P", "PA") else None
    return None


def _grey_picture(image: Image.Image, bits: int) -> Image.Image:
    """A grey picture of 16 bits or floats at a depth."""
    levels = 2**bits - 1
    return Image.fromarray((grey_plane(image, "the picture") * levels).round().astype(f"uint{bits}"))


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile's primaries and curves are those of sRGB: colours all over the cube stay where they are."""
    levels = np.linspace(0, 255, _STEPS**2 if mode != "RGB" else _STEPS).round().astype(np.uint8)
    if mode == "RGB":
        probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(_STEPS, -1, 3)
        shown = probe
    else:
        probe = levels[None].astype(np.uint16) * 257 if mode == "I;16" else levels[None]
        shown = np.repeat(levels[None, :, None], 3, axis=2)
    moved = np.asarray(transform.apply(Image.fromarray(probe))).astype(np.int16) - shown
    return int(np.abs(moved).max()) <= _SAME
