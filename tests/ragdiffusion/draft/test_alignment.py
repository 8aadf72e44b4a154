"""Alignment of silhouettes: known turns, scales and shifts are found again; empty masks leave the identity."""

from __future__ import annotations

import math

import pytest
import torch

from ragdiffusion.draft.alignment import align
from ragdiffusion.draft.appearance_flow import cell_centres


def _shirt(maps: torch.Tensor | None = None, size: int = 128) -> torch.Tensor:
    """A body with two sleeves, one lower than the other; given maps (2, 3), as they take it into a photo."""
    positions = cell_centres(size, like=torch.zeros(()))[0]
    if maps is not None:  # from the photo's positions back to the shirt's
        positions = torch.einsum("ij,jhw->ihw", maps[:, :2].inverse(), positions - maps[:, 2, None, None])
    x, y = positions
    body = (x.abs() < 0.3) & (y.abs() < 0.6)
    sleeves = (x.abs() < 0.65) & (y > -0.6 + 0.1 * (x > 0)) & (y < -0.25)
    return (body | sleeves).float()[None, None]


@pytest.mark.parametrize(
    ("angle", "scale", "shift"),
    [
        (0, 1.0, (0.0, 0.0)),
        (0, 0.6, (0.3, -0.2)),
        (14, 0.8, (-0.1, 0.15)),
        (-40, 0.7, (0.0, 0.1)),
    ],
)
def test_a_turned_scaled_and_shifted_garment_is_found(angle, scale, shift):
    turn = math.radians(angle)
    wanted = torch.tensor(
        [
            [scale * math.cos(turn), -scale * math.sin(turn), shift[0]],
            [scale * math.sin(turn), scale * math.cos(turn), shift[1]],
        ]
    )
    found = align(_shirt(), _shirt(wanted))
    assert found.shape == (1, 2, 3)
    corners = torch.tensor([[-0.65, -0.6, 1], [0.65, -0.5, 1], [0.3, 0.6, 1], [-0.3, 0.6, 1]])
    # 0.03 of the half side: four pixels of 256
    assert (corners @ (found[0] - wanted).T).norm(dim=1).max() < 0.03


def test_each_landmark_gets_its_own_map_from_one_photo():
    photo = _shirt(torch.tensor([[0.7, 0.0, 0.1], [0.0, 0.7, 0.0]]))
    wide = _shirt(torch.tensor([[1.3, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    together = align(torch.cat([_shirt(), wide]), photo)
    torch.testing.assert_close(together[:1], align(_shirt(), photo), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together[1:], align(wide, photo), atol=1e-5, rtol=1e-5)
    assert together[1, 0, 0] < 0.92 * together[0, 0, 0]  # the wider landmark takes the photo in narrower


def test_an_empty_mask_leaves_the_identity():
    nothing = torch.zeros(1, 1, 64, 64)
    for landmark, photo in ((nothing, _shirt()), (_shirt(), nothing), (nothing, nothing)):
        assert torch.equal(align(landmark, photo), torch.eye(2, 3)[None])
    assert align(torch.ones(1, 1, 64, 64), torch.ones(1, 1, 64, 64)).isfinite().all()
