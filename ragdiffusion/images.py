"""Pictures to pixels and back: the only file that knows value ranges.

Outside this file pictures are ``PIL.Image`` and masks are float arrays in [0, 1]; inside the models, pictures
are float BCHW RGB in [-1, 1] and masks float BHW in [0, 1]. Coordinates are (x, y) in pixels and count edges:
pixel i covers [i, i + 1].

Long because it is the only one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ragdiffusion.cutouts import SHEER, alpha_in_use, on_ground
from ragdiffusion.decoding import Source, check_unit_range, decode, grey_plane
from ragdiffusion.masks import looks_inverted, mask_plane
from ragdiffusion.profiles import to_srgb

SILHOUETTE_SIZE = 512
"""Side of a stored silhouette, in pixels."""
CANONICAL_MARGIN = 1.12
"""Side of the canonical square over the longer side of the silhouette's bounding box."""
MIN_FOREGROUND, MAX_FOREGROUND = 0.002, 0.98
"""Share of the picture that a usable mask may cover."""
_FRAMED = 0.04  # of the side: how far a landmark that was drawn in the canonical frame may leave it
_Padding = Literal["constant", "edge"]


class InvertedMaskError(ValueError):
    """A mask that marks the ground, by the look of it: it may be taken inverted, or as it is."""


def load_photo(source: Source, *, name: str | None = None) -> Image.Image:
    """Read a photo as upright 8-bit sRGB, whatever it was stored as.

    Args:
        source: a path, the bytes of a file, a picture, or an array (H, W), (H, W, 3) or (H, W, 4) of uint8 in [0, 255]
            or of float in [0, 1].
        name: what to call the photo in messages; the file's name by default.

    Returns:
        A new RGB picture without metadata. EXIF rotation is applied, transparency is laid on white or, where the
        garment is too light for it, on a darker ground, colours are converted from an embedded profile, 16 bits are
        scaled to 8; an animation gives its first frame.

    Raises:
        ValueError: missing, not a picture, damaged, over 64 megapixels, under 16 pixels on a side, or an
            array of another shape or range; one line that names the photo and the remedy.
    """
    return load_photo_and_alpha(source, name=name)[0]


def load_photo_and_alpha(source: Source, *, name: str | None = None) -> tuple[Image.Image, np.ndarray | None]:
    """Read a photo as ``load_photo`` does, and what was cut out in it.

    Args:
        source: as for ``load_photo``.
        name: as for ``load_photo``.

    Returns:
        The photo, and its alpha channel, float32 (H, W) in [0, 1]: the garment's mask, sheer cloth in between. None
        where the photo is opaque or (nearly) empty, or only its rim is clear, as round corners are.

    Raises:
        ValueError: as for ``load_photo``.
    """
    label = _label(source, name)
    image = _to_eight_bit(to_srgb(decode(source, label)), label)
    alpha = alpha_in_use(image)
    if alpha is not None:
        alpha = alpha if MIN_FOREGROUND <= float((alpha > SHEER).mean()) <= MAX_FOREGROUND else None
        image = on_ground(image.convert("RGBA"), alpha)
    image = image.convert("RGB")
    image.info.clear()
    return image, alpha


def load_mask(source: Source, *, name: str | None = None, invert: bool | None = None) -> np.ndarray:
    """Read a garment mask: the alpha channel where one is in use, else the luminance or two labels in any colours.

    Args:
        source: as for ``load_photo``; a boolean array (H, W) is welcome too.
        name: what to call the mask in messages; the file's name by default.
        invert: whether what it marks is the ground; None: no, and one that looks so is refused.

    Returns:
        float32 (H, W) in [0, 1], 1 is garment, upright.

    Raises:
        ValueError: as for ``load_photo``, several labels, an inverted mask (`InvertedMaskError`), or the garment covers
            under 0.2 % or over 98 % of the picture.
    """
    label = _label(source, name)
    if isinstance(source, np.ndarray) and source.dtype == bool:
        source = source.astype(np.float32)
    mask = mask_plane(decode(source, label), label)
    mask = 1.0 - mask if invert else mask
    share = float((mask > 0.5).mean())
    if not MIN_FOREGROUND <= share <= MAX_FOREGROUND:
        wanted = f"{MIN_FOREGROUND:.1%} to {MAX_FOREGROUND:.0%} was wanted"
        remedy = "give a mask that is white (or opaque) on the garment and black (or clear) around it"
        raise ValueError(f"{label} marks {share:.1%} of the picture as garment, and {wanted}: {remedy}")
    if invert is None and looks_inverted(mask):
        raise InvertedMaskError(
            f"{label} looks inverted, as it marks the picture's border: invert it, so that the garment "
            "is white (invert=True or --invert-mask does it, invert=False takes it as it is)"
        )
    return mask


