"""What a photo hides of a garment, completed from the cloth around it.

Legs end at the frame, a top is tucked in, a hand lies on a skirt. Broad colour goes on from the nearest cloth that is
seen above, below and beside, as fading and stripes do, and from the other side, as sleeves and yokes are alike; it
gives way to the colour of all around with distance. A print goes on as in a mirror at the edge of what is seen, or as
the other side has it. Of plain cloth that would repeat seams and wrinkles; its grain goes on as chance would have it,
as strong and as coarse as it is seen (random phase: Galerne, Gousseau, Morel 2011). What is a print is told by its
tones: they lie in two heaps, and a wrinkle's run into each other (Otsu 1979).
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ragdiffusion.draft.detail import fill_hidden, gaussian_blur

_SIDE = 256  # at which all but the grain is found, pixels at most
_BROAD = 1 / 64  # of the side: sigma from which colour is broad, and below which it is grain
_SHARE = 0.3  # of the side: distance at which the colour of all around counts as much as the nearest cloth
_MIRROR = 0.06  # of the side: a place's mirror image counts as cloth at this distance
_GRAIN = 0.1  # of the side: depth of the cloth whose grain goes on, to and fro
_MOST = 0.5  # share of a garment that is seen, below which what is completed is told of
_LOUD = 3.0  # times the usual deviation: what differs more is no grain of cloth
_FINE, _FINEST = 0.2, 0.8  # times that sigma, and pixels: what is coarser in plain cloth is a wrinkle or a seam
_QUIET = 2.0  # times its usual deviation: what differs more is no grain of plain cloth
_PLAIN, _PRINT = 0.65, 0.71  # share of the variance of tones that lies between two heaps: plain cloth, a print
_FEWEST = 100  # pixels from which tones are told apart
_HEAPS = (0.1, 0.9)  # least and greatest share of the pixels in the first

KNOWN = 0.5
"""Share of a pixel that is to be kept from which on it counts as seen."""


def completed_notes(seen: float) -> tuple[str, ...]:
    """What a person should be told of a garment of which the photo shows a share: a line where that is below a half."""
    if seen >= _MOST:
        return ()
    return (f"{1 - seen:.0%} of it is not seen in the photo, and completed from its own cloth",)


def complete(image: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Replace unknown pixels by what goes on from known ones.

    Args:
        image: (B, C, S, S).
        known: (B, 1, S, S) in [0, 1], how far each pixel is to be kept.

    Returns:
        (B, C, S, S), equal to `image` where `known` is 1.
    """
    side = min(image.shape[-1], _SIDE)
    shrunk = lambda x: x if x.shape[-1] == side else F.interpolate(x, size=(side, side), mode="area")  # noqa: E731
    enlarged = (
        lambda x: (  # noqa: E731
            x
            if x.shape == image.shape
            else F.interpolate(x, size=image.shape[-2:], mode="bilinear", align_corners=False)
        )
    )
    share = shrunk(known)
    small = shrunk(image * known) / share.clamp(min=1e-4)
    seen = share > KNOWN
    if not bool(seen.any()):
        return fill_hidden(image, known)
    sigma = max(1.0, side * _BROAD)
    smooth = _smoothed(small, share, sigma)
    colour, source = _from_nearest(smooth, seen, fill_hidden(small, share))
    colour = gaussian_blur(torch.where(seen, smooth, colour), sigma)
    kept = known > KNOWN
    detail = _grain(image - enlarged(smooth), kept)
    printed = _printed(small - smooth, seen)
    plain = _scattered(detail, kept, max(_FINEST, sigma * image.shape[-1] / side * _FINE))
    grain = printed * _taken(detail, source) + (1 - printed) * plain
    return image * known + (enlarged(colour) + grain) * (1 - known)


def _smoothed(image: torch.Tensor, share: torch.Tensor, sigma: float) -> torch.Tensor:
    """The local mean of what is seen, of an image (B, C, S, S) and its share of each pixel (B, 1, S, S)."""
    return gaussian_blur(image * share, sigma) / gaussian_blur(share, sigma).clamp(min=1e-4)


def _grain(detail: torch.Tensor, seen: torch.Tensor, loudest: float = _LOUD) -> torch.Tensor:
    """The detail of seen cloth, nothing of which is louder than so many times the usual: (B, C, S, S)."""
    detail = detail * seen
    usual = (detail.abs().flatten(2).sum(2) / seen.flatten(2).sum(2).clamp(min=1))[..., None, None]
    return detail.clamp(-loudest * usual, loudest * usual)


def _scattered(detail: torch.Tensor, seen: torch.Tensor, sigma: float) -> torch.Tensor:
    """A texture with the spectrum of seen detail finer than `sigma`, and nothing of its places: (B, C, S, S)."""
    detail = _grain(detail - _smoothed(detail, seen.to(detail), sigma), seen, _QUIET)
    chance = torch.Generator().manual_seed(0)
    noise = torch.randn(seen.shape[-2:], generator=chance).to(detail)
    count = seen.flatten(2).sum(2).clamp(min=1)[..., None, None]
    mixed = torch.fft.rfft2(detail) * torch.fft.rfft2(noise)
    return torch.fft.irfft2(mixed, s=tuple(detail.shape[-2:])) / count.sqrt()


