"""Photos that are cut out already: their opacity, the garment in it, and a ground that it stands out from."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

SHEER = 0.25
"""Opacity from which on a pixel of a cut-out is cloth: sheer cloth has more, a shadow less."""
_RIM = 0.004  # of the longer side: width of a soft rim
_GROUNDS = (255, 160, 96, 32)
_GROUND_CONTRAST = 48  # of 255, in the channel where a colour differs most
_GROUND_SHARE = 0.2  # of the garment's pixels may differ less
_GROUND_SAMPLE = 256  # pixels of the longer side that are looked at


def alpha_in_use(image: Image.Image) -> np.ndarray | None:
    """The alpha channel of a picture, float32 (H, W) in [0, 1]; None where all of it is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return alpha.astype(np.float32) / 255.0 if alpha.min() < 255 else None


def cloth_of(alpha: np.ndarray) -> np.ndarray:
    """The garment's mask of a cut-out: sheer cloth counts whole.

    Args:
        alpha: float (H, W) in [0, 1].

    Returns:
        float32 (H, W) in [0, 1], a half where the opacity is `SHEER`.
    """
    return (alpha * (0.5 / SHEER)).clip(0, 1).astype(np.float32)


def continued(alpha: np.ndarray) -> np.ndarray:
    """The opacity of a cut-out's cloth, continued beyond it: each point has that of the nearest cloth within the rim.

    Args:
        alpha: float (H, W) in [0, 1], above `SHEER` somewhere.

    Returns:
        float32 (H, W) in [0, 1].
    """
    cloth = (alpha > SHEER).astype(np.uint8)
    reach = max(1, round(_RIM * max(alpha.shape)))
    inner = cv2.erode(cloth, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    inner = inner if inner.any() else cloth
    _, labels = cv2.distanceTransformWithLabels(1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(labels.max() + 1, np.float32)
    values[labels[inner > 0]] = alpha[inner > 0]
    return values[labels]


def on_ground(image: Image.Image, alpha: np.ndarray | None) -> Image.Image:
    """Lay a cut-out on the lightest grey from which (nearly) all of it stands out, white if that does.

    Args:
        image: RGBA.
        alpha: float (H, W) in [0, 1]; None where the picture is no cut-out, which lies on white.

    Returns:
        RGBA, opaque.
    """
    ground = _GROUNDS[0]
    if alpha is not None:
        step = max(1, round(max(image.size) / _GROUND_SAMPLE))
        pixels = np.asarray(image)[::step, ::step, :3][alpha[::step, ::step] > SHEER].astype(np.int16)
        away = np.abs(pixels[:, None] - np.array(_GROUNDS, np.int16)[:, None]).max(-1)  # (pixels, grounds)
        contrast = np.quantile(away, _GROUND_SHARE, axis=0) if len(pixels) else np.zeros(len(_GROUNDS))
        sufficient = np.flatnonzero(contrast >= _GROUND_CONTRAST)
        ground = _GROUNDS[int(sufficient[0] if len(sufficient) else contrast.argmax())]
    return Image.alpha_composite(Image.new("RGBA", image.size, (ground,) * 3), image)
