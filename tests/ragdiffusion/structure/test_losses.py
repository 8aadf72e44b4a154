"""InfoNCE (Eq. 1) against a naive double loop, value and gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ragdiffusion.structure.losses import info_nce, pairwise_iou, shape_targets


def _naive(photos, standards, temperature, targets=None):
    """Eq. 1 pair by pair; each row's positive is spread as the targets say."""
    total = photos.new_zeros(())
    for i in range(len(photos)):
        similar = []
        for j in range(len(standards)):
            cosine = (photos[i] * standards[j]).sum() / (photos[i].norm() * standards[j].norm())
            similar.append((cosine / temperature).exp())
        for j, one in enumerate(similar):
            share = float(i == j) if targets is None else targets[i, j]
            total = total - share * (one / sum(similar)).log()
    return total / len(photos)


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    photos = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    return photos, photos + torch.randn(5, 7, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("spread", [False, True])
def test_value_and_gradient_equal_the_loops(pairs, spread):
    targets = None
    if spread:
        targets = torch.rand(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).softmax(1)
    found = []
    for loss in (info_nce, _naive):
        photos, standards = (side.clone().requires_grad_() for side in pairs)
        temperature = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
        value = loss(photos, standards, temperature, targets)
        value.backward()
        found.append((value.detach(), photos.grad, standards.grad, temperature.grad))
    for ours, naive in zip(*found, strict=True):
        torch.testing.assert_close(ours, naive)


def test_by_hand():
    # Two orthogonal pairs at τ = 1: -log(e / (e + 1)).
    eye = torch.eye(2)
    assert info_nce(eye * 3, eye * 0.1, 1.0).item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert info_nce(eye, eye.flip(0), 1.0).item() == pytest.approx(math.log(1 + math.e))
    assert info_nce(eye, eye.flip(0), 1.0, eye.flip(0)).item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_overlaps_and_targets_by_hand():
    masks = torch.zeros(3, 1, 8)
    masks[0, 0, :4] = masks[1, 0, 2:6] = 1  # two of six cells in common; the third is empty
    overlap = pairwise_iou(masks)
    torch.testing.assert_close(overlap, torch.tensor([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0.0]]))
    targets = shape_targets(masks, share=0.5, temperature=1 / 3)
    row = np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum()
    np.testing.assert_allclose(targets[0], [0.5 + row[0] / 2, row[1] / 2, row[2] / 2], rtol=1e-5)
    torch.testing.assert_close(targets.sum(1), torch.ones(3))
    torch.testing.assert_close(shape_targets(masks, share=0), torch.eye(3))


def test_sides_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"photos \(2, 3\) and standards \(3, 3\) must be of one shape"):
        info_nce(torch.ones(2, 3), torch.ones(3, 3), 0.1)
