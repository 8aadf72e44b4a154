"""What of a photo is carried into a draft."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.draft.appearance_flow import FlowPrediction
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.relighting import Light
from ragdiffusion.draft.warping import laid, warp
from ragdiffusion.layers import cell_centres

SIDE = 128


@pytest.mark.parametrize("worn", [True, False])
def test_the_rim_of_a_worn_garment_is_not_carried_where_skin_begins(worn: bool) -> None:
    green, skin = torch.tensor([-0.5, 0.5, -0.5]), torch.tensor([0.9, 0.2, 0.0])
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 32:96, 32:96] = 1
    photo = torch.ones(1, 3, SIDE, SIDE)
    photo[..., 32:96, 32:96] = skin[:, None, None]
    photo[..., 33:95, 33:95] = green[:, None, None]  # the mask is a pixel too large
    logits = (mask - 0.5) * 40
    prediction = FlowPrediction(
        levels=(cell_centres(SIDE, like=mask),), visibility=torch.full_like(mask, 9.0), garment=logits
    )
    relight = (lambda draft, *_: Light.as_it_is(draft)) if worn else None
    draft = warp(photo, mask, prediction, GarmentView(mask, relight=relight))
    off = (draft.image - green[:, None, None]).abs().amax(1)[0][mask[0, 0] > 0]
    if worn:
        assert off.max() < 0.05
    else:
        assert off.max() > 0.5


def test_a_garment_that_no_point_leads_to_has_its_own_colour() -> None:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 120:, 40:80] = 1
    photo = torch.full((1, 3, SIDE, SIDE), -0.2)
    photo[..., 120:, 40:80] = 0.7
    landmark = torch.zeros(2, 1, SIDE, SIDE)
    landmark[..., 32:96, 32:96] = 1
    flow = cell_centres(SIDE, like=mask).repeat(2, 1, 1, 1)
    flow[1, 1] = 0.97  # the second's points all lie on it
    image, _ = laid(photo, mask, landmark, flow, torch.ones(2, 1, SIDE, SIDE))
    assert torch.allclose(image[0, :, 40:90, 40:90], torch.tensor(0.7), atol=0.05)
    assert torch.allclose(image[1, :, 60:90, 50:70], torch.tensor(0.7), atol=0.05)
