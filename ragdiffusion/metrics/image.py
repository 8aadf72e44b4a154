"""Measures of a picture against its landmark and its truth: pure functions of tensors."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional as F

WHITE_THRESHOLD = 0.03
"""How far from white a pixel's darkest channel must be to count as foreground, of a range of 1."""
_SOFT_EDGE = 2  # pixels that an antialiased outline may be faint for


def mask_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union of masks.

    Args:
        first: (B, H, W) in [0, 1]; above 0.5 is inside.
        second: of the same shape.

    Returns:
        (B,) float64 in [0, 1]; two empty masks agree.

    Raises:
        ValueError: if the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 3:
        raise ValueError(f"two masks (B, H, W) wanted, got {tuple(first.shape)} and {tuple(second.shape)}")
    one, other = first > 0.5, second > 0.5
    union = (one | other).sum((1, 2)).double()
    return torch.where(union > 0, (one & other).sum((1, 2)) / union.clamp(min=1), torch.ones_like(union))


def foreground_of(images: torch.Tensor, *, threshold: float = WHITE_THRESHOLD) -> torch.Tensor:
    """Find a garment laid on white: what differs from white, its holes filled.

    A white print inside a garment is garment; white that reaches the picture's rim is background. An outline runs
    where garment and white are mixed evenly, as it does in a mask that is cut at a half.

    Args:
        images: (B, 3, H, W) in [-1, 1].
        threshold: how far the darkest channel must be from white, of a range of 1.

    Returns:
        (B, H, W) float32, 0 or 1.
    """
    colour = (1 - images.amin(1)) / 2  # (B, H, W)
    found = _filled(colour > threshold)
    near = lambda x: F.max_pool2d(x, 2 * _SOFT_EDGE + 1, 1, _SOFT_EDGE)  # noqa: E731
    faint = (near(1 - found) > 0) & (colour < near(colour) / 2)
    return _filled((colour > threshold) & ~faint)


def _filled(planes: torch.Tensor) -> torch.Tensor:
    """Masks with their holes filled: (B, H, W) bool -> float32, 0 or 1."""
    filled = []
    for plane in planes.cpu().numpy().astype(np.uint8):
        framed = np.pad(plane, 1)  # white all around, so one fill reaches the whole background
        cv2.floodFill(framed, None, (0, 0), 2)
        filled.append(framed[1:-1, 1:-1] != 2)
    return torch.from_numpy(np.stack(filled)).float().to(planes.device)


def psnr(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of pictures, in dB; equal ones give infinity.

    Args:
        first: (B, 3, H, W) in [-1, 1].
        second: of the same shape.

    Returns:
        (B,) float64.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_pictures(first, second)
    return 10 * torch.log10(4 / (first.double() - second.double()).square().mean((1, 2, 3)))


def ssim(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Structural similarity (Wang et al., 2004): 11 x 11 Gaussian window of 1.5 pixels, mean over channels.

    Args:
        first: (B, 3, H, W) in [-1, 1], H and W 11 or more.
        second: of the same shape.

    Returns:
        (B,) float64 in [-1, 1]; the mean over all windows that lie inside the picture.

    Raises:
        ValueError: if the shapes differ or a side is under 11.
    """
    _check_pictures(first, second)
    if min(first.shape[-2:]) < 11:
        raise ValueError(f"pictures are {tuple(first.shape[-2:])}, 11 x 11 at least wanted: SSIM's window")
    place = torch.arange(-5, 6, device=first.device, dtype=torch.float64)
    window = torch.exp(-0.5 * (place / 1.5) ** 2)
    window = (window / window.sum()).expand(first.shape[1], 1, -1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, window[:, :, None], groups=x.shape[1])
        return F.conv2d(x, window[..., None], groups=x.shape[1])

    x, y = first.double(), second.double()
    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # of a range of 2
    # Only the second moments do not care where zero is, so luminance is taken in [0, 2].
    mean_x, mean_y = mean_x + 1, mean_y + 1
    value = (
        (2 * mean_x * mean_y + c1)
        * (2 * covariance + c2)
        / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
    )
    return value.mean((1, 2, 3))


def align_by_box(images: torch.Tensor, masks: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Move and stretch each picture so that its garment's bounding box becomes the target's (11.1).

    Args:
        images: (B, 3, H, W) in [-1, 1], on white.
        masks: (B, H, W) in [0, 1], the garment in them; above 0.5 is inside.
        targets: (B, H, W), where it should lie.

    Returns:
        (B, 3, H, W), white where nothing comes to lie; a picture whose mask or target is empty is left as it is.
    """
    height, width = images.shape[-2:]
    aligned = []
    for image, mask, target in zip(images, masks, targets, strict=True):
        own, wanted = _box(mask), _box(target)
        if own is None or wanted is None:
            aligned.append(image)
            continue
        axes = []
        for axis, side in enumerate((width, height)):
            centre = torch.arange(side, device=image.device, dtype=image.dtype) + 0.5
            place = own[axis] + (centre - wanted[axis]) * own[axis + 2] / wanted[axis + 2]
            axes.append(place * 2 / side - 1)
        y, x = torch.meshgrid(axes[1], axes[0], indexing="ij")
        # White is moved to 0, so that what lies beyond the frame becomes white.
        aligned.append(F.grid_sample(image[None] - 1, torch.stack([x, y], -1)[None], align_corners=False)[0] + 1)
    return torch.stack(aligned)


def _box(mask: torch.Tensor) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of what is above 0.5."""
    inside = mask > 0.5
    columns, rows = inside.any(0).nonzero().flatten(), inside.any(1).nonzero().flatten()
    if not len(columns):
        return None
    return (int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)


def _check_pictures(first: torch.Tensor, second: torch.Tensor) -> None:
    if first.shape != second.shape or first.ndim != 4:
        raise ValueError(
            f"two batches (B, C, H, W) of one shape wanted, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
