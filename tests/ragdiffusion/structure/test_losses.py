"""InfoNCE (Eq. 1) against a naive double loop, value and gradient."""

from __future__ import annotations

import math

import pytest
import torch

from ragdiffusion.structure.losses import info_nce


def _naive(photos, standards, temperature, same=None):
    """Eq. 1 pair by pair; standards of the same structure are left out of the sum."""
    total = photos.new_zeros(())
    for i in range(len(photos)):
        similar = []
        for j in range(len(standards)):
            cosine = (photos[i] * standards[j]).sum() / (photos[i].norm() * standards[j].norm())
            similar.append((cosine / temperature).exp())
        others = [s for j, s in enumerate(similar) if j == i or same is None or not same[i, j]]
        total = total - (similar[i] / sum(others)).log()
    return total / len(photos)


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    photos = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    return photos, photos + torch.randn(5, 7, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("masked", [False, True])
def test_value_and_gradient_equal_the_loops(pairs, masked):
    same = None
    if masked:
        same = torch.zeros(5, 5, dtype=torch.bool)
        same[0, 1] = same[1, 0] = same[3, 2] = True
        same.fill_diagonal_(True)  # a photo's own flat-lay stays its positive whatever the mask says
    found = []
    for loss in (info_nce, _naive):
        photos, standards = (side.clone().requires_grad_() for side in pairs)
        temperature = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
        value = loss(photos, standards, temperature, same)
        value.backward()
        found.append((value.detach(), photos.grad, standards.grad, temperature.grad))
    for ours, naive in zip(*found, strict=True):
        torch.testing.assert_close(ours, naive)


def test_by_hand():
    # Two orthogonal pairs at τ = 1: -log(e / (e + 1)).
    eye = torch.eye(2)
    assert info_nce(eye * 3, eye * 0.1, 1.0).item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert info_nce(eye, eye.flip(0), 1.0).item() == pytest.approx(math.log(1 + math.e))
    everything = torch.ones(2, 2, dtype=torch.bool)
    assert info_nce(eye, eye.flip(0), 1.0, everything).item() == pytest.approx(0.0)


def test_a_masked_pair_gets_no_gradient(pairs):
    photos, standards = pairs
    standards = standards.clone().requires_grad_()
    same = torch.zeros(5, 5, dtype=torch.bool)
    same[:4, 4] = True  # flat-lay 4 is nobody's negative, and a positive of its own photo only
    loss = info_nce(photos, standards, 0.2, same)
    (gradient,) = torch.autograd.grad(loss, standards, retain_graph=True)
    own = -torch.autograd.functional.jacobian(
        lambda s: torch.log_softmax(torch.nn.functional.normalize(photos[4:], dim=-1)
                                    @ torch.nn.functional.normalize(s, dim=-1).T / 0.2, 1)[0, 4], standards.detach())
    torch.testing.assert_close(gradient[4], own[4] / 5)


def test_sides_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"photos \(2, 3\) and standards \(3, 3\) must be of one shape"):
        info_nce(torch.ones(2, 3), torch.ones(3, 3), 0.1)
