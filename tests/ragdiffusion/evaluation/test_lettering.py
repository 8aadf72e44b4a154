"""What lettering loses: letters are known by drawing twice, and a copy's error is counted where they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from ragdiffusion.evaluation.lettering import Pictures, draw_pictures, measure_lettering


class _Copy(nn.Module):
    """An autoencoder whose copies are changed so."""

    def __init__(self, change) -> None:  # noqa: ANN001
        super().__init__()
        self.change = change

    def encode(self, images: torch.Tensor):
        code = type("Code", (), {"mode": lambda _: images})()
        return type("Output", (), {"latent_dist": code})()

    def decode(self, latents: torch.Tensor):
        return type("Output", (), {"sample": self.change(latents)})()


def test_a_copys_error_is_counted_where_the_letters_are(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    letters = np.zeros((2, 32, 32), bool)
    letters[0, 10:14, 12:20] = True
    pictures = Pictures(images, ["a", "b"], letters)
    assert pictures.lettered.tolist() == [True, False]

    def only_letters(latents: torch.Tensor) -> torch.Tensor:
        return latents + 0.2 * torch.from_numpy(letters)[:, None]

    def only_elsewhere(latents: torch.Tensor) -> torch.Tensor:
        return latents + 0.2 * ~torch.from_numpy(letters)[:, None]

    report = measure_lettering({4: _Copy(only_letters), 16: _Copy(only_elsewhere)}, pictures, tmp_path / "sheet.png")
    four, sixteen = report["4_channels"], report["16_channels"]
    assert four["letters_psnr"] == pytest.approx(10 * np.log10(4 / 0.2**2), abs=1e-3)
    assert sixteen["letters_psnr"] > 100  # untouched, but for rounding
    share = letters.mean()
    assert four["psnr"] == pytest.approx(10 * np.log10(4 / (0.2**2 * share)), abs=1e-3)
    assert 0.5 < four["letters_ssim"] < 1 and four["letters_lpips_effnet"] > 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (32, 6 * 32, 3)  # truth and two copies, and the letters of each
    np.testing.assert_array_equal(sheet[:, :32, ::-1], images[0])


def test_a_perfect_copy_is_perfect():
    letters = np.zeros((1, 32, 32), bool)
    letters[0, :2, :2] = True  # at the rim: the box is moved into the picture
    pictures = Pictures(np.full((1, 32, 32, 3), 60, np.uint8), ["a"], letters)
    found = measure_lettering({4: _Copy(lambda latents: latents)}, pictures)["4_channels"]
    assert found["letters_ssim"] == pytest.approx(1) and found["letters_lpips_effnet"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="none of the pictures is lettered"):
        measure_lettering({}, Pictures(pictures.images, ["a"], np.zeros_like(letters)))


def test_every_third_picture_is_lettered_and_the_letters_lie_on_cloth():
    pictures = draw_pictures(4, 128, first=6)
    assert pictures.lettered[0] and pictures.lettered[3] and len(pictures.captions) == 4
    for image, letters in zip(pictures.images, pictures.letters, strict=True):
        assert letters.mean() < 0.2
        assert not (letters & (image == 255).all(-1)).sum() > 0.3 * letters.sum()  # letters may be white, ground is
    assert np.array_equal(draw_pictures(2, 128, first=7).images, pictures.images[1:3])
