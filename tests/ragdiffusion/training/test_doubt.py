"""Faults that training gives masks and labels: probabilities stay probabilities, and what is not known stays away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.training.doubt import as_found, doubted_labels, labels_around


def _halves(size: int = 32) -> np.ndarray:
    """Skin above, a dress below."""
    labels = np.full((size, size), LABEL["skin"], np.uint8)
    labels[size // 2 :] = LABEL["dress"]
    return labels


def test_doubted_labels_are_probabilities_of_what_the_frame_shows() -> None:
    labels, patched = _halves(), 0
    for seed in range(12):
        # Twice as wide as the photo: its 32 pixels are the middle 16 of 32, all else lies beyond.
        found = doubted_labels(labels, (0.5, 0.5, 2.0), 32, np.random.default_rng(seed))
        assert found.shape == (9, 32, 32) and found.dtype == np.float32 and found.min() >= 0
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
        likeliest = found.argmax(0)
        wanted = np.zeros((32, 32), int)
        wanted[8:16, 8:24], wanted[16:24, 8:24] = LABEL["skin"], LABEL["dress"]
        wrong = (likeliest != wanted).mean()
        patched += wrong > 0.02
        assert wrong < 0.25
    assert 1 <= patched <= 9  # now and then a patch is wrong


def test_a_laid_garments_label_is_that_of_its_kind(make_pair) -> None:
    pair = make_pair(np.random.default_rng(0))  # "dress", which fills its photo
    draws = [labels_around(pair, (0.5, 0.5, 1.0), np.random.default_rng(seed)) for seed in range(60)]
    asked = [labels for labels in draws if labels.any()]
    assert 60 * 0.7 <= len(asked) < 60  # no parser is asked for the others
    for labels in asked:
        assert labels.dtype == np.uint8 and np.abs(labels.astype(int).sum(0) - 255).max() <= 5
        assert (labels.argmax(0) == LABEL["dress"]).mean() > 0.75
    strange = replace(pair, category="something")
    assert not any(labels_around(strange, (0.5, 0.5, 1.0), np.random.default_rng(s)).any() for s in range(9))


def test_the_labels_of_a_pair_go_before_its_kind(make_pair) -> None:
    pair = replace(make_pair(np.random.default_rng(0)), labels=_halves())
    found = next(
        labels for s in range(9) if (labels := labels_around(pair, (0.5, 0.5, 1.0), np.random.default_rng(s))).any()
    )
    share = (found[LABEL["skin"]] / 255).mean()
    assert share == pytest.approx(0.5, abs=0.15)


def test_what_a_parser_found_goes_before_drawn_faults(make_pair) -> None:
    pair = make_pair(np.random.default_rng(0))
    size = len(pair.photo)
    found = np.zeros((size, size), np.uint8)
    found[: size // 2] = 255
    parsed = np.zeros((9, size // 2, size // 2), np.uint8)
    parsed[LABEL["skin"]] = 255
    asked = replace(pair, found=found, parsed=parsed)
    draws = [as_found(asked, np.random.default_rng(seed)) for seed in range(60)]
    seen = [(mask, said) for mask, said in draws if said is not None]
    assert 60 * 0.6 <= len(seen) < 60
    for mask, said in seen:
        np.testing.assert_array_equal(mask, found / np.float32(255))
        around = next(
            labels
            for s in range(9)
            if (labels := labels_around(asked, (0.5, 0.5, 1.0), np.random.default_rng(s), said)).any()
        )
        assert (around[LABEL["skin"], 1:-1, 1:-1] == 255).all()  # beyond the photo there is ground
    assert all(as_found(pair, np.random.default_rng(seed))[1] is None for seed in range(9))
