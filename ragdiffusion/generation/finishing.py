"""The finished picture at the model's size or up to the photo's own: the draft where it can be trusted.

Where the denoised picture agrees with the draft and the flow is sure, the photo's own pixels stand; the rest is the
denoiser's. Nothing is sharpened: what the photo does not show at that size is as smooth as the enlarged base.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from ragdiffusion.draft.appearance_flow import FlowPrediction
from ragdiffusion.draft.detail import carry_detail, fill_hidden, gaussian_blur
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.relighting import Light
from ragdiffusion.draft.warping import DraftTensors, warp
from ragdiffusion.generation.pipeline import PipelineOutput, RAGDiffusionPipeline
from ragdiffusion.layers import grown, shrunk

MAX_SIZE = 2048
"""Largest side of a finished picture: what a flow of 64 x 64 cells still places well, and fits a laptop's memory."""
SHOWN_SIZE = 1536
"""Largest side of a finished picture where its own size is wanted and no number is named."""
_SOFT_EDGE = 2  # pixels of the small picture: half the width that a landmark's soft edge may have
_MIXED_EDGE = 1  # pixels of the small picture: so far inside the outline a decoder mixes the background in
_EDGE_SIGMA = 0.8  # of the small picture: rounds off the stairs that a 1-bit silhouette leaves in its outline
_OPAQUE = 0.98


def largest_size(photo_side: int, image_size: int) -> int:
    """The largest side that a photo's finished picture may have: its own longer side, as more would show no more.

    Args:
        photo_side: longer side of the photo, pixels.
        image_size: side of the model's pictures, which every photo may have.
    """
    return max(image_size, min(photo_side, MAX_SIZE))


@torch.no_grad()
def finish(
    pipeline: RAGDiffusionPipeline,
    output: PipelineOutput,
    landmark: torch.Tensor,
    photo_at: Callable[[int], torch.Tensor],
    *,
    size: int,
    photo_side: int,
    garment: GarmentView | None = None,
) -> torch.Tensor:
    """Finish a picture.

    Args:
        pipeline: that made it.
        output: of the pipeline, with its draft.
        landmark: (1, 1, h, w) in [0, 1], what it was given.
        photo_at: gives the padded photo at a side, (1, 3, side, side) in [-1, 1].
        size: side of the picture, pixels, from the model's to `largest_size`.
        photo_side: longer side of the photo, pixels.
        garment: as the pipeline was told.

    Returns:
        (B, 3, size, size) in [-1, 1], on white.
    """
    return _finish(
        pipeline,
        output.images,
        output.draft.prediction,
        landmark,
        photo_at,
        size=size,
        photo_side=photo_side,
        garment=garment,
        light=output.draft.light,
        colours=True,
    )


@torch.no_grad()
def enlarge_picture(
    pipeline: RAGDiffusionPipeline,
    picture: torch.Tensor,
    landmark: torch.Tensor,
    photo_at: Callable[[int], torch.Tensor],
    *,
    size: int,
    photo_side: int,
    garment: GarmentView | None = None,
) -> torch.Tensor:
    """Finish a picture that was finished at the model's size once more, larger, without denoising it again.

    Its colours and all that the denoiser mended stay; as in `finish`, detail comes from the photo.

    Args:
        pipeline: with an appearance flow.
        picture: (1, 3, h, w) in [-1, 1], on white.
        landmark: (1, 1, H, W) in [0, 1], what it was given.
        photo_at: as in `finish`.
        size: side of the result, pixels, at least that of the picture.
        photo_side: longer side of the photo, pixels.
        garment: as `RAGDiffusionPipeline.find_flow` takes it.

    Returns:
        (1, 3, size, size) in [-1, 1], on white; the picture itself at its own size.
    """
    if size == picture.shape[-1]:
        return picture
    photo = photo_at(pipeline.config.image_size)
    small = F.interpolate(landmark, size=photo.shape[-2:], mode="bilinear", antialias=True)
    found = pipeline.find_flow(photo, small, garment)
    sides = {"size": size, "photo_side": photo_side}
    return _finish(pipeline, picture, found, landmark, photo_at, **sides, garment=garment, colours=False)


def _finish(
    pipeline: RAGDiffusionPipeline,
    base: torch.Tensor,
    found: FlowPrediction,
    landmark: torch.Tensor,
    photo_at: Callable[[int], torch.Tensor],
    *,
    size: int,
    photo_side: int,
    garment: GarmentView | None,
    light: Light | None = None,
    colours: bool,
) -> torch.Tensor:
    small = F.interpolate(landmark, size=base.shape[-2:], mode="bilinear", antialias=True)
    large = enlarge_landmark(landmark, size)
    side = source_side(found.flow, landmark, size=size, photo_side=photo_side)
    return compose(base, warp(photo_at(side), large, found, garment, light), small, large, colours=colours)