def pad_to_square(image: Image.Image) -> Image.Image:
    """Centre a picture in a square of its longer side, repeating its border pixels; nothing is stretched.

    Args:
        image: any 8-bit picture. Where the gap is odd, the extra pixel goes to the right or the bottom.

    Returns:
        A square picture of the same mode.
    """
    return Image.fromarray(square_array(np.asarray(image), "edge"))


def square_array(array: np.ndarray, mode: _Padding) -> np.ndarray:
    """The pixels of a picture, or what is known of each, centred in a square as `pad_to_square` centres it.

    Args:
        array: (H, W) or (H, W, C).
        mode: "edge" lets the border go on, "constant" pads with 0.

    Returns:
        (N, N) or (N, N, C), N the longer side.
    """
    side = max(array.shape[:2])
    return _pad(array, side, side, mode)


def photo_to_tensor(image: Image.Image, size: int) -> Tensor:
    """Turn a photo into the models' input: padded to square, averaged over areas when it shrinks.

    Args:
        image: RGB, as ``load_photo`` returns it.
        size: side of the result in pixels.

    Returns:
        float32 [1, 3, size, size] in [-1, 1].

    Raises:
        ValueError: the picture is not RGB, or ``size`` is under 1.
    """
    pixels = photo_to_array(image, size)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1.0  # [1, 3, size, size]


def photo_to_array(image: Image.Image, size: int) -> np.ndarray:
    """The pixels that ``photo_to_tensor`` takes, as they are: uint8 [size, size, 3].

    Raises:
        ValueError: the picture is not RGB, or ``size`` is under 1.
    """
    if image.mode != "RGB":
        raise ValueError(f"an RGB picture was wanted, and the mode is {image.mode}: read it with load_photo")
    return _fit_square(np.array(image), size, "edge")


def mask_to_tensor(mask: np.ndarray, size: int) -> Tensor:
    """Turn a mask into the models' input, aligned with ``photo_to_tensor`` of the same picture.

    Args:
        mask: float (H, W) in [0, 1].
        size: side of the result in pixels.

    Returns:
        float32 [1, size, size] in [0, 1], padded with 0 and averaged over areas when it shrinks.

    Raises:
        ValueError: the mask is not (H, W), leaves [0, 1] or holds NaN, or ``size`` is under 1.
    """
    return torch.from_numpy(_fit_square(_check_plane(mask), size, "constant").clip(0.0, 1.0))[None]


