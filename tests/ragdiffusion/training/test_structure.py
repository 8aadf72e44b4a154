"""Training of StructureNet: batches, the parts of the loss, what learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES, encode, encode_all
from ragdiffusion.garments.pair import Pair
from ragdiffusion.structure.losses import info_nce, pairwise_iou, shape_targets
from ragdiffusion.structure.structure_net import StructureNet
from ragdiffusion.training.structure import (
    MEANINGLESS,
    PROBE_SIDE,
    UNKNOWN_SHARE,
    WithProbe,
    structure_batch,
    structure_losses,
    train_structure,
)


@pytest.fixture
def net() -> StructureNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StructureNet(
            vision={
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 32,
                "patch_size": 16,
            },
            feature_dim=8,
            embedding_dim=8,
            resampler_dim=8,
            resampler_heads=2,
            attribute_dim=2,
            resampler_depth=1,
            resampler_queries=2,
        )


@pytest.fixture
def draw(make_pair):
    return lambda rng, count: [make_pair(rng, structure=str(i)) for i in range(count)]


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def test_batches_drop_half_of_the_attributes_of_each_side(draw):
    batch = structure_batch(draw, np.random.default_rng(0), 200)
    known = np.array(encode({"category": "Dress", "collar": "Round"}))
    for side in ("photo_attributes", "standard_attributes"):
        kept = batch[side][:, known > 0]
        assert np.isin(batch[side], [0, *known]).all()
        assert (kept == 0).mean() == pytest.approx(UNKNOWN_SHARE, abs=0.07)
    assert (batch["photo_attributes"] != batch["standard_attributes"]).any()
    assert np.array_equal(batch["labels"][0], encode_all({"category": "Dress", "collar": "Round"}))
    again = structure_batch(draw, np.random.default_rng(0), 200)
    assert all(np.array_equal(batch[name], again[name]) for name in batch)


def test_what_the_photo_alone_shows_is_taught_but_enters_no_embedding(draw):
    def printed(rng: np.random.Generator, count: int):
        return [replace(pair, seen={"print": "Plaid", "fit": "Slim"}) for pair in draw(rng, count)]

    plain, batch = (structure_batch(make, np.random.default_rng(0), 50) for make in (draw, printed))
    assert np.array_equal(
        batch["labels"][0], encode_all({"category": "Dress", "collar": "Round", "print": "Plaid", "fit": "Slim"})
    )
    for name in set(batch) - {"labels"}:  # the flat-lay is of another cloth
        np.testing.assert_array_equal(batch[name], plain[name])


def test_the_loss_is_the_sum_of_its_parts(net, draw):
    module = WithProbe(net).eval()
    batch = _tensors(structure_batch(draw, np.random.default_rng(0), 4))
    figures = structure_losses(module, batch)
    with torch.no_grad():
        photos = net(batch["photo"].float() / 127.5 - 1, batch["photo_attributes"], "photo")
        standards = net(batch["standard"].float() / 127.5 - 1, batch["standard_attributes"], "standard")
        shape = F.avg_pool2d(batch["silhouette"].float() / 255, 32 // PROBE_SIDE).flatten(1)
        probe = sum(F.binary_cross_entropy_with_logits(module.probe(e * 8**0.5), shape) for e in (photos, standards))
    small = F.adaptive_avg_pool2d(batch["silhouette"].float() / 255, 2 * PROBE_SIDE)
    torch.testing.assert_close(
        figures["nce"], info_nce(photos, standards, net.temperature.detach(), shape_targets(small))
    )
    torch.testing.assert_close(figures["probe"], probe)
    # Heads start undecided: log of the number of values, over the two attributes that are known.
    wanted = np.mean([np.log(net.attribute_heads[i].out_features) for i in (0, 2)])
    assert figures["attributes"].item() == pytest.approx(wanted, rel=1e-5)
    torch.testing.assert_close(
        figures["loss"].detach(), figures["nce"] + 0.3 * figures["attributes"] + figures["probe"]
    )
    nearest = (photos @ standards.T).argmax(1) == torch.arange(4)
    assert figures["top1"].item() == nearest.float().mean().item()
    others = (photos @ standards.T).fill_diagonal_(-2).argmax(1)
    assert figures["iou"].item() == pytest.approx(pairwise_iou(small)[range(4), others].mean().item())


def test_heads_stay_undecided_where_an_attribute_means_nothing(net, draw):
    def trousers(rng: np.random.Generator, count: int):
        return [replace(pair, category="Trousers", attributes={"length": "Long"}) for pair in draw(rng, count)]

    batch = _tensors(structure_batch(trousers, np.random.default_rng(0), 4))
    named = [a.key for a, label in zip(ATTRIBUTES, batch["labels"][0].tolist(), strict=True) if label == MEANINGLESS]
    assert named == ["category", "collar", "sleeve_length"]
    with torch.no_grad():
        net.attribute_heads[0].bias[0] = 3.0  # sure of the first category, which is wrong here
    module = WithProbe(net).eval()
    structure_losses(module, batch)["loss"].backward()
    gradient = net.attribute_heads[0].bias.grad
    assert gradient[0] > 0 and (gradient[1:] < 0).all()  # down with the sure one, up with the others


def test_unknown_labels_teach_nothing(net, draw):
    batch = _tensors(structure_batch(draw, np.random.default_rng(0), 3))
    batch["labels"] = torch.zeros_like(batch["labels"])
    figures = structure_losses(WithProbe(net), batch)
    assert figures["attributes"] == 0
    figures["loss"].backward()
    assert all(head.weight.grad is None for head in net.attribute_heads)


def test_training_tells_structures_apart_and_writes_the_network_alone(net, config):
    def shapes(rng, count):
        """Bars of other widths; the photo shows the bar in grey."""
        pairs = []
        for i in range(count):
            silhouette = np.zeros((32, 32), np.uint8)
            silhouette[4:28, 16 - 3 * (i % 4) - 2 : 18 + 3 * (i % 4)] = 255
            image = np.repeat(silhouette[..., None], 3, 2)
            pairs.append(
                Pair(
                    photo=image // 2,
                    standard=255 - image,
                    silhouette=silhouette,
                    flow=np.zeros((32, 32, 2), np.float32),
                    visible=silhouette / 255.0,
                    photo_mask=np.full_like(silhouette, 255),
                    category="bar",
                    structure=str(i),
                )
            )
        return pairs

    settings = config(300, batch_size=4, learning_rate=2e-3, ema_decay=0.5)
    torch.manual_seed(0)  # of the probes
    held_out = shapes(None, 4)
    test = _tensors(structure_batch(lambda rng, count: held_out, np.random.default_rng(0), 4))
    floor = shape_targets(F.adaptive_avg_pool2d(test["silhouette"].float() / 255, 2 * PROBE_SIDE))
    floor = float(-(floor * floor.log()).sum(1).mean())  # cross-entropy is at least its targets' entropy
    before = float(structure_losses(WithProbe(net), test)["nce"].detach()) - floor
    trained = train_structure(settings, shapes, held_out, model=net)
    after = structure_losses(WithProbe(trained), test)
    assert float(after["nce"].detach()) - floor < 0.4 * before
    loaded = StructureNet.from_pretrained(settings.out / "structure_net", low_cpu_mem_usage=False)
    assert set(loaded.state_dict()) == set(trained.state_dict())
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