def _printed(detail: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """How far cloth is printed, 0 plain to 1: (B, 1, 1, 1).

    Args:
        detail: (B, C, S, S), without broad colour.
        seen: bool (B, 1, S, S).
    """
    shares = torch.stack([_between_heaps(one[:, there]) for one, there in zip(detail, seen[:, 0], strict=True)])
    return ((shares - _PLAIN) / (_PRINT - _PLAIN)).clamp(0, 1)[:, None, None, None]


def _between_heaps(tones: torch.Tensor) -> torch.Tensor:
    """The greatest share of the variance of tones (C, N), along their main direction, that two heaps explain: ()."""
    count = tones.shape[1]
    if count < _FEWEST:
        return tones.new_zeros(())
    tones = tones - tones.mean(1, keepdim=True)
    _, directions = torch.linalg.eigh(tones @ tones.T)
    along = (directions[:, -1] @ tones).sort().values
    first = torch.arange(1, count, device=along.device)
    below = along.cumsum(0)[:-1] / first
    above = (along.sum() - below * first) / (count - first)
    between = first * (count - first) / count**2 * (below - above) ** 2
    low, high = (round(share * count) for share in _HEAPS)
    return between[low:high].max() / along.var().clamp(min=1e-8)


def _from_nearest(smooth: torch.Tensor, seen: torch.Tensor, around: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the nearest seen pixels of each row and column, and of the other side, say of all others.

    Args:
        smooth: (B, C, S, S), the broad colour of what is seen.
        seen: bool (B, 1, S, S).
        around: (B, C, S, S), the colour that counts where nothing is near.

    Returns:
        (B, C, S, S), their colours; and (B, 2, S, S), (x, y) of the pixel whose grain goes on.
    """
    side = seen.shape[-1]
    total = torch.full(seen.shape, 1 / (side * _SHARE) ** 2, device=smooth.device, dtype=smooth.dtype)
    colour = around * total
    rows, columns = torch.meshgrid(*(torch.arange(side, device=seen.device),) * 2, indexing="ij")
    source = torch.stack([columns, rows])[None].expand(len(seen), -1, -1, -1)
    nearest = torch.full_like(total, float("inf"))
    for axis, place in ((2, rows), (3, columns)):
        for forth in (True, False):
            edge, away = _nearest(seen, place.expand(seen.shape), axis, forth)
            there = (edge >= 0) & (edge < side)
            edge = edge.clamp(0, side - 1)
            weight = torch.where(there, 1 / away.clamp(min=1) ** 2, 0).to(total)
            total = total + weight
            colour = colour + weight * smooth.gather(axis, edge.expand(-1, smooth.shape[1], -1, -1))
            back = _to_and_fro(away - 1, max(1, round(side * _GRAIN)))
            inner = (edge - back if forth else edge + back).clamp(0, side - 1)
            nearer = there & (away < nearest)
            nearest = torch.where(nearer, away.to(nearest), nearest)
            moved = [columns.expand_as(inner), inner] if axis == 2 else [inner, rows.expand_as(inner)]
            source = torch.where(nearer, torch.cat(moved, 1), source)
    mirrored = seen.flip(3)
    weight = mirrored / (side * _MIRROR) ** 2
    source = torch.where(mirrored & (nearest > side * _MIRROR), torch.stack([side - 1 - columns, rows])[None], source)
    return (colour + weight * smooth.flip(3)) / (total + weight), source


def _nearest(seen: torch.Tensor, place: torch.Tensor, axis: int, forth: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Index and distance of the nearest seen pixel before (forth) or behind each along an axis; past the rim: none."""
    if forth:
        edge = torch.where(seen, place, -1).cummax(axis).values
        return edge, place - edge
    edge = torch.where(seen, place, seen.shape[axis]).flip(axis).cummin(axis).values.flip(axis)
    return edge, edge - place


def _to_and_fro(steps: torch.Tensor, depth: int) -> torch.Tensor:
    """How far inside one is after so many steps that turn back at a depth and at the edge."""
    steps = steps.clamp(min=0) % (2 * depth)
    return torch.minimum(steps, 2 * depth - steps)


def _taken(image: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """What an image shows at places of pixels that may be coarser: (B, C, S, S), (B, 2, s, s) -> (B, C, S, S)."""
    places = (source.to(image) + 0.5) * (2 / source.shape[-1]) - 1
    if source.shape[-1] != image.shape[-1]:
        places = F.interpolate(places, size=image.shape[-2:], mode="bilinear", align_corners=False)
    return F.grid_sample(image, places.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)
