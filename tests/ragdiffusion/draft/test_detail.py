"""What becomes of a draft's pixels: detail is carried where the two agree, hidden ones are filled."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.draft.detail import carry_detail, fill_hidden, gaussian_blur


@pytest.fixture
def picture(randn) -> torch.Tensor:
    smooth = torch.nn.functional.interpolate(randn(2, 3, 4, 4), size=64, mode="bicubic")
    return (0.3 * smooth + 0.1 * randn(2, 3, 64, 64)).clamp(-1, 1)


@pytest.fixture
def seen() -> torch.Tensor:
    return torch.ones(2, 1, 64, 64)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.3])
def test_the_blur_is_opencvs(picture, sigma):
    side = 2 * max(1, round(3 * sigma)) + 1
    image = picture[0].permute(1, 2, 0).numpy()
    wanted = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(gaussian_blur(picture, sigma)[0].permute(1, 2, 0).numpy(), wanted, atol=1e-5)


def test_a_draft_equal_to_the_picture_changes_nothing(picture, seen):
    assert torch.equal(carry_detail(picture, picture, seen), picture)


def test_an_invisible_draft_changes_nothing(picture, seen, randn):
    assert torch.equal(carry_detail(picture, randn(2, 3, 64, 64).clamp(-1, 1), 0 * seen), picture)


def test_detail_is_carried_where_both_agree_and_seen_only_there(picture, seen):
    denoised = gaussian_blur(picture, 1.0)  # what a weak denoiser leaves of it
    seen[..., 40:] = 0
    sharp = carry_detail(denoised, picture, seen)
    before, after = (denoised - picture)[..., :32].abs().mean(), (sharp - picture)[..., :32].abs().mean()
    assert after < 0.4 * before
    assert torch.equal(sharp[..., 48:], denoised[..., 48:])


def test_colours_are_carried_only_where_they_are_wanted(picture, seen):
    denoised = (gaussian_blur(picture, 1.0) + 0.04).clamp(-1, 1)  # its colours are a little off
    stays, comes = carry_detail(denoised, picture, seen), carry_detail(denoised, picture, seen, colours=True)
    assert float((stays - picture).mean()) == pytest.approx(0.04, abs=0.005)
    assert (comes - picture).abs().mean() < 0.3 * (stays - picture).abs().mean()


def test_where_they_disagree_the_denoised_picture_stays(seen, randn):
    denoised = torch.full((2, 3, 64, 64), -0.5)
    draft = 0.5 + 0.2 * randn(2, 3, 64, 64)
    torch.testing.assert_close(carry_detail(denoised, draft.clamp(-1, 1), seen), denoised, atol=1e-3, rtol=0)


def test_it_never_leaves_the_range(seen, randn):
    for _ in range(5):
        out = carry_detail(randn(2, 3, 64, 64).sign() * 0.99, randn(2, 3, 64, 64).sign(), seen)
        assert out.abs().max() <= 1


def test_hidden_pixels_are_filled_from_around_them(randn):
    image = torch.full((1, 3, 40, 40), 0.25)
    image[..., 20:] = -0.75
    spoiled, known = image.clone(), torch.ones(1, 1, 40, 40)
    spoiled[..., 15:25, 4:10] = 9.0
    spoiled[..., 15:25, 30:36] = 9.0
    known[..., 15:25, 4:10] = known[..., 15:25, 30:36] = 0
    filled = fill_hidden(spoiled, known)
    kept = known.bool().expand_as(image)
    assert torch.equal(filled[kept], image[kept])
    assert (filled - image).abs().max() < 0.25  # nearest colours weigh most
    torch.testing.assert_close(fill_hidden(spoiled * 0 + 0.4, known), torch.full_like(image, 0.4))
    noise = randn(1, 3, 37, 23)
    known = (randn(1, 1, 37, 23) > 0.8).float()
    filled = fill_hidden(noise * known + 100 * (1 - known), known)
    inside = noise[known.bool().expand_as(noise)]
    assert inside.min() - 1e-4 <= filled.min() and filled.max() <= inside.max() + 1e-4
