"""Finished pictures at any size: crisp outlines, the photo's own detail, nothing sharper than the photo."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.draft.appearance_flow import FlowPrediction, cell_centres
from ragdiffusion.draft.detail import gaussian_blur
from ragdiffusion.draft.warping import DraftTensors
from ragdiffusion.generation.finishing import MAX_SIZE, compose, enlarge_landmark, largest_size, source_side


def _disc(size: int, radius: float) -> torch.Tensor:
    """A disc antialiased by averaging 8 x 8 samples a pixel."""
    place = cell_centres(8 * size, like=torch.zeros(1))
    return F.avg_pool2d((place.square().sum(1, keepdim=True) < radius**2).float(), 8)


def test_limits() -> None:
    assert [largest_size(side, 256) for side in (100, 256, 700, 9000)] == [256, 256, 700, MAX_SIZE]


@pytest.mark.parametrize("size", [128, 150, 256])
def test_an_enlarged_outline_is_the_true_one_and_crisp(size: int) -> None:
    found, wanted = enlarge_landmark(_disc(64, 0.7), size), _disc(size, 0.7)
    apart = (found - wanted).abs()
    assert apart.mean() < 0.003 and found.mean() == pytest.approx(float(wanted.mean()), rel=0.01)
    soft = lambda mask: float(((mask > 0.02) & (mask < 0.98)).float().mean())  # noqa: E731
    assert soft(found) < 1.8 * soft(wanted), "the soft edge is no wider than antialiasing needs"
    assert soft(F.interpolate(_disc(64, 0.7), size=(size, size), mode="bicubic")) > 2.2 * soft(wanted) * size / 256


def test_stairs_of_a_one_bit_outline_are_rounded_off() -> None:
    rows = torch.arange(64)
    mask = (torch.arange(64)[None] < 20 + rows[:, None] // 8).float()[None, None]  # an edge that steps every 8 rows
    large = enlarge_landmark(mask, 256)
    steps = large[0, 0].sum(1).diff()
    assert steps.sum() == pytest.approx(28, abs=1) and steps.max() < 2, "4 pixels at once would be a stair"


def test_narrow_strips_gaps_and_sheer_cloth_survive() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:60, 10:50] = 1
    mask[..., 4:20, 30] = 1  # a strap one pixel wide
    mask[..., 30:50, 20] = 0  # a gap
    mask[..., 25:35, 30:45] = 0.4  # lace
    large = enlarge_landmark(mask, 256)
    assert large[0, 0, 30:70, 120:124].mean() > 0.8 and large[0, 0, 130:190, 80:84].mean() < 0.2
    assert large[0, 0, 30:70, 110:116].max() < 0.05
    torch.testing.assert_close(large[0, 0, 110:130, 130:170], torch.full((20, 40), 0.4), atol=0.01, rtol=0)


def test_a_landmark_that_is_not_enlarged_stays_to_the_pixel() -> None:
    soft = _disc(64, 0.7) * 0.8
    assert torch.equal(enlarge_landmark(soft, 64), soft)


def _flow(share: float) -> torch.Tensor:
    return cell_centres(16, like=torch.zeros(1)) * share


@pytest.mark.parametrize(("share", "wanted"), [(1.0, 400), (0.5, 800), (0.25, 1000), (2.0, 200)])
def test_the_photo_is_taken_at_the_size_where_its_pixels_are_the_pictures(share: float, wanted: int) -> None:
    found = source_side(_flow(share), torch.ones(1, 1, 32, 32), size=400, photo_side=1000)
    assert found == pytest.approx(wanted, abs=1)


def test_an_empty_landmark_or_a_flow_that_collapsed_still_have_a_size() -> None:
    assert source_side(_flow(0.5), torch.zeros(1, 1, 32, 32), size=400, photo_side=1000) == 400
    assert source_side(_flow(0.0), torch.ones(1, 1, 32, 32), size=400, photo_side=1000) == 1000


@pytest.fixture
def cloth(randn) -> torch.Tensor:
    """A garment's picture without its outline, 256 x 256."""
    broad = F.interpolate(randn(1, 3, 4, 4), size=256, mode="bicubic") * 0.2
    return (broad + 0.2 * randn(1, 3, 256, 256)).clamp(-1, 1)


