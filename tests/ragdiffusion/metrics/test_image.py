"""Measures of pictures against small ones worked out by hand and a trusted library."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ragdiffusion.metrics.image import align_by_box, foreground_of, mask_iou, psnr, ssim


def test_iou_by_hand() -> None:
    first = torch.tensor([[[1.0, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 0], [0, 0]]])
    second = torch.tensor([[[1.0, 0.4], [0.9, 0]], [[0, 0.5], [0, 0]], [[0, 1], [0, 0]]])
    assert mask_iou(first, second).tolist() == [pytest.approx(1 / 3), 1, 0]
    with pytest.raises(ValueError, match=r"\(B, H, W\)"):
        mask_iou(first, second[:1])


def test_foreground_fills_holes_and_leaves_bays() -> None:
    image = torch.ones(1, 3, 9, 9)
    image[:, 0, 1:8, 1:8] = 0.0  # one channel is enough
    image[:, :, 3:5, 3:5] = 1.0  # a white print
    image[:, :, 6:, 3:5] = 1.0  # a gap between legs, open to the rim
    wanted = torch.zeros(1, 9, 9)
    wanted[:, 1:8, 1:8] = 1
    wanted[:, 6:, 3:5] = 0
    torch.testing.assert_close(foreground_of(image), wanted)


@pytest.mark.parametrize("level", [0.0, 0.85])
def test_an_antialiased_outline_is_cut_at_its_half(level) -> None:
    ramp = torch.tensor([0, 0, 0.1, 0.4, 0.6, 0.9, 1, 1, 1, 1])  # the share of garment in a pixel
    share = torch.cat([ramp, ramp.flip(0)])
    image = (1 - 2 * (1 - level) * torch.minimum(share[:, None], share))[None, None].expand(-1, 3, -1, -1)
    torch.testing.assert_close(foreground_of(image)[0], ((share > 0.5)[:, None] & (share > 0.5)).float())


def test_foreground_threshold_and_rim() -> None:
    image = torch.ones(2, 3, 4, 4)
    image[0] -= 2 * 0.02  # nearly white all over
    image[1] -= 2 * 0.04  # grey all over, up to the rim
    assert foreground_of(image).flatten(1).sum(1).tolist() == [0, 16]
    assert foreground_of(image, threshold=0.01).flatten(1).sum(1).tolist() == [16, 16]


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    first = torch.rand(2, 3, 24, 31, generator=draw) * 2 - 1
    return first, (first + 0.3 * torch.randn(2, 3, 24, 31, generator=draw)).clamp(-1, 1)


def test_ssim_and_psnr_are_scikit_images(pictures) -> None:
    first, second = pictures
    wanted = [
        structural_similarity(
            x, y, channel_axis=0, data_range=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip((first.double() + 1).numpy(), (second.double() + 1).numpy(), strict=True)
    ]
    assert ssim(first, second).tolist() == pytest.approx(wanted, abs=1e-6)
    wanted = [
        peak_signal_noise_ratio(x, y, data_range=2)
        for x, y in zip(first.double().numpy(), second.double().numpy(), strict=True)
    ]
    assert psnr(first, second).tolist() == pytest.approx(wanted, abs=1e-6)
    assert ssim(first, first).tolist() == pytest.approx([1, 1]) and psnr(first, first).tolist() == [float("inf")] * 2


def test_ssim_and_psnr_refuse(pictures) -> None:
    first, second = pictures
    for metric in (ssim, psnr):
        with pytest.raises(ValueError, match="of one shape wanted"):
            metric(first, second[:1])
    with pytest.raises(ValueError, match="11 x 11 at least"):
        ssim(first[..., :10, :], second[..., :10, :])


def test_a_moved_and_stretched_garment_is_brought_back_by_its_box() -> None:
    red = torch.tensor([1.0, -1, -1])[:, None, None]
    image, target = torch.ones(1, 3, 32, 32), torch.zeros(1, 32, 32)
    image[0, :, 4:12, 2:18] = red  # 16 wide, 8 high
    target[0, 8:24, 16:24] = 1  # 8 wide, 16 high
    aligned = align_by_box(image, (image[:, 1] < 0).float(), target)
    assert ((aligned[:, 1] < 0).float() == target).all()
    torch.testing.assert_close(aligned[0, :, 10:22, 18:22], red.expand(3, 12, 4))
    assert (aligned[0, :, :6] == 1).all(), "white all around"


def test_alignment_leaves_a_garment_in_its_place_and_an_empty_picture_alone(pictures) -> None:
    image = pictures[0]
    mask = torch.zeros(2, 24, 31)
    mask[0, 3:20, 5:9] = 1
    torch.testing.assert_close(align_by_box(image, mask, mask), image, atol=1e-5, rtol=0)
    assert torch.equal(align_by_box(image, torch.zeros_like(mask), mask), image)
