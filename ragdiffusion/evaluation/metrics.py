"""Measures of a picture against its landmark and its photo: pure functions of tensors."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch

WHITE_THRESHOLD = 0.03
"""How far from white a pixel's darkest channel must be to count as foreground, of a range of 1."""
_WHITE_XYZ = (0.95047, 1.0, 1.08883)  # D65, which is sRGB's white
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))


def srgb_to_lab(images: torch.Tensor) -> torch.Tensor:
    """Convert sRGB to CIE L*a*b* under D65.

    Args:
        images: (B, 3, H, W) in [-1, 1].

    Returns:
        (B, 3, H, W) float64; L in [0, 100].
    """
    encoded = ((images.double() + 1) / 2).clamp(0, 1)
    linear = torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,bjhw->bihw", linear.new_tensor(_TO_XYZ), linear)
    ratio = xyz / xyz.new_tensor(_WHITE_XYZ).view(3, 1, 1)
    edge = 6 / 29
    root = torch.where(ratio > edge**3, ratio.clamp(min=1e-12) ** (1 / 3), ratio / (3 * edge**2) + 4 / 29)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def delta_e_2000(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """CIEDE2000 colour difference; 1 is about the least that is seen, 8 a plainly other shade.

    Args:
        first: (N, 3, ...) L*a*b*.
        second: of the same shape.

    Returns:
        (N, ...) float64, 0 or more.

    Raises:
        ValueError: if the shapes differ or have no three channels.
    """
    if first.shape != second.shape or first.ndim < 2 or first.shape[1] != 3:
        raise ValueError(f"two Lab tensors (N, 3, ...) wanted, got {tuple(first.shape)} and {tuple(second.shape)}")
    lightness1, a1, b1 = first.double().unbind(1)
    lightness2, a2, b2 = second.double().unbind(1)
    chroma7 = ((a1.hypot(b1) + a2.hypot(b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * (chroma7 / (chroma7 + 25.0**7)).sqrt()  # widens a* near grey
    chroma1, chroma2 = (a1 * stretch).hypot(b1), (a2 * stretch).hypot(b2)
    hue1, hue2 = (torch.atan2(b, a * stretch).rad2deg() % 360 for a, b in ((a1, b1), (a2, b2)))
    coloured = (chroma1 * chroma2) > 0  # grey has no hue
    turn = torch.where(coloured, (hue2 - hue1 + 180) % 360 - 180, torch.zeros_like(hue1))
    turn = torch.where(turn == -180, -turn, turn)
    d_hue = 2 * (chroma1 * chroma2).sqrt() * _sin(turn / 2)
    apart = (hue1 - hue2).abs()
    total = hue1 + hue2
    hue = torch.where(apart <= 180, total, torch.where(total < 360, total + 360, total - 360)) / 2
    hue = torch.where(coloured, hue, total)
    lightness, chroma = (lightness1 + lightness2) / 2, (chroma1 + chroma2) / 2
    weight = (1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.20 * _cos(4 * hue - 63))
    off = (lightness - 50) ** 2
    part_l = (lightness2 - lightness1) / (1 + 0.015 * off / (20 + off).sqrt())
    part_c = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    part_h = d_hue / (1 + 0.015 * chroma * weight)
    blue = 30 * torch.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * (chroma**7 / (chroma**7 + 25.0**7)).sqrt() * _sin(2 * blue)
    return (part_l**2 + part_c**2 + part_h**2 + rotation * part_c * part_h).clamp(min=0).sqrt()


def mean_colour(lab: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Mean of the pixels inside a mask.

    Args:
        lab: (B, 3, H, W), any colour space.
        masks: (B, H, W) in [0, 1]; above 0.5 is inside.

    Returns:
        (B, 3).

    Raises:
        ValueError: if a mask is empty.
    """
    inside = (masks > 0.5)[:, None].to(lab.dtype)  # (B, 1, H, W)
    count = inside.sum((2, 3))
    if not bool((count > 0).all()):
        raise ValueError("a mask is empty (no pixel is above 0.5): there is no colour to take the mean of")
    return (lab * inside).sum((2, 3)) / count


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

    A white print inside a garment is garment; white that reaches the picture's rim is background.

    Args:
        images: (B, 3, H, W) in [-1, 1].
        threshold: how far the darkest channel must be from white, of a range of 1.

    Returns:
        (B, H, W) float32, 0 or 1.
    """
    coloured = (1 - images.amin(1)) / 2 > threshold  # (B, H, W)
    filled = []
    for plane in coloured.cpu().numpy().astype(np.uint8):
        framed = np.pad(plane, 1)  # white all around, so one fill reaches the whole background
        cv2.floodFill(framed, None, (0, 0), 2)
        filled.append(framed[1:-1, 1:-1] != 2)
    return torch.from_numpy(np.stack(filled)).float().to(images.device)


def _cos(degrees: torch.Tensor) -> torch.Tensor:
    return torch.cos(degrees * (math.pi / 180))


def _sin(degrees: torch.Tensor) -> torch.Tensor:
    return torch.sin(degrees * (math.pi / 180))
