"""What a mask from elsewhere means: alpha, grey levels, or a map of labels in any colours."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ragdiffusion.cutouts import alpha_in_use
from ragdiffusion.decoding import grey_plane

_LABELS = 32  # colours or levels that a map of labels has at most
_LEVELS = 8  # colours from which a map may be one of two that a JPEG has blurred
_CHROMA = 30  # of 255, by which a colour is none of grey
_COLOURED = 0.05  # share of a picture in colours from which its shades are none of grey
_NEAR, _NEARLY_ALL = 48, 0.97  # of 255: so far from one of two colours lie so many pixels of a map of two, compressed
_BETWEEN, _MOSTLY = 0.35, 0.4  # of 1, from a half: what lies so near to it is neither; share of it in no mask
_NO_MASK = "{} {}, as photos are: give a mask that is white on the garment and black around it"
_RIM = 0.02  # of the longer side: width of the border that tells an inverted mask
_INVERTED_RIM = 0.9  # share of it


def mask_plane(image: Image.Image, label: str) -> np.ndarray:
    """Read what a picture marks.

    Alpha counts where it is in use. Of two colours the lighter marks the garment, whatever they are, and of the two
    numbers of a palette the one that is not 0: so 0/1 maps and those with a colour for each class are understood,
    compressed ones too.

    Args:
        image: upright, of any mode.
        label: what to call it in messages.

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        ValueError: a map of several labels, a photo, or numbers out of range.
    """
    if image.mode == "F":
        return grey_plane(image, label)
    alpha = alpha_in_use(image)
    if alpha is not None:
        return alpha
    if image.mode.startswith("I"):
        return _deep_plane(image, label)
    coloured = image if image.mode in ("1", "L", "P") else image.convert("RGB")
    colours = coloured.getcolors(_LABELS)
    if colours is not None:
        shades = {value: _shade(coloured, value) for _, value in colours}
        labels = _are_labels(image.mode, shades)
        blurred = _lighter_of_two(np.asarray(image.convert("RGB"))) if labels and len(shades) > _LEVELS else None
        if blurred is not None:
            return blurred
        if labels and len(shades) > 2:
            raise ValueError(
                f"{label} is a map of {len(shades)} labels: keep the garment's, in white, and make the rest black"
            )
        if len(shades) == 2:
            numbers = coloured.mode == "P" and labels and 0 in shades
            ground = 0 if numbers else min(shades, key=lambda value: sum(shades[value]))
            values = np.asarray(coloured)
            same = values == ground if values.ndim == 2 else (values == np.array(ground)).all(-1)
            return 1.0 - same.astype(np.float32)
    pixels = np.asarray(image.convert("RGB"))
    if (np.ptp(pixels, axis=2) > _CHROMA).mean() > _COLOURED:
        if (mask := _lighter_of_two(pixels)) is None:
            raise ValueError(_NO_MASK.format(label, "is of many colours"))
        return mask
    plane = np.asarray(image.convert("RGB").convert("L")).astype(np.float32) / 255.0
    if (np.abs(plane - 0.5) < _BETWEEN).mean() > _MOSTLY:
        raise ValueError(_NO_MASK.format(label, "is grey for the most part"))
    return plane


def _lighter_of_two(pixels: np.ndarray) -> np.ndarray | None:
    """Where the lighter of the two colours is that a picture (H, W, 3) consists of; None if it consists of more."""
    numbers = Image.fromarray(pixels).quantize(2, kmeans=1)
    colours = np.array(numbers.getpalette("RGB")[:6], np.int16).reshape(2, 3)  # type: ignore[index]
    found = np.asarray(numbers)
    apart = np.abs(pixels - colours[found]).max(-1)
    if (apart <= _NEAR).mean() < _NEARLY_ALL:
        return None
    return (found == colours.sum(1).argmax()).astype(np.float32)


def looks_inverted(mask: np.ndarray) -> bool:
    """Whether the border is garment nearly everywhere, which it is in no photo of a garment.

    Args:
        mask: float (H, W) in [0, 1].
    """
    rim = max(1, round(_RIM * max(mask.shape)))
    inner = mask[rim:-rim, rim:-rim] > 0.5
    total, inside = (mask > 0.5).sum(), inner.sum()
    return bool(total - inside > _INVERTED_RIM * (mask.size - inner.size))


def _deep_plane(image: Image.Image, label: str) -> np.ndarray:
    values = np.asarray(image)
    present = np.unique(values)
    if len(present) == 2:
        return (values == present[1]).astype(np.float32)
    if 2 < len(present) <= _LABELS and present[-1] < 256:
        raise ValueError(
            f"{label} is a map of {len(present)} labels: keep the garment's, in white, and make the rest black"
        )
    return grey_plane(image, label)


def _shade(image: Image.Image, value: int | tuple[int, ...]) -> tuple[int, ...]:
    """The colour of one of a picture's values."""
    if isinstance(value, tuple):
        return value
    if image.mode == "P":
        palette = image.getpalette("RGB") or []
        return tuple(palette[3 * value : 3 * value + 3]) or (0, 0, 0)
    return (value, value, value)


def _are_labels(mode: str, shades: dict) -> bool:
    """Whether the few values of a picture are labels: colours, or numbers too dark to be shades."""
    coloured = any(max(shade) - min(shade) > _CHROMA for shade in shades.values())
    return coloured or mode in ("L", "P") and max(max(shade) for shade in shades.values()) < _LABELS
