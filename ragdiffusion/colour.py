"""Colours as people see them: CIE Lab, differences, and one garment's colours given to a picture of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

_WHITE_XYZ = (0.95047, 1.0, 1.08883)  # D65, which is sRGB's white
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_EDGE = 6 / 29  # below its cube CIE Lab is linear
_LEAST_GAIN, _MOST_GAIN = 0.75, 4 / 3  # of a channel's spread: shading in the photo is no contrast of the cloth
_LEAST_SPREAD = 0.5  # in Lab; a plainer cloth has no contrast that could be matched


@dataclass(frozen=True)
class ColourMatch:
    """A picture that was given a photo's colours.

    Attributes:
        image: (1, 3, H, W) in [-1, 1].
        before: ΔE2000 between the mean colours of the two garments, as the picture was.
        after: the same, as it is now.
    """

    image: torch.Tensor
    before: float
    after: float


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
    root = torch.where(ratio > _EDGE**3, ratio.clamp(min=1e-12) ** (1 / 3), ratio / (3 * _EDGE**2) + 4 / 29)
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
    weight = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.20 * _cos(4 * hue - 63)
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


def lab_to_srgb(lab: torch.Tensor) -> torch.Tensor:
    """Convert CIE L*a*b* under D65 to sRGB, the inverse of `srgb_to_lab`.

    Args:
        lab: (B, 3, H, W).

    Returns:
        (B, 3, H, W) float64 in [-1, 1]; colours that sRGB lacks are clipped.
    """
    lightness, a, b = lab.double().unbind(1)
    y = (lightness + 16) / 116
    root = torch.stack([y + a / 500, y, y - b / 200], 1)  # (B, 3, H, W)
    ratio = torch.where(root > _EDGE, root**3, 3 * _EDGE**2 * (root - 4 / 29))
    xyz = ratio * ratio.new_tensor(_WHITE_XYZ).view(3, 1, 1)
    linear = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(xyz.new_tensor(_TO_XYZ)), xyz).clamp(0, 1)
    encoded = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=1e-12) ** (1 / 2.4) - 0.055)
    return encoded.clamp(0, 1) * 2 - 1


def match_colours(
    picture: torch.Tensor, mask: torch.Tensor, *, photo: torch.Tensor, photo_mask: torch.Tensor
) -> ColourMatch:
    """Give a picture's garment the mean and, within bounds, the spread of the photo's in L*, a* and b*.

    The mask's soft rim is mixed between the old colour and the new one, so no seam shows.

    Args:
        picture: (1, 3, H, W) in [-1, 1].
        mask: (1, H, W) in [0, 1], the garment in it.
        photo: (1, 3, h, w) in [-1, 1].
        photo_mask: (1, h, w) in [0, 1], the same garment in the photo.

    Raises:
        ValueError: if a mask is empty.
    """
    lab, seen = srgb_to_lab(picture), srgb_to_lab(photo)
    own_mean, own_spread = _statistics(lab, mask)
    mean, spread = _statistics(seen, photo_mask)
    gain = torch.where(
        torch.minimum(own_spread, spread) < _LEAST_SPREAD,
        torch.ones_like(spread),
        (spread / own_spread.clamp(min=1e-9)).clamp(_LEAST_GAIN, _MOST_GAIN),
    )
    moved = lab_to_srgb((lab - own_mean[..., None, None]) * gain[..., None, None] + mean[..., None, None])
    share = mask[:, None].to(moved)  # (1, 1, H, W)
    image = moved * share + picture.double() * (1 - share)
    now = mean_colour(srgb_to_lab(image), mask)
    return ColourMatch(
        image=image.to(picture.dtype),
        before=float(delta_e_2000(own_mean, mean)),
        after=float(delta_e_2000(now, mean)),
    )


def _statistics(lab: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation inside a mask, each (B, 3)."""
    mean = mean_colour(lab, mask)
    return mean, mean_colour((lab - mean[..., None, None]) ** 2, mask).sqrt()


def _cos(degrees: torch.Tensor) -> torch.Tensor:
    return torch.cos(degrees * (math.pi / 180))


def _sin(degrees: torch.Tensor) -> torch.Tensor:
    return torch.sin(degrees * (math.pi / 180))
