"""Drawn garments as a catalogue's pictures, and telling the two apart."""

from __future__ import annotations

import numpy as np
import pytest

from ragdiffusion.evaluation import catalogue_realism
from ragdiffusion.evaluation.catalogue_realism import catalogue_two_sample, enlarged, folded, photographed
from ragdiffusion.garments.datasets.catalogue28 import CatalogueSilhouette, coverage_of, mirror_overlap
from ragdiffusion.garments.patterns import draft


def test_a_drawing_becomes_a_garment_on_black_that_fills_its_picture() -> None:
    image = np.full((256, 256, 3), 255, np.uint8)
    image[20:236, 80:180] = 90
    picture = photographed(image)
    coverage = coverage_of(picture)
    assert picture.shape == (28, 28) and picture[0, 0] == 0
    assert coverage.sum() > 0.9 * 28 * 28 * 100 / 216 and coverage.any(1).all()


def test_enlarged_shares_keep_their_outline() -> None:
    coverage = draft("skirt").rasterise(28, 1.0).astype(np.float32) / 255
    large = enlarged(coverage) > 127
    assert large.shape == (256, 256)
    assert abs(large.mean() * 32**2 / 28**2 - coverage.mean()) < 0.02


def test_folded_shares_are_symmetric() -> None:
    slanted = np.zeros((28, 28), np.float32)
    slanted[7:21, 7:21] = np.tril(np.ones((14, 14)))
    both = folded(slanted)
    columns = both.sum(0)
    middle = (columns * (np.arange(28) + 0.5)).sum() / columns.sum()
    assert middle == pytest.approx((slanted.sum(0) * (np.arange(28) + 0.5)).sum() / slanted.sum(), abs=0.1)
    assert mirror_overlap(both) > mirror_overlap(slanted) + 0.2


def test_boxes_are_told_from_drawn_trousers(monkeypatch) -> None:
    monkeypatch.setattr(catalogue_realism, "DRAWN_AS", {"trousers": {"trousers": 1.0}})
    box = np.zeros((28, 28), np.float32)
    box[:, 9:19] = 1
    found = catalogue_two_sample([CatalogueSilhouette("trousers", 0, box)] * 10)
    assert found.auc > 0.9 and found.count == {"trousers": 10}
