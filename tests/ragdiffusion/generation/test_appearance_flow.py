"""The appearance flow: half-pixel places, an identity that can be learned, wrong sizes refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.garments.warps import identity_map, sample
from ragdiffusion.generation.appearance_flow import AppearanceFlow, cell_centres, take


@pytest.fixture
def model() -> AppearanceFlow:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AppearanceFlow(input_size=16, widths=(8, 16), decoder_widths=(16, 8), layers=1, attention_heads=2)


def test_cell_centres_by_hand():
    grid = cell_centres(4, like=torch.zeros(()))
    assert grid[0, 0, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]  # x runs along the columns
    assert grid[0, 1, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert grid.shape == (1, 2, 4, 4)


def test_taking_by_the_identity_changes_nothing(randn):
    image = randn(2, 3, 8, 8)
    grid = cell_centres(8, like=image).expand(2, -1, -1, -1)
    torch.testing.assert_close(take(image, grid), image, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(take(image, grid * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)), image.flip(-1))
    shifted = take(image, grid + torch.tensor([2 / 8, 0]).view(1, 2, 1, 1))  # one pixel to the right
    torch.testing.assert_close(shifted[..., :-1], image[..., 1:], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shifted[..., -1], image[..., -1], atol=1e-5, rtol=1e-5)  # the rim goes on
    assert take(image.half(), grid).dtype == torch.float16


def test_places_in_pixels_and_in_units_mean_the_same(randn):
    """The flow of a pair is in pixels; (p + 0.5) * 2 / size - 1 brings it to where `take` looks."""
    size = 12
    backward = identity_map(size) * 0.7 + np.float32([1.3, 2.1])
    image = randn(1, 1, size, size)
    by_opencv = sample(image[0, 0].numpy(), backward)
    unit = torch.from_numpy((backward + 0.5) * (2 / size) - 1).permute(2, 0, 1)[None]
    # OpenCV rounds places to 1/32 pixel.
    np.testing.assert_allclose(take(image, unit)[0, 0].numpy(), by_opencv, atol=0.08)
    torch.testing.assert_close(
        torch.from_numpy((identity_map(size) + 0.5) * (2 / size) - 1).permute(2, 0, 1)[None],
        cell_centres(size, like=image), atol=1e-6, rtol=1e-6)


def test_an_untrained_flow_stays_within_the_photo_and_every_level_doubles(model, randn):
    prediction = model(randn(2, 3, 16, 16), torch.rand(2, 1, 16, 16))
    assert [level.shape[-1] for level in prediction.levels] == [4, 8]
    assert prediction.flow is prediction.levels[-1]
    assert prediction.flow.abs().max() <= 1  # a mean of cell centres
    assert prediction.visibility.shape == prediction.garment.shape == (2, 1, 8, 8)


def test_the_identity_is_learnable(model, randn):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    wanted = cell_centres(8, like=torch.zeros(()))
    error = []
    for _ in range(120):
        photo = torch.nn.functional.interpolate(randn(4, 3, 4, 4), size=16, mode="bilinear")
        landmark = (randn(4, 1, 16, 16) > 0).float()
        loss = (model(photo, landmark).flow - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        error.append(loss.item())
    # In pixels of the 16-pixel photo: an eighth of a unit is one.
    assert error[0] * 8 > 2 and np.mean(error[-10:]) * 8 < 0.6


def test_wrong_sizes_are_refused(model, randn):
    with pytest.raises(ValueError, match=r"photo is \(8, 8\), the appearance flow wants \(16, 16\)"):
        model(randn(1, 3, 8, 8), torch.zeros(1, 1, 16, 16))
    with pytest.raises(ValueError, match=r"landmark is \(16, 8\), the appearance flow wants \(16, 16\)"):
        model(randn(1, 3, 16, 16), torch.zeros(1, 1, 16, 8))
    with pytest.raises(ValueError, match="must be of one length"):
        AppearanceFlow(input_size=16, widths=(8, 8, 8), decoder_widths=(8, 8))
