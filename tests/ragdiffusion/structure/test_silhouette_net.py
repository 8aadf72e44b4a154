"""SilhouetteNet: what it says untrained, symmetry, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.structure.silhouette_net import SilhouetteNet


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def net() -> SilhouetteNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SilhouetteNet(input_size=32, widths=(8, 8, 16), depth=1, heads=2).eval()


@pytest.fixture
def seen() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1, torch.rand(2, 1, 32, 32, generator=generator)


@torch.no_grad()
def test_untrained_it_returns_the_mask_made_symmetric(net) -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:20, 4:20] = 1.0
    found = net(torch.zeros(1, 3, 32, 32), mask).silhouette
    assert found.shape == (1, 1, 16, 16)
    small = F.avg_pool2d(mask, 2).bool()
    assert (found[small & small.flip(-1)] > 3).all()  # both halves say so
    assert (found[small != small.flip(-1)].abs() < 1e-5).all()  # they disagree
    assert (found[~small & ~small.flip(-1)] < -3).all()


@torch.no_grad()
def test_silhouettes_are_symmetric_whatever_is_learned(net, seen) -> None:
    torch.nn.init.normal_(net.unet.head.weight)
    found = net(*seen).silhouette
    torch.testing.assert_close(found, found.flip(-1))
    assert not torch.allclose(found, net(-seen[0], seen[1]).silhouette, atol=0.1)  # the photo has a say
    torch.testing.assert_close(found[:1], net(seen[0][:1], seen[1][:1]).silhouette, atol=1e-5, rtol=1e-4)


def test_every_place_learns_from_every_other(net, seen) -> None:
    torch.nn.init.normal_(net.unet.head.weight)
    photo = seen[0].requires_grad_()
    net(photo, seen[1]).silhouette[0, 0, 2, 2].backward()
    assert photo.grad[0].abs().amax(0)[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 0


@torch.no_grad()
def test_attributes_are_read_off_photo_and_silhouette(net, seen) -> None:
    undecided = net(*seen).attributes
    assert [logits.shape for logits in undecided] == [(2, len(attribute.values)) for attribute in ATTRIBUTES]
    assert not any(bool(logits.any()) for logits in undecided)
    torch.nn.init.normal_(net.attribute_heads[3].weight)
    torch.nn.init.normal_(net.unet.head.weight)
    read = net(*seen)
    other_photo, other_mask = net(-seen[0], seen[1]), net(seen[0], 1 - seen[1])
    assert not torch.allclose(read.attributes[3], other_photo.attributes[3], atol=1e-3)
    assert not torch.allclose(read.attributes[3], other_mask.attributes[3], atol=1e-3)
    assert not read.attributes[0].any()


def test_a_collar_is_read_at_a_glance_wherever_it_is() -> None:
    net = SilhouetteNet(input_size=64, widths=(8, 8, 16), depth=1, heads=2, glances=2)
    for layer in (*(glances.out for glances in net.glancing), net.attribute_heads[1]):
        torch.nn.init.normal_(layer.weight)
    photo = torch.zeros(1, 3, 64, 64, requires_grad=True)
    with torch.no_grad():
        mask = torch.full((1, 1, 64, 64), 0.5)
        net.glancing[0].where.weight.zero_()
        net.glancing[0].where.bias.zero_()
    net(photo, mask).attributes[1].square().sum().backward()
    assert (net.glancing[0].where.weight.grad.abs() > 0).any()  # where to look is learned
    assert not any(name.startswith("glancing") for name, _ in SilhouetteNet(input_size=64).named_parameters())


def test_reading_does_not_move_the_silhouette_drawn(net, seen) -> None:
    torch.nn.init.normal_(net.attribute_heads[3].weight)
    net(*seen).attributes[3].square().sum().backward()
    assert net.unet.head.weight.grad is None and net.unet.stem.weight.grad.any()


def test_other_sizes_are_refused(net, seen) -> None:
    with pytest.raises(ValueError, match="mask is \\(16, 16\\), SilhouetteNet wants \\(32, 32\\)"):
        net(seen[0], seen[1][..., :16, :16])
    with pytest.raises(ValueError, match="photo is"):
        net(seen[0][..., :16], seen[1])
    with pytest.raises(ValueError, match="input_size is 100, a multiple of 32 wanted"):
        SilhouetteNet(input_size=100)


@torch.no_grad()
def test_labels_around_have_no_say_before_and_one_after_training(seen) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SilhouetteNet(input_size=32, widths=(8, 8, 16), depth=1, heads=2, label_channels=9).eval()
    torch.nn.init.normal_(net.unet.head.weight)
    labels = torch.rand(2, 9, 32, 32)
    torch.testing.assert_close(net(*seen, labels).silhouette, net(*seen).silhouette)
    torch.nn.init.normal_(net.label_stem.weight)
    assert not torch.allclose(net(*seen, labels).silhouette, net(*seen).silhouette, atol=0.1)
    nothing = torch.zeros_like(labels)  # nobody was asked
    torch.testing.assert_close(net(*seen, nothing).silhouette, net(*seen).silhouette)
    part = net(*[image[:1] for image in (*seen, labels)]).silhouette
    torch.testing.assert_close(part, net(*seen, labels).silhouette[:1], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_wider_frame_has_no_say_before_and_one_after_training(seen) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SilhouetteNet(
            input_size=32, widths=(8, 8, 16), depth=1, heads=2, label_channels=9, context_widths=(8, 16)
        ).eval()
    torch.nn.init.normal_(net.unet.head.weight)
    labels, context = torch.rand(2, 9, 32, 32), torch.rand(2, 10, 16, 16)
    torch.testing.assert_close(net(*seen, labels, context).silhouette, net(*seen, labels).silhouette)
    torch.nn.init.normal_(net.context.out.weight)
    assert not torch.allclose(net(*seen, labels, context).silhouette, net(*seen, labels).silhouette, atol=0.1)
    part = net(*[image[:1] for image in (*seen, labels, context)]).silhouette
    torch.testing.assert_close(part, net(*seen, labels, context).silhouette[:1], atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="context is \\(32, 32\\), SilhouetteNet wants \\(16, 16\\)"):
        net(*seen, labels, torch.rand(2, 10, 32, 32))
    with pytest.raises(ValueError, match="context_widths are 3, one fewer than the 3 widths wanted"):
        SilhouetteNet(input_size=32, widths=(8, 8, 16), heads=2, context_widths=(8, 8, 16))


@torch.no_grad()
def test_the_photo_of_a_wider_frame_has_no_say_before_and_one_after_training(seen) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SilhouetteNet(
            input_size=32,
            widths=(8, 8, 16),
            depth=1,
            heads=2,
            label_channels=9,
            context_widths=(8, 16),
            context_photo=True,
        ).eval()
    for layer in (net.unet.head, net.context.out):
        torch.nn.init.normal_(layer.weight)
    labels, context = torch.rand(2, 9, 32, 32), torch.rand(2, 13, 16, 16)
    other = torch.cat([context[:, :10], torch.rand(2, 3, 16, 16)], 1)
    drawn = net(*seen, labels, context).silhouette
    torch.testing.assert_close(net(*seen, labels, other).silhouette, drawn)
    torch.nn.init.normal_(net.context.photo_stem.weight)
    assert not torch.allclose(net(*seen, labels, other).silhouette, net(*seen, labels, context).silhouette, atol=0.1)
    with pytest.raises(ValueError, match="context has 10 channels, SilhouetteNet wants 13"):
        net(*seen, labels, context[:, :10])
