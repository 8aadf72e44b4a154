"""The appearance flow: half-pixel positions, an identity that can be learned, wrong sizes refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.draft.appearance_flow import AppearanceFlow, cell_centres, follow, sample_at
from ragdiffusion.garments.warps import identity_map, sample


@pytest.fixture
def model() -> AppearanceFlow:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AppearanceFlow(input_size=16, finder_widths=(8, 16), refiner_widths=(8, 16))


def test_cell_centres_by_hand():
    grid = cell_centres(4, like=torch.zeros(()))
    assert grid[0, 0, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]  # x runs along the columns
    assert grid[0, 1, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert grid.shape == (1, 2, 4, 4)


def test_taking_by_the_identity_changes_nothing(randn):
    image = randn(2, 3, 8, 8)
    grid = cell_centres(8, like=image).expand(2, -1, -1, -1)
    torch.testing.assert_close(sample_at(image, grid), image, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(sample_at(image, grid * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)), image.flip(-1))
    shifted = sample_at(image, grid + torch.tensor([2 / 8, 0]).view(1, 2, 1, 1))  # one pixel to the right
    torch.testing.assert_close(shifted[..., :-1], image[..., 1:], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shifted[..., -1], image[..., -1], atol=1e-5, rtol=1e-5)  # the rim goes on
    assert sample_at(image.half(), grid).dtype == torch.float16


def test_places_in_pixels_and_in_units_mean_the_same(randn):
    """The flow of a pair is in pixels; (p + 0.5) * 2 / size - 1 brings it to where `take` looks."""
    size = 12
    backward = identity_map(size) * 0.7 + np.float32([1.3, 2.1])
    image = randn(1, 1, size, size)
    by_opencv = sample(image[0, 0].numpy(), backward)
    unit = torch.from_numpy((backward + 0.5) * (2 / size) - 1).permute(2, 0, 1)[None]
    # OpenCV rounds positions to 1/32 pixel.
    np.testing.assert_allclose(sample_at(image, unit)[0, 0].numpy(), by_opencv, atol=0.08)
    torch.testing.assert_close(
        torch.from_numpy((identity_map(size) + 0.5) * (2 / size) - 1).permute(2, 0, 1)[None],
        cell_centres(size, like=image),
        atol=1e-6,
        rtol=1e-6,
    )


def _square(left: int, top: int, side: int, size: int = 16) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., top : top + side, left : left + side] = 1
    return mask


def test_an_untrained_flow_is_the_map_it_starts_from(model, randn):
    start = torch.tensor([[[0.5, 0.1, 0.2], [-0.1, 0.5, 0.0]]]).expand(2, -1, -1)
    prediction = model(randn(2, 3, 16, 16), torch.rand(2, 1, 16, 16), start)
    assert [level.shape for level in prediction.levels] == [(2, 2, 8, 8)] * 2
    assert prediction.flow is prediction.levels[-1]
    x, y = cell_centres(8, like=torch.zeros(()))[0]
    wanted = torch.stack([0.5 * x + 0.1 * y + 0.2, -0.1 * x + 0.5 * y])
    torch.testing.assert_close(prediction.flow[1], wanted)
    assert prediction.visibility.shape == (2, 1, 8, 8) and prediction.garment.shape == (2, 1, 16, 16)


def test_one_photo_serves_all_landmarks(model, randn):
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.eval()
    photo, landmarks = randn(1, 3, 16, 16), torch.cat([_square(3, 3, 9), _square(5, 2, 8), _square(2, 6, 7)])
    with torch.no_grad():
        together = model(photo, landmarks)
        alone = model(photo, landmarks[1:2])
    torch.testing.assert_close(together.flow[1:2], alone.flow, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together.visibility[1:2], alone.visibility, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together.garment, model.find_garment(photo))


def test_a_displacement_is_learnable(model, randn):
    """Everything lies two pixels to the right of where the start puts it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    wanted = cell_centres(8, like=torch.zeros(())) + torch.tensor([0.25, 0.0]).view(1, 2, 1, 1)
    start = torch.eye(2, 3).expand(4, -1, -1)
    error = []
    for _ in range(100):
        photo = torch.nn.functional.interpolate(randn(4, 3, 4, 4), size=16, mode="bilinear")
        landmark = (randn(4, 1, 16, 16) > 0).float()
        loss = sum((level - wanted).abs().mean() for level in model(photo, landmark, start).levels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        error.append(loss.item())
    assert np.mean(error[-10:]) < 0.25 * error[0]


def test_wrong_sizes_are_refused(model, randn):
    with pytest.raises(ValueError, match=r"photo is \(8, 8\), the appearance flow wants \(16, 16\)"):
        model(randn(1, 3, 8, 8), torch.zeros(1, 1, 16, 16))
    with pytest.raises(ValueError, match=r"landmark is \(16, 8\), the appearance flow wants \(16, 16\)"):
        model(randn(1, 3, 16, 16), torch.zeros(1, 1, 16, 8))
    with pytest.raises(ValueError, match="input_size is 20, a multiple of 8 wanted"):
        AppearanceFlow(input_size=20, finder_widths=(8, 8), refiner_widths=(8, 8))
    with pytest.raises(ValueError, match="refinements is 0, 1 or more wanted"):
        AppearanceFlow(refinements=0)


def test_an_affine_map_and_its_lattice_lead_to_the_same_places(randn):
    affine = torch.tensor([[[0.5, 0.1, 0.2], [-0.1, 0.6, 0.0]], [[-1.0, 0.0, 0.3], [0.2, 1.5, -0.4]]])
    corners = cell_centres(5, like=affine) * (5 / 4)
    nodes = follow(affine, corners.expand(2, -1, -1, -1))
    positions = randn(2, 2, 6, 6)  # a third of them beyond the rim
    torch.testing.assert_close(follow(nodes, positions), follow(affine, positions), atol=1e-5, rtol=1e-5)


def test_a_bent_lattice_by_hand():
    x = torch.tensor([-1.0, 0.5, 1.0]).expand(3, 3)
    nodes = torch.stack([x, torch.tensor([-1.0, 0.0, 1.0])[:, None].expand(3, 3)])[None]
    positions = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [2.0, 0.0], [0.0, -3.0]]).T.reshape(1, 2, 1, 4)
    found = follow(nodes, positions)[0, :, 0].T
    # Within a cell as the cell is; beyond the rim as steep as the whole lattice, from -1 to 1 in two.
    torch.testing.assert_close(found, torch.tensor([[-0.25, 0.0], [0.75, 0.0], [2.0, 0.0], [0.5, -3.0]]))


def test_an_untrained_flow_is_the_lattice_it_starts_from(model, randn):
    nodes = cell_centres(3, like=torch.zeros(())) * 0.75 + randn(2, 2, 3, 3) * 0.1
    prediction = model(randn(2, 3, 16, 16), torch.rand(2, 1, 16, 16), nodes)
    torch.testing.assert_close(prediction.flow, follow(nodes, cell_centres(8, like=nodes).expand(2, -1, -1, -1)))
