"""PGEA's judge: what lettering loses, and when the adapted UNet is where the one from scratch ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ragdiffusion.evaluation.pgea import Pictures, draw_pictures, measure_lettering, steps_saved


class _Copy(nn.Module):
    """An autoencoder that is off by so much everywhere."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    def encode(self, images: torch.Tensor):
        code = type("Code", (), {"mode": lambda _: images})()
        return type("Output", (), {"latent_dist": code})()

    def decode(self, latents: torch.Tensor):
        return type("Output", (), {"sample": latents + self.off})()


def test_a_copys_error_is_counted_where_the_garment_is(tmp_path):
    images = np.full((2, 16, 16, 3), 255, np.uint8)
    images[0, 4:12, 4:12] = 60
    pictures = Pictures(images, ["a", "b"], np.array([True, False]))
    report = measure_lettering({4: _Copy(0.2), 16: _Copy(0.02)}, pictures, tmp_path / "sheet.png")
    for channels, off in ((4, 0.2), (16, 0.02)):
        found = report[f"{channels}_channels"]
        for name in ("psnr", "lettered_psnr"):
            assert found[name] == pytest.approx(10 * np.log10(4 / off**2), abs=1e-3)
        assert found["lettered_edges"] == pytest.approx(0, abs=1e-3)  # a copy that is off evenly keeps its slopes
    assert (tmp_path / "sheet.png").is_file()


def test_the_time_saved_counts_both_stages():
    scratch = [{"seconds": 0.0, "held_out": 1.0}, {"seconds": 50.0, "held_out": 0.5}]
    stages = [
        {"seconds": 0.0, "held_out": 0.9},
        {"seconds": 10.0, "held_out": 0.7},
        {"seconds": 0.0, "held_out": 0.7},
        {"seconds": 5.0, "held_out": 0.45},
    ]
    assert steps_saved(stages, scratch) == {"scratch_seconds": 50.0, "adapted_seconds": 15.0}
    assert steps_saved(stages[:2], scratch)["adapted_seconds"] is None


def test_every_third_picture_is_lettered():
    pictures = draw_pictures(4, 64, first=6)
    assert pictures.lettered[0] and pictures.lettered[3] and len(pictures.captions) == 4
    assert pictures.images.shape == (4, 64, 64, 3)
    assert np.array_equal(draw_pictures(2, 64, first=7).images, pictures.images[1:3])
