"""Unsure pixels decided by the colours of sure ones."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.colours import decided_by_colour
from ragdiffusion.parsing.labels import LABEL, LABELS

UPPER, GROUND = LABEL["upper"], LABEL["ground"]


def scene(hole: float) -> tuple[np.ndarray, np.ndarray]:
    """A yellow top on grey with a patch in its middle that is taken for ground, with so much probability."""
    pixels = np.full((60, 60, 3), 128, np.uint8)
    pixels[10:50, 10:50] = (220, 200, 40)
    probabilities = np.full((len(LABELS), 60, 60), 0.01 / (len(LABELS) - 1), np.float32)
    probabilities[GROUND] = 0.99
    probabilities[:, 10:50, 10:50] = 0.01 / (len(LABELS) - 1)
    probabilities[UPPER, 10:50, 10:50] = 0.99
    probabilities[GROUND, 25:35, 25:35] = hole
    probabilities[UPPER, 25:35, 25:35] = 1 - hole
    probabilities /= probabilities.sum(0)
    return probabilities, pixels


def test_a_patch_that_looks_like_its_garment_becomes_part_of_it() -> None:
    decided = decided_by_colour(*scene(0.7))
    assert (decided[UPPER, 25:35, 25:35] > 0.9).all()
    assert np.allclose(decided.sum(0), 1, atol=1e-5)


def test_sure_pixels_keep_their_labels() -> None:
    probabilities, pixels = scene(0.99)
    assert np.allclose(decided_by_colour(probabilities, pixels), probabilities, atol=1e-6)


def test_what_no_label_is_sure_of_stays_undecided() -> None:
    probabilities = np.full((len(LABELS), 20, 20), 1 / len(LABELS), np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert np.allclose(decided_by_colour(probabilities, pixels), probabilities, atol=1e-6)


def test_colours_that_are_shared_decide_nothing() -> None:
    probabilities, pixels = scene(0.7)
    pixels[:] = 200
    decided = decided_by_colour(probabilities, pixels)
    assert np.allclose(decided[GROUND, 25:35, 25:35], probabilities[GROUND, 25:35, 25:35], atol=0.1)


def lettered(opened: bool) -> tuple[np.ndarray, np.ndarray]:
    """The scene with a bar as grey as the ground in the middle of the top, of which the network is not quite sure.

    Args:
        opened: whether the bar reaches the ground at the top's rim.
    """
    probabilities, pixels = scene(0.01)
    bar = (slice(28, 32), slice(15 if not opened else 10, 45))
    pixels[bar] = 128
    probabilities[GROUND][bar], probabilities[UPPER][bar] = 0.3, 0.68
    return probabilities, pixels


def test_letters_in_the_grounds_colour_are_no_holes() -> None:
    probabilities, pixels = lettered(opened=False)
    decided = decided_by_colour(probabilities, pixels)
    assert (decided.argmax(0)[28:32, 15:45] == UPPER).all()
    np.testing.assert_array_equal(decided[:, 28:32, 15:45], probabilities[:, 28:32, 15:45])


def test_ground_that_goes_on_into_a_garment_is_ground() -> None:
    decided = decided_by_colour(*lettered(opened=True))
    assert (decided.argmax(0)[28:32, 12:45] == GROUND).all()


def test_a_hole_that_the_network_sees_grows_by_its_colour() -> None:
    probabilities, pixels = lettered(opened=False)
    probabilities[GROUND, 28:32, 15:20], probabilities[UPPER, 28:32, 15:20] = 0.9, 0.09
    assert (decided_by_colour(probabilities, pixels).argmax(0)[28:32, 15:45] == GROUND).all()
