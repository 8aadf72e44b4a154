"""What becomes of a draft's pixels: hidden ones are filled, fine ones carried into the denoised picture."""

from __future__ import annotations

import torch
from torch.nn import functional as F

_TOLERANCE = 0.18  # difference of the smoothed pictures, of a range of 2, at which half the detail is trusted


def gaussian_blur(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Separable Gaussian blur of (B, C, H, W); the rim goes on outside."""
    radius = max(1, round(3 * sigma))
    place = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (place / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(image.shape[1], 1, -1)
    image = F.conv2d(F.pad(image, (radius, radius, 0, 0), mode="replicate"), kernel[:, :, None], groups=image.shape[1])
    return F.conv2d(F.pad(image, (0, 0, radius, radius), mode="replicate"), kernel[..., None], groups=image.shape[1])


def carry_detail(
    denoised: torch.Tensor, draft: torch.Tensor, visibility: torch.Tensor, *, colours: bool = False
) -> torch.Tensor:
    """Replace the fine detail of a denoised picture by its draft's where the two agree and the flow is sure.

    Where they disagree (the denoiser mended something) or the point was hidden in the photo, the picture stays as it
    is. A draft that is larger than the denoised picture brings the detail of its own size: both are compared at the
    smaller one, and what is not carried is smoothly enlarged.

    Args:
        denoised: (B, 3, h, w) in [-1, 1].
        draft: (B, 3, H, W) in [-1, 1], H and W at least h and w.
        visibility: (B, 1, H, W) in [0, 1].
        colours: whether broad colour and shading come from the draft too, as the photo shows them; else they stay.

    Returns:
        (B, 3, H, W) in [-1, 1].
    """
    sides, small = draft.shape[-2:], denoised.shape[-2:]
    same = sides == small
    shrink = lambda x: x if same else F.interpolate(x, size=small, mode="area")  # noqa: E731
    enlarge = lambda x: x if same else F.interpolate(x, size=sides, mode="bicubic", align_corners=False)  # noqa: E731
    sigma = small[-1] / 64
    smooth_denoised, smooth_draft = gaussian_blur(denoised, sigma), gaussian_blur(shrink(draft), sigma)
    apart = (smooth_denoised - smooth_draft).abs().amax(1, keepdim=True)
    agreement = torch.exp2(-((apart / _TOLERANCE) ** 2))
    weight = gaussian_blur((agreement * shrink(visibility)).clamp(0, 1), sigma / 2)
    broad = enlarge(denoised)
    carried = draft - broad
    if not colours:
        carried = carried - enlarge(smooth_draft - smooth_denoised)
    return (broad + enlarge(weight).clamp(0, 1) * carried).clamp(-1, 1)


def fill_hidden(image: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Replace unknown pixels by smooth means of the known ones around them (pull-push over a pyramid).

    Args:
        image: (B, C, H, W).
        known: (B, 1, H, W) in [0, 1], how far each pixel is to be kept.

    Returns:
        (B, C, H, W), equal to `image` where `known` is 1.
    """
    levels = [(image * known, known)]
    while min(levels[-1][1].shape[-2:]) > 1:
        levels.append(tuple(F.avg_pool2d(part, 2, ceil_mode=True) for part in levels[-1]))
    filled = levels[-1][0] / levels[-1][1].clamp(min=1e-4)
    for colour, weight in reversed(levels[:-1]):
        filled = F.interpolate(filled, size=colour.shape[-2:], mode="bilinear", align_corners=False)
        share = weight.clamp(max=1)
        filled = colour / weight.clamp(min=1e-4) * share + filled * (1 - share)
    return image * known + filled * (1 - known)
