"""Training of PlacementNet: places agree with the photo as framed, errors by hand, one pair can be learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ragdiffusion.draft.appearance_flow import follow, sample_at
from ragdiffusion.draft.garment_view import lattice
from ragdiffusion.draft.placement import PlacementNet
from ragdiffusion.layers import cell_centres
from ragdiffusion.training.placement import placement_batch, placement_losses, train_placement


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in batch.items()}


@pytest.fixture
def net() -> PlacementNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PlacementNet(input_size=32, widths=(8, 8), landmark_widths=(8,), hidden=32, nodes=3)


def test_the_framed_photo_taken_at_the_places_is_the_standard(make_pair) -> None:
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    ramp = np.stack([3 * x + 20, 3 * y + 20, 1.5 * x + 1.5 * y + 20], -1).astype(np.uint8)
    pairs = [make_pair(np.random.default_rng(seed), 64, photo=ramp) for seed in range(3)]
    batch = _tensors(placement_batch(pairs, np.random.default_rng(1)))
    assert batch["photo"].shape == (3, 3, 64, 64) and batch["places"].shape == (3, 2, 32, 32)
    standard = np.stack([pair.standard.reshape(32, 2, 32, 2, 3).mean((1, 3)) for pair in pairs]).transpose(0, 3, 1, 2)
    inside = (batch["weight"] == 1).expand(-1, 3, -1, -1)
    taken = sample_at(batch["photo"].float(), batch["places"])
    assert (taken - torch.from_numpy(standard))[inside].abs().mean() < 1.0
    one_pixel = sample_at(batch["photo"].float(), batch["places"] + 2 / 64)  # five levels of the ramp as framed
    assert (one_pixel - torch.from_numpy(standard))[inside].abs().mean() > 3.0


def test_hidden_places_count_less_and_those_beside_the_garment_not_at_all(make_pair) -> None:
    pair = make_pair(np.random.default_rng(0), 64)
    hidden = pair.visible.copy()
    hidden[:32] = 0
    weight = placement_batch([replace(pair, visible=hidden)], np.random.default_rng(0))["weight"][0, 0]
    inside = pair.silhouette.reshape(32, 2, 32, 2).mean((1, 3)) > 127
    assert not weight[~inside].any() and (weight[:16][inside[:16]] == 0.25).all()
    assert (weight[17:][inside[17:]] > 0.25).all() and weight.max() == 1


def test_the_loss_by_hand(make_pair) -> None:
    batch = _tensors(placement_batch([make_pair(np.random.default_rng(0))], np.random.default_rng(0)))
    affine = torch.tensor([[[0.6, 0.1, 0.05], [-0.1, 0.7, -0.02]]])
    cells = cell_centres(32, like=affine)
    nodes = follow(affine, lattice(5, like=affine))
    batch["places"], batch["scale"] = follow(affine, cells), torch.tensor([128.0])
    right = placement_losses(lambda *seen: nodes, batch)
    assert float(right["loss"]) < 1e-5 and float(right["px"]) < 1e-3
    shift = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1) / 128
    off = placement_losses(lambda *seen: nodes + shift, batch)
    assert off["px"].item() == pytest.approx(5.0, rel=1e-3)
    assert off["loss"].item() == pytest.approx(5 / 128, rel=1e-3)  # every point is as far off; nothing is bent
    bent = nodes.clone()
    bent[0, 0, 2, 2] += 0.4  # of 3 x 5 second differences each way, three see it: 0.4, 0.8 and 0.4
    more = placement_losses(lambda *seen: bent, {**batch, "weight": torch.zeros_like(batch["weight"])})
    assert more["loss"].item() == pytest.approx(0.05 * 2 * 1.6 / 30, rel=1e-3)


def test_training_learns_one_place_and_writes_what_it_returns(net, make_pair, config) -> None:
    pair = make_pair(np.random.default_rng(0), 32)
    batch = _tensors(placement_batch([pair] * 8, np.random.default_rng(3)))
    with torch.no_grad():
        before = float(placement_losses(net, batch)["px"])
    settings = config(60, learning_rate=3e-3, ema_decay=0.5, sample_every=60)
    trained = train_placement(settings, lambda rng: pair, {"laid": [pair], "people": []}, model=net)
    with torch.no_grad():
        assert float(placement_losses(trained, batch)["px"]) < 0.75 * before
    log = (settings.out / "log.jsonl").read_text()
    assert '"held_out_laid_px"' in log and "held_out_people_px" not in log
    loaded = PlacementNet.from_pretrained(settings.out / "placement_net", low_cpu_mem_usage=False)
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
