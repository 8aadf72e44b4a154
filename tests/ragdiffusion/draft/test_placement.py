"""PlacementNet: box on box before it has learned, frames and photos, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.draft.appearance_flow import follow
from ragdiffusion.draft.garment_view import lattice
from ragdiffusion.draft.placement import PlacementNet, Placer, load_placer
from ragdiffusion.images import CANONICAL_MARGIN
from ragdiffusion.structure.framing import CONTEXT_MARGIN

RIM = 1 / CANONICAL_MARGIN
"""Where the longer side of a landmark's box ends, in [-1, 1] of its frame."""


@pytest.fixture
def net() -> PlacementNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PlacementNet(input_size=32, widths=(8, 8), landmark_widths=(8,), hidden=16, nodes=3).eval()


@pytest.fixture
def shown(randn) -> list[torch.Tensor]:
    """Photo, mask and labels of one photo, and two landmarks."""
    return [randn(1, 3, 32, 32), torch.rand(1, 1, 32, 32), torch.rand(1, 9, 32, 32), torch.rand(2, 1, 32, 32)]


def _at(nodes: torch.Tensor, x: float, y: float) -> list[float]:
    return follow(nodes, torch.tensor([x, y]).view(1, 2, 1, 1)).flatten().tolist()


@torch.no_grad()
def test_untrained_it_lays_the_landmarks_box_over_the_masks(net, shown) -> None:
    nodes = net(*shown)
    assert nodes.shape == (2, 2, 3, 3)
    # In a frame that is CONTEXT_MARGIN times the garment's longer side, that side ends at 1 / CONTEXT_MARGIN.
    assert _at(nodes[:1], RIM, -RIM) == pytest.approx([1 / CONTEXT_MARGIN, -1 / CONTEXT_MARGIN], abs=1e-5)
    assert _at(nodes[1:], 0.0, 0.0) == pytest.approx([0, 0], abs=1e-5)


@torch.no_grad()
def test_everything_that_is_shown_has_a_say(net, shown) -> None:
    torch.nn.init.normal_(net.reading[-1].weight)
    nodes = net(*shown)
    for index in range(4):
        other = [1 - image if i == index else image for i, image in enumerate(shown)]
        assert not torch.allclose(net(*other), nodes, atol=1e-3), index
    assert not torch.allclose(nodes[0], nodes[1], atol=1e-3)  # of two landmarks each has its own place
    torch.testing.assert_close(net(*shown[:3], shown[3][1:]), nodes[1:], atol=1e-5, rtol=1e-4)


def test_a_placer_gives_places_of_the_photo(net) -> None:
    mask = np.zeros((32, 32), np.float32)
    mask[4:20, 10:18] = 1  # 16 high, 8 wide, its centre at (14, 12) of 32
    place = Placer(net).over(np.full((64, 64, 3), 128, np.uint8), mask, None)
    nodes = place(torch.rand(2, 1, 48, 48))
    assert nodes.shape == (2, 2, 3, 3) and not nodes.requires_grad
    x, top, bottom = 14 / 16 - 1, 4 / 16 - 1, 20 / 16 - 1
    assert _at(nodes[:1], 0.0, -RIM) == pytest.approx([x, top], abs=1e-5)
    assert _at(nodes[:1], 0.0, RIM) == pytest.approx([x, bottom], abs=1e-5)


@torch.no_grad()
def test_a_placer_shows_the_parse_as_the_photo_is_framed(net) -> None:
    seen = []
    net.register_forward_pre_hook(lambda module, arguments: seen.append(arguments))
    mask = np.zeros((32, 32), np.float32)
    mask[0:16, 8:24] = 1  # at the photo's upper rim: of a frame 27.2 high, 5.6 lie above it
    labels = np.zeros((9, 32, 32), np.float32)
    labels[1], labels[6] = mask, 1 - mask
    Placer(net).over(np.zeros((64, 64, 3), np.uint8), mask, labels)(torch.rand(1, 1, 32, 32))
    _, framed, around, _ = seen[0]
    torch.testing.assert_close(around[:, 1:2], framed, atol=1e-4, rtol=0)
    torch.testing.assert_close(around.sum(1), torch.ones(1, 32, 32), atol=1e-4, rtol=0)
    assert (around[0, 0, :6] > 0.9).all() and (around[0, 0, 9:] < 0.1).all()  # beyond the photo there is ground
    assert framed[0, 0].sum().item() == pytest.approx((32 / 1.7) ** 2, rel=0.05)


def test_a_placer_is_saved_and_loaded(net, tmp_path) -> None:
    assert load_placer(tmp_path) is None
    net.save_pretrained(tmp_path / "placement_net")
    assert isinstance(load_placer(tmp_path), Placer)
    for file in (tmp_path / "placement_net").glob("*.safetensors"):
        file.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="placement_net holds no whole PlacementNet"):
        load_placer(tmp_path)


def test_lattices_reach_from_corner_to_corner() -> None:
    nodes = lattice(3, like=torch.zeros(()))
    assert nodes[0, 0, 0].tolist() == [-1, 0, 1] and nodes[0, 1, :, 2].tolist() == [-1, 0, 1]


def test_other_sizes_are_refused(net, shown) -> None:
    for index, name in enumerate(("photo", "mask", "labels", "landmark")):
        with pytest.raises(ValueError, match=f"{name} is .*, PlacementNet wants"):
            net(*[image[..., :16] if i == index else image for i, image in enumerate(shown)])
    with pytest.raises(ValueError, match="input_size is 36, a multiple of 32 wanted"):
        PlacementNet(input_size=36)
    with pytest.raises(ValueError, match="nodes is 1, 2 or more wanted"):
        PlacementNet(nodes=1)
