"""The guided filter: edges come from the picture."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.refining import firm, guided


def test_a_blurred_edge_follows_the_picture_at_its_own_size() -> None:
    picture = np.full((128, 128, 3), 240, np.uint8)
    picture[:, 61:] = (30, 40, 90)  # not where small pixels meet
    coarse = np.clip((np.arange(32) - 12) / 7, 0, 1)[None].repeat(32, 0).astype(np.float32)  # a ramp of 7 pixels
    fine = firm(guided(coarse, picture))
    assert fine.shape == (128, 128)
    assert fine[64, :60].max() < 0.2 and fine[64, 63:].min() > 0.8


def test_on_flat_ground_it_only_smooths() -> None:
    coarse = np.zeros((20, 20), np.float32)
    coarse[:, 10:] = 1
    fine = guided(coarse, np.full((20, 20, 3), 120, np.uint8))
    assert np.abs(fine.mean() - coarse.mean()) < 0.03 and fine[:, :2].max() < 0.01 and fine[:, -2:].min() > 0.99


def test_coefficients_are_those_of_a_least_squares_fit() -> None:
    """A plane that is linear in the picture's colour comes back as it is, at any size."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)
    plane = (picture.astype(np.float32) / 255) @ np.float32([0.5, 0.2, 0.1]) + 0.1
    np.testing.assert_allclose(guided(plane, picture), plane, atol=0.01)


def test_what_is_likelier_than_not_is_whole() -> None:
    np.testing.assert_allclose(firm(np.float32([0, 0.3, 0.5, 0.7, 1])), [0, 0, 0.5, 1, 1], atol=1e-6)
