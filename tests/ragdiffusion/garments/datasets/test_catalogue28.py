"""Catalogue silhouettes out of 28-pixel pictures, and what reads their files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from ragdiffusion.garments.datasets.catalogue28 import (
    CatalogueSilhouette,
    coverage_of,
    mirror_overlap,
    read_silhouettes,
    sharpened,
    shrunk,
)
from ragdiffusion.garments.patterns import draft


def shirt(rim: int = 100) -> np.ndarray:
    """A grey box whose left and right rims are half covered, with a black print inside."""
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 8:20] = 200
    picture[4:24, [7, 20]] = rim
    picture[10:13, 12:15] = 0
    return picture


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_rim_pixel_is_garment_by_its_grey_before_it_was_sharpened(share: float) -> None:
    soft = shirt(round(200 * share)).astype(np.float32)
    soft[10:13, 12:15] = 200  # no print: it would lighten the rim's reference
    picture = np.zeros_like(soft)
    picture[4:24, 7:21] = np.clip(sharpened(soft[4:24, 7:21]), 0, 255)
    coverage = coverage_of(picture.astype(np.uint8))
    assert coverage[2, 2] == 0 and coverage[15, 12] == 1
    np.testing.assert_allclose(coverage[8:20, 7], share, atol=0.03)
    np.testing.assert_allclose(coverage[8:20, 20], share, atol=0.03)


def test_a_print_is_no_hole() -> None:
    assert coverage_of(shirt())[12, 13] == 1


def test_garments_in_pieces_are_left_out() -> None:
    picture = shirt()
    picture[13:15] = 0
    assert coverage_of(picture) is None
    assert coverage_of(np.zeros((28, 28), np.uint8)) is None


def test_mirror_overlap_does_not_mind_where_a_garment_lies() -> None:
    box = np.zeros((28, 28), np.float32)
    box[4:24, 3:15] = 1
    assert mirror_overlap(box) == pytest.approx(1, abs=0.02)
    box[4:12, 15:24] = 1
    assert mirror_overlap(box) < 0.85


def test_the_files_are_read_and_split(tmp_path) -> None:
    pictures = np.stack([shirt()] * 12)
    labels = np.array([0, 1, 9, 3, 4, 6, 0, 0, 0, 0, 2, 5], np.uint8)
    for name, data, header in (("images-idx3", pictures, 16), ("labels-idx1", labels, 8)):
        with gzip.open(tmp_path / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(bytes(header) + data.tobytes())
    found = list(read_silhouettes(tmp_path))
    assert [one.number for one in found] == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]  # no shoe, no bag
    assert [one.number for one in found if one.held_out] == [0, 10]
    assert found[1].category == "trousers" and found[-1].category == "pullover"
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte.gz: not found; install"):
        next(read_silhouettes(tmp_path, "test"))


def test_a_canonical_silhouette_shrinks_to_fill_its_picture() -> None:
    small = shrunk(draft("skirt").rasterise(512))
    large = draft("skirt").rasterise(28, margin=1.0) / 255
    assert np.abs(small - large).mean() < 0.01
    assert CatalogueSilhouette("skirt", 20, small).held_out
