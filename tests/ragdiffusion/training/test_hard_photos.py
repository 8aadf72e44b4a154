"""Grounds that fool a parser, and pale cloth."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.training.hard_photos import pale_cloth, patterned_ground


def test_grounds_have_edges_and_no_two_are_alike() -> None:
    grounds = [patterned_ground(np.random.default_rng(seed), (48, 64)) for seed in range(20)]
    assert all(ground.shape == (48, 64, 3) and ground.dtype == np.uint8 for ground in grounds)
    assert len({ground.tobytes() for ground in grounds}) == 20
    steepest = [np.abs(np.diff(ground.astype(int), axis=1)).max() for ground in grounds]
    assert np.median(steepest) > 10


def test_the_same_seed_draws_the_same_ground() -> None:
    first, again = (patterned_ground(np.random.default_rng(3), (32, 32)) for _ in range(2))
    assert np.array_equal(first, again)


def test_one_garment_becomes_pale_and_skin_stays() -> None:
    photo = np.full((40, 40, 3), (30, 60, 120), np.uint8)
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:20], labels[10:30, 22:30] = LABEL["upper"], LABEL["skin"]
    pale = pale_cloth(photo, labels, np.random.default_rng(0))
    assert pale[15:25, 12:18].mean() > 190
    assert np.array_equal(pale[15:25, 24:28], photo[15:25, 24:28])


def test_its_shading_is_kept_in_order() -> None:
    shade = np.linspace(40, 120, 40).astype(np.uint8)
    photo = np.broadcast_to(shade[None, :, None], (40, 40, 3)).copy()
    labels = np.full((40, 40), LABEL["dress"], np.uint8)
    row = pale_cloth(photo, labels, np.random.default_rng(1))[20, :, 0].astype(int)
    assert row[-1] > row[0] and (np.diff(row) >= 0).all()


def test_a_photo_without_a_garment_is_left_alone() -> None:
    photo = np.full((8, 8, 3), 90, np.uint8)
    assert pale_cloth(photo, np.zeros((8, 8), np.uint8), np.random.default_rng(0)) is photo
