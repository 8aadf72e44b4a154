"""A photo warped into landmarks by the appearance flow, what is hidden in it filled from around."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ragdiffusion.draft.appearance_flow import AppearanceFlow, FlowPrediction, sample_at
from ragdiffusion.draft.completion import KNOWN, complete
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.relighting import Light, relit
from ragdiffusion.layers import shrunk

_SURE = 1e-4  # a mask that is brought along is doubted so much: its logits stay finite
_RIM = 1 / 128  # of the photo's side: how much of a worn garment's rim is not carried, as skin and others begin there
_HIDDEN, _SEEN = 0.6, 0.9  # visibility up to which a draft's pixel is filled, and from which it is kept


@dataclass(frozen=True)
class DraftTensors:
    """A photo warped into landmarks by the appearance flow.

    Attributes:
        image: (B, 3, H, W) in [-1, 1], on white; what is hidden in the photo is filled from around it.
        visibility: (B, 1, H, W) in [0, 1]: the point is seen in the photo; zero outside the landmark.
        prediction: what the appearance flow said.
        light: that the image was relit by; None: it has the photo's.
    """

    image: torch.Tensor
    visibility: torch.Tensor
    prediction: FlowPrediction
    light: Light | None = None


def seen_share(visibility: torch.Tensor, landmark: torch.Tensor) -> torch.Tensor:
    """Share of each landmark that the photo shows: visibility and landmark (B, 1, H, W) in [0, 1] -> (B,)."""
    seen = _kept(visibility / landmark.clamp(min=_SURE)) * landmark
    return seen.flatten(1).sum(1) / landmark.flatten(1).sum(1).clamp(min=_SURE)


@torch.no_grad()
def find_flow(
    net: AppearanceFlow, photo: torch.Tensor, landmark: torch.Tensor, garment: GarmentView | None = None
) -> FlowPrediction:
    """Find where the points of landmarks lie in a photo.

    Args:
        net: that finds it.
        photo: (1 or B, 3, H, W) in [-1, 1].
        landmark: (B, 1, S, S) in [0, 1].
        garment: the photo's garment; None: the flow finds it itself.
    """
    size = (net.config.input_size,) * 2
    start, found = None, None
    if garment is not None:
        found = torch.logit(F.interpolate(garment.mask.float(), size=size, mode="area"), eps=_SURE)
        start = None if garment.place is None else garment.place(landmark)
    return net(
        F.interpolate(photo, size=size, mode="area"),
        F.interpolate(landmark, size=size, mode="area"),
        start,
        found,
    )


@torch.no_grad()
def warp(
    photo: torch.Tensor,
    landmark: torch.Tensor,
    prediction: FlowPrediction,
    garment: GarmentView | None = None,
    light: Light | None = None,
) -> DraftTensors:
    """Warp a photo into landmarks by a flow that was found for them, at any size.

    Args:
        photo: (1 or B, 3, h, w) in [-1, 1], of any size: its pixels are taken.
        landmark: (B, 1, S, S) in [0, 1]; the draft comes at this size.
        prediction: of `find_flow`.
        garment: as `find_flow` was told; a draft is relit as it says.
        light: that was found for the same draft at another size; None: it is found anew.
    """
    sides = landmark.shape[-2:]
    flow = F.interpolate(prediction.flow, size=sides, mode="bicubic", align_corners=False)
    visible = F.interpolate(prediction.visibility.float().sigmoid(), size=sides, mode="bilinear", align_corners=False)
    relight = None if garment is None else garment.relight
    mask = prediction.garment.float().sigmoid()
    image, visible = laid(photo, mask, landmark, flow, visible, rim=0.0 if relight is None else _RIM)
    if relight is None:
        return DraftTensors(image, visible, prediction)
    light = relight(image, landmark, visible) if light is None else light
    return DraftTensors(relit(image, landmark, light), visible, prediction, light)


def laid(
    photo: torch.Tensor,
    garment: torch.Tensor,
    landmark: torch.Tensor,
    flow: torch.Tensor,
    visible: torch.Tensor,
    *,
    rim: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay a photo's cloth into landmarks, what is hidden filled from around it.

    Args:
        photo: (1 or B, 3, h, w) in [-1, 1].
        garment: (1 or B, 1, h', w') in [0, 1], its mask on the photo.
        landmark: (B, 1, H, W) in [0, 1].
        flow: (B, 2, H, W) in [-1, 1] of the photo.
        visible: (B, 1, H, W) in [0, 1].
        rim: of the photo's side: how much of the mask's rim is not carried, a pixel of it at least; 0 for none.

    Returns:
        The picture, (B, 3, H, W) in [-1, 1], on white; and its visibility, (B, 1, H, W), zero outside the landmark.
    """
    count = len(landmark)
    # A point that the flow puts beside the photo's garment shows background: as good as hidden.
    inner = shrunk(garment, max(1, round(rim * garment.shape[-1]))) if rim else garment
    visible = visible * sample_at(inner.expand(count, -1, -1, -1), flow)
    known = _kept(visible) * (landmark > 0)
    cloth = complete(sample_at(photo.expand(count, -1, -1, -1), flow), known)
    nothing = (known <= KNOWN).flatten(1).all(1)  # no way leads to the garment: all that is known is its colour
    if bool(nothing.any()):
        cloth = torch.where(nothing[:, None, None, None], _mean_colour(photo, garment), cloth)
    return cloth * landmark + (1 - landmark), visible * landmark


def _mean_colour(photo: torch.Tensor, garment: torch.Tensor) -> torch.Tensor:
    """The mean colour of a photo (B, 3, h, w) within a mask (B, 1, h', w'): (B, 3, 1, 1)."""
    small = F.interpolate(photo, size=garment.shape[-2:], mode="area").double()  # the sum is the same in any batch
    colour = (small * garment).sum((2, 3), keepdim=True) / garment.double().sum((2, 3), keepdim=True).clamp(min=1e-4)
    return colour.to(photo)


def _kept(visible: torch.Tensor) -> torch.Tensor:
    """How far pixels of a visibility are kept, in [0, 1]; the rest of each is filled."""
    return ((visible - _HIDDEN) / (_SEEN - _HIDDEN)).clamp(0, 1)