def tensor_to_images(x: Tensor) -> list[Image.Image]:
    """Turn a batch of model outputs into pictures.

    Args:
        x: float (B, 3, H, W); what leaves [-1, 1] is clipped, as decoders overshoot.

    Returns:
        B RGB pictures of 8 bits; the exact inverse of ``photo_to_tensor`` for a square picture of that size.

    Raises:
        ValueError: another shape, or NaN or infinity.
    """
    if x.ndim != 4 or x.shape[1] != 3:
        raise ValueError(f"pictures (B, 3, H, W) were wanted, and the shape is {tuple(x.shape)}")
    _check_finite(x)
    pixels = ((x.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return [Image.fromarray(p) for p in pixels.permute(0, 2, 3, 1).cpu().numpy()]  # each (H, W, 3)


def tensor_to_mask_image(m: Tensor) -> Image.Image:
    """Turn one mask into an 8-bit grey picture.

    Args:
        m: float (H, W); what leaves [0, 1] is clipped.

    Returns:
        A picture of mode "L", 255 is garment.

    Raises:
        ValueError: another shape, or NaN or infinity.
    """
    if m.ndim != 2:
        raise ValueError(f"a mask (H, W) was wanted, and the shape is {tuple(m.shape)}")
    _check_finite(m)
    return Image.fromarray((m.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())


def canonical_square(mask: np.ndarray) -> tuple[float, float, float]:
    """Find the square that puts a silhouette into the canonical frame: its bounding box with a margin.

    Args:
        mask: float (H, W) in [0, 1]; above 0.5 is garment.

    Returns:
        (cx, cy, side) in pixels; the side is 1.12 times the longer side of the box. The square may leave the
        picture.

    Raises:
        ValueError: the mask is not (H, W), leaves [0, 1] or holds NaN, or is empty.
    """
    foreground = _check_plane(mask) > 0.5
    columns, rows = np.flatnonzero(foreground.any(axis=0)), np.flatnonzero(foreground.any(axis=1))
    if not len(columns):
        raise ValueError("the mask is empty (no pixel is above 0.5): give a mask that shows the garment")
    left, right = float(columns[0]), float(columns[-1] + 1)
    top, bottom = float(rows[0]), float(rows[-1] + 1)
    return (left + right) / 2, (top + bottom) / 2, CANONICAL_MARGIN * max(right - left, bottom - top)


def turned_plane(plane: np.ndarray, degrees: int) -> np.ndarray:
    """Turn what lies over a photo, (H, W) or (H, W, C), clockwise with it by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(plane, -degrees // 90))


def lies_over(mask: np.ndarray, photo_size: tuple[int, int]) -> bool:
    """Whether a mask is aligned to a photo, not to the canonical frame: it has the photo's shape and no frame.

    Args:
        mask: float (H, W) in [0, 1]; above 0.5 is garment.
        photo_size: (width, height) of the photo; the mask may be a smaller or larger copy's.

    Raises:
        ValueError: as for ``canonical_square``.
    """
    (height, width), (photo_width, photo_height) = mask.shape, photo_size
    if abs(width * photo_height - height * photo_width) > max(photo_size) + max(mask.shape):  # a pixel of rounding
        return False
    x, y, side = canonical_square(mask)
    return max(abs(x - width / 2), abs(y - height / 2), abs(side - max(mask.shape)) / 2) > _FRAMED * max(mask.shape)


def cut_to_frame(mask: np.ndarray, size: int) -> Tensor:
    """Bring a silhouette that lies anywhere in its picture into the canonical frame.

    Args:
        mask: float (H, W) in [0, 1]; above 0.5 is garment.
        size: side of the result in pixels.

    Returns:
        float32 [size, size] in [0, 1].

    Raises:
        ValueError: as for ``canonical_square``.
    """
    x, y, side = canonical_square(mask)
    left, top, side = round(x - side / 2), round(y - side / 2), max(1, round(side))
    square = np.zeros((side, side), np.float32)
    part = mask[max(0, top) : top + side, max(0, left) : left + side]
    row, column = max(0, -top), max(0, -left)
    square[row : row + part.shape[0], column : column + part.shape[1]] = part
    return mask_to_tensor(square, size)[0]


def encode_silhouette(mask: Tensor) -> bytes:
    """Write a silhouette as the bank stores it.

    Args:
        mask: float (S, S) in [0, 1] in the canonical frame, any S.

    Returns:
        A 1-bit PNG of 512 x 512; above 0.5 is garment.

    Raises:
        ValueError: the mask is not square, leaves [0, 1] or holds NaN.
    """
    plane = _check_plane(mask.detach().float().cpu().numpy())
    if plane.shape[0] != plane.shape[1]:
        remedy = "cut it out along canonical_square"
        raise ValueError(f"a square silhouette was wanted, and the shape is {plane.shape}: {remedy}")
    resized = _fit_square(plane, SILHOUETTE_SIZE, "constant")
    buffer = io.BytesIO()
    Image.fromarray(resized > 0.5).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def decode_silhouettes(silhouettes: Sequence[bytes], size: int) -> Tensor:
    """Read stored silhouettes at the size a model wants.

    Args:
        silhouettes: K results of ``encode_silhouette``.
        size: side of the result in pixels.

    Returns:
        float32 (K, size, size) in [0, 1], averaged over areas when it shrinks.

    Raises:
        ValueError: one of them is not a 1-bit PNG of 512 x 512, or ``size`` is under 1.
    """
    _check_side(size)
    planes = np.empty((len(silhouettes), size, size), np.float32)
    for index, data in enumerate(silhouettes):
        image = _stored_silhouette(data, f"silhouette {index}")
        planes[index] = _fit_square(np.array(image, np.float32), size, "constant")
    return torch.from_numpy(planes)


def reduce_silhouettes(silhouettes: Sequence[bytes], size: int) -> np.ndarray:
    """Read stored silhouettes coarsely, as ``decode_silhouettes(…) > 0.5`` would, in a fraction of its time.

    Args:
        silhouettes: K results of ``encode_silhouette``.
        size: side of the result in pixels; a divisor of 512, at most 256.

    Returns:
        bool (K, size, size): where more than half of the area is garment.

    Raises:
        ValueError: one of them is not a 1-bit PNG of 512 x 512, or ``size`` is no such divisor.
    """
    if not 1 <= size <= SILHOUETTE_SIZE // 2 or SILHOUETTE_SIZE % size:
        raise ValueError(f"size is {size}, and a divisor of {SILHOUETTE_SIZE} up to its half was wanted")
    planes = np.empty((len(silhouettes), size, size), bool)
    for index, data in enumerate(silhouettes):
        image = _stored_silhouette(data, f"silhouette {index}")
        cells = np.asarray(image).reshape(size, SILHOUETTE_SIZE // size, SILHOUETTE_SIZE)
        rows = cells.sum(1, dtype=np.uint16).reshape(size, size, SILHOUETTE_SIZE // size)
        planes[index] = rows.sum(2, dtype=np.uint32) > (SILHOUETTE_SIZE // size) ** 2 // 2
    return planes


def silhouette_pixels(silhouette: bytes) -> np.ndarray:
    """Read a stored silhouette as it is.

    Args:
        silhouette: a result of ``encode_silhouette``.

    Returns:
        uint8 (512, 512) in {0, 1}.

    Raises:
        ValueError: it is not a 1-bit PNG of 512 x 512.
    """
    return np.array(_stored_silhouette(silhouette, "the silhouette"), np.uint8)


def _stored_silhouette(data: bytes, label: str) -> Image.Image:
    image = decode(data, label)
    if image.mode != "1" or image.size != (SILHOUETTE_SIZE, SILHOUETTE_SIZE):
        wanted = f"a 1-bit PNG of {SILHOUETTE_SIZE} x {SILHOUETTE_SIZE} was wanted"
        received = f"{image.width} x {image.height} of mode {image.mode}"
        raise ValueError(f"{label} is {received}, and {wanted}: write it with encode_silhouette")
    return image


def _label(source: Source, name: str | None) -> str:
    if name is not None:
        return name
    return Path(source).name or str(source) if isinstance(source, str | Path) else "the picture"


def _check_plane(mask: np.ndarray) -> np.ndarray:
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(f"a mask (H, W) was wanted, and the shape is {mask.shape}")
    return check_unit_range(mask, "the mask")


def _check_side(size: int) -> None:
    if size < 1:
        raise ValueError(f"a size of {size} pixels was asked for: it must be 1 or more")


def _check_finite(x: Tensor) -> None:
    if not bool(torch.isfinite(x).all()):
        raise ValueError("the pixels hold NaN or infinity (a diverged model): use another checkpoint")


def _to_eight_bit(image: Image.Image, label: str) -> Image.Image:
    """Scale 16-bit and float pictures, which Pillow would clip, to 8 bits."""
    if not image.mode.startswith(("I", "F")):
        return image
    return Image.fromarray((grey_plane(image, label) * 255).round().astype(np.uint8))


def _pad(array: np.ndarray, height: int, width: int, mode: _Padding) -> np.ndarray:
    rows, columns = height - array.shape[0], width - array.shape[1]
    widths = [(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)]
    return np.pad(array, widths + [(0, 0)] * (array.ndim - 2), mode=mode)


def _fit_square(array: np.ndarray, size: int, mode: _Padding) -> np.ndarray:
    """Pad to square and resize; the longer side first, so a long strip never becomes a huge square."""
    _check_side(size)
    height, width = array.shape[:2]
    if width >= height:
        strip = _pad(_resize(array, height, size), width, size, mode)
    else:
        strip = _pad(_resize(array, size, width), size, height, mode)
    return _resize(strip, size, size)


def _resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize along one side: exact area average when it shrinks (Pillow's box is not one), else linear."""
    shrinks = height < array.shape[0] or width < array.shape[1]
    return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