def _draft(cloth: torch.Tensor, landmark: torch.Tensor, visible: torch.Tensor) -> DraftTensors:
    return DraftTensors(
        image=cloth * landmark + (1 - landmark),
        visibility=visible * landmark,
        prediction=FlowPrediction((torch.zeros(1, 2, 8, 8),), torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 16, 16)),
    )


def test_seen_detail_is_the_photos_and_hidden_detail_the_enlarged_base(cloth) -> None:
    small, landmark = _disc(64, 0.8), _disc(256, 0.8)
    denoised = F.interpolate(cloth, size=64, mode="area")
    visible = torch.ones(1, 1, 256, 256)
    visible[..., 128:] = 0
    ghost = cloth.clone()
    ghost[..., 128:] = -1.0  # an occluder that the draft failed to fill
    out = compose(denoised, _draft(ghost, landmark, visible), small, landmark)
    inside = (landmark > 0.99).expand_as(out)
    seen, hidden = inside.clone(), inside.clone()
    seen[..., 100:], hidden[..., :160] = False, False
    base = F.interpolate(denoised, size=256, mode="bicubic")
    # Near an edge of visibility or outline both mix, so means are compared.
    assert (out - cloth)[seen].abs().mean() < 0.35 * (base - cloth)[seen].abs().mean()
    assert (out - base)[hidden].abs().mean() < 0.02 < 0.3 < (ghost - base)[hidden].abs().mean()


def test_no_rim_of_the_background_and_white_all_around(cloth) -> None:
    """A decoder mixes white into the garment's edge; a dark garment must stay dark up to a crisp outline."""
    small, landmark = _disc(64, 0.7), _disc(256, 0.7)
    dark = torch.full_like(cloth, -0.8)
    denoised = gaussian_blur(F.interpolate(dark, size=64) * small + (1 - small), 0.5)
    out = compose(denoised, _draft(dark, landmark, torch.zeros(1, 1, 256, 256)), small, landmark)
    assert (out[(landmark == 0).expand_as(out)] == 1).all()
    edge = (landmark == 1) & (-F.max_pool2d(-landmark, 9, 1, 4) < 1)
    assert out[edge.expand_as(out)].max() < -0.6


def test_it_is_never_sharper_than_the_photo(cloth) -> None:
    """Over a smooth photo the picture is as smooth, even where the base is rough."""
    landmark = torch.ones(1, 1, 256, 256)
    smooth = gaussian_blur(cloth, 6)
    rough = F.interpolate(smooth, size=64, mode="area")
    rough = (rough + 0.05 * torch.randn(rough.shape, generator=torch.Generator().manual_seed(1))).clamp(-1, 1)
    out = compose(rough, _draft(smooth, landmark, landmark), F.interpolate(landmark, size=64), landmark)
    fine = lambda x: float((x - gaussian_blur(x, 2)).abs().mean())  # noqa: E731
    assert fine(out) < 0.1 * fine(F.interpolate(rough, size=256, mode="bicubic")) + fine(smooth)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5])
def test_a_landmark_of_no_full_pixel_gives_finite_ones(cloth, value: float) -> None:
    small, landmark = torch.full((1, 1, 64, 64), value), torch.full((1, 1, 256, 256), value)
    denoised = F.interpolate(cloth, size=64, mode="area")
    out = compose(denoised, _draft(cloth, landmark, torch.ones_like(landmark)), small, landmark)
    assert bool(torch.isfinite(out).all())
    assert (out - (cloth * value + 1 - value)).abs().mean() < 0.02