def enlarge_landmark(landmark: torch.Tensor, size: int) -> torch.Tensor:
    """Enlarge a landmark so that its outline is smooth and as sharp as the larger grid allows.

    An antialiased mask tells where the outline runs between its pixels, so the enlarged mask is cut steeply at a
    half, wherever opaque and clear lie close together. Elsewhere (sheer cloth, lines too thin to be opaque) it
    stays smooth. Where nothing is enlarged the landmark is taken as it is.

    Args:
        landmark: (B, 1, h, w) in [0, 1].
        size: side of the result, pixels, at least h and w.

    Returns:
        (B, 1, size, size) in [0, 1].
    """
    sides = landmark.shape[-2:]
    if max(sides) >= size:
        return landmark
    edge = ((grown(landmark, _SOFT_EDGE) > 0.9) & (shrunk(landmark, _SOFT_EDGE) < 0.1)).to(landmark.dtype)
    enlarge = lambda x, mode: F.interpolate(x, size=(size, size), mode=mode, align_corners=False)  # noqa: E731
    scale = size / max(sides)
    plain = enlarge(landmark, "bicubic").clamp(0, 1)
    even = enlarge(gaussian_blur(landmark, _EDGE_SIGMA), "bicubic")
    # What is narrow, cloth or gap, would melt away in the blur that takes the stairs out of an outline.
    opened, closed = grown(shrunk(landmark, 1), 1), shrunk(grown(landmark, 1), 1)
    narrow = ((landmark - opened) > 0.5) | ((closed - landmark) > 0.5)
    narrow = enlarge(grown(narrow.to(landmark.dtype), 1), "bilinear")
    # A blurred straight edge rises by 1 / (2.5 sigma) a pixel; this makes it rise within one of the large grid's.
    crisp = ((even - 0.5) * (2.5 * _EDGE_SIGMA * scale) + 0.5).clamp(0, 1) * (1 - narrow) + (
        (plain - 0.5) * scale + 0.5
    ).clamp(0, 1) * narrow
    edge = enlarge(edge, "bilinear")
    return crisp * edge + plain * (1 - edge)


def source_side(flow: torch.Tensor, landmark: torch.Tensor, *, size: int, photo_side: int) -> int:
    """Side of the padded photo at which one of its pixels makes one of the picture.

    Taken from a larger one, pixels between the picture's would be skipped and fine patterns turn into moiré.

    Args:
        flow: (B, 2, h, w), (x, y) in [-1, 1] of the photo.
        landmark: (B, 1, S, S) in [0, 1].
        size: side of the picture, pixels.
        photo_side: the photo's own longer side, the most that is returned.
    """
    inside = F.interpolate(landmark, size=flow.shape[-2:], mode="area")[:, 0, 1:, 1:] > 0.5
    across, down = flow.diff(dim=3)[:, :, 1:], flow.diff(dim=2)[..., 1:]  # (B, 2, h - 1, w - 1) each
    area = (across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]).abs()[inside]
    if not len(area):
        return min(size, photo_side)
    # The picture's frame as a share of the photo's side.
    share = float(area.median().sqrt()) * flow.shape[-1] / 2
    return max(1, min(photo_side, round(size / max(share, 1e-3))))


def compose(
    denoised: torch.Tensor,
    draft: DraftTensors,
    small_landmark: torch.Tensor,
    landmark: torch.Tensor,
    *,
    colours: bool = True,
) -> torch.Tensor:
    """Put a finished picture together at the draft's size.

    Args:
        denoised: (B, 3, h, w) in [-1, 1], from the decoder.
        draft: at the size wanted, its pixels from a photo of about that size.
        small_landmark: (B, 1, h, w) in [0, 1], what the denoiser obeyed.
        landmark: (B, 1, H, W) in [0, 1], the same at the draft's size.
        colours: as `carry_detail` takes it.

    Returns:
        (B, 3, H, W) in [-1, 1], on white.
    """
    # Both are continued beyond the outline by their own colours: white mixed in there would shine through as a rim.
    opaque = (small_landmark > _OPAQUE * small_landmark.amax((2, 3), keepdim=True)).to(denoised.dtype)
    known = shrunk(opaque, _MIXED_EDGE)
    known = torch.where(known.amax((2, 3), keepdim=True) > 0, known, opaque)  # a landmark of narrow strips
    cloth = fill_hidden(denoised, known)
    laid = (1 - (1 - draft.image) / landmark.clamp(min=0.05)).clamp(-1, 1)
    laid = fill_hidden(laid, (landmark > 0.5 * landmark.amax((2, 3), keepdim=True)).to(laid.dtype))
    visibility = (draft.visibility / landmark.clamp(min=0.05)).clamp(0, 1)
    return carry_detail(cloth, laid, visibility, colours=colours) * landmark + (1 - landmark)
