"""Ranking by shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.bank.shape_bits import (
    SIDE,
    bits_overlap,
    mirror_symmetry,
    pixel_shape_bits,
    shape_bits,
    stored_shape_bits,
)
from ragdiffusion.images import decode_silhouettes, encode_silhouette, silhouette_pixels
from ragdiffusion.retrieval.ranking import shape_order

SIMILARITY = np.float32([0.9, 0.8, 0.7, 0.6])


def _bar(rows: int, size: int = SIDE) -> torch.Tensor:
    mask = torch.zeros(size, size)
    mask[: rows * size // SIDE] = 1
    return mask


@pytest.fixture
def shapes() -> np.ndarray:
    """Bars of 8, 16, 32 and 32 rows."""
    return shape_bits(torch.stack([_bar(8), _bar(16), _bar(32), _bar(32)]))


def test_overlap_is_intersection_over_union() -> None:
    shapes = torch.stack([_bar(8), _bar(16), _bar(64)])
    bits = shape_bits(shapes)
    assert bits.shape == (3, 64) and bits.nbytes == 3 * 512
    for outline in (_bar(16), _bar(16, 256)):
        assert bits_overlap(shape_bits(outline[None])[0], bits).tolist() == pytest.approx([0.5, 1.0, 0.25])
    assert bits_overlap(shape_bits(torch.zeros(1, SIDE, SIDE))[0], bits).tolist() == [0, 0, 0]
    scattered = torch.rand(5, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).round()
    first, every = scattered[0] > 0.5, scattered > 0.5
    naive = (first & every).sum((1, 2)) / (first | every).sum((1, 2))
    assert bits_overlap(shape_bits(scattered)[0], shape_bits(scattered)).tolist() == pytest.approx(naive.tolist())


def test_stored_silhouettes_pack_as_decoded_ones_do() -> None:
    generator = torch.Generator().manual_seed(1)
    # Coarse blobs with ragged edges: many cells are just half full, where one pixel decides.
    blobs = torch.nn.functional.interpolate(
        torch.rand(6, 1, 9, 9, generator=generator), size=(512, 512), mode="bilinear"
    )[:, 0]
    masks = [blob + 0.2 * torch.rand(512, 512, generator=generator) > 0.6 for blob in blobs]
    stripes = torch.arange(512).div(4, rounding_mode="floor").fmod(2)[:, None].expand(512, 512)  # exactly half full
    stored = [encode_silhouette(mask.float()) for mask in [*masks, stripes]]
    for size in (256, 512):
        np.testing.assert_array_equal(stored_shape_bits(stored), shape_bits(decode_silhouettes(stored, size)))
    pixels = [pixel_shape_bits(silhouette_pixels(each))[0] for each in stored]
    np.testing.assert_array_equal(np.stack(pixels), stored_shape_bits(stored))


def test_the_score_is_similarity_plus_weighted_overlaps(shapes) -> None:
    # Overlaps with 32 rows: 0.25, 0.5, 1, 1; scores at weight 1: 1.15, 1.3, 1.7, 1.6.
    assert shape_order(SIMILARITY, shapes, [(_bar(32), 1.0)]).tolist() == [2, 3, 1, 0]
    # At weight 0.3: 0.975, 0.95, 1.0, 0.9.
    assert shape_order(SIMILARITY, shapes, [(_bar(32), 0.3)]).tolist() == [2, 0, 1, 3]
    # Overlaps with 8 rows: 1, 0.5, 0.25, 0.25; at weight 0.5 besides: 1.475, 1.2, 1.125, 1.025.
    assert shape_order(SIMILARITY, shapes, [(_bar(32), 0.3), (_bar(8), 0.5)]).tolist() == [0, 1, 2, 3]


def test_of_two_that_fit_alike_the_even_one_comes_first() -> None:
    crooked = _bar(32)
    crooked[:32, 40:] = 0  # 40 of 64 columns are left, 16 of them have a mirror image
    scattered = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).round()
    bits = shape_bits(torch.stack([crooked, _bar(32), torch.zeros(SIDE, SIDE), *scattered]))
    both, either = scattered * scattered.flip(-1), torch.maximum(scattered, scattered.flip(-1))
    naive = (both.sum((1, 2)) / either.sum((1, 2))).tolist()
    assert mirror_symmetry(bits).tolist() == pytest.approx([16 / 64, 1, 0, *naive])
    similarity = np.float32([0.9, 0.8])
    assert shape_order(similarity, bits[:2], [], symmetry_weight=0.1).tolist() == [0, 1]  # 0.925 and 0.9
    assert shape_order(similarity, bits[:2], [], symmetry_weight=0.2).tolist() == [1, 0]  # 0.95 and 1.0
    with pytest.raises(ValueError, match="symmetry_weight is nan"):
        shape_order(similarity, bits[:2], [], symmetry_weight=float("nan"))


def test_no_weight_or_no_evidence_changes_nothing(shapes) -> None:
    for evidence in ([], [(_bar(32), 0.0)], [(torch.zeros(SIDE, SIDE), 1.0)]):
        assert shape_order(SIMILARITY, shapes, evidence).tolist() == [0, 1, 2, 3]


def test_ties_keep_the_order_of_similarity(shapes) -> None:
    assert shape_order(np.full(3, 0.5, np.float32), shapes[[1, 1, 1]], [(_bar(32), 1.0)]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("mask", "weight", "message"),
    [
        (_bar(32), -1.0, "weight is -1"),
        (_bar(32), float("nan"), "weight is nan"),
        (torch.zeros(3), 1.0, "got \\(3,\\)"),
        (torch.full((4, 4), 2.0), 1.0, "\\[0, 1\\]"),
        (torch.full((4, 4), float("nan")), 1.0, "NaN"),
    ],
)
def test_what_cannot_be_ranked_is_refused(shapes, mask, weight, message) -> None:
    with pytest.raises(ValueError, match=message):
        shape_order(SIMILARITY, shapes, [(_bar(32), 1.0), (mask, weight)])


def test_a_single_mask_is_no_batch() -> None:
    with pytest.raises(ValueError, match=r"masks \(M, H, W\) wanted, got \(64, 64\)"):
        shape_bits(_bar(3))
