"""Training of SilhouetteNet: what it sees, the loss, what it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.pair import Pair
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.structure.readers.heads import taught_attributes
from ragdiffusion.structure.silhouette_net import SilhouetteNet
from ragdiffusion.training.silhouette import (
    neck_weights,
    pixel_weights,
    silhouette_batch,
    silhouette_losses,
    train_silhouette,
)


@pytest.fixture
def net() -> SilhouetteNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SilhouetteNet(input_size=32, widths=(8, 16), depth=1, heads=2)


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def _bars(rng: np.random.Generator, count: int) -> list[Pair]:
    """Upright bars; the photo shows them shifted, and grey: the brighter, the wider the flat-lay."""
    pairs = []
    for _ in range(count):
        half, left = int(rng.integers(3, 11)), int(rng.integers(4, 16))
        silhouette, mask = np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.uint8)
        silhouette[2:30, 16 - half : 16 + half] = 255
        mask[4:28, left : left + 12] = 255
        photo = np.where(mask[..., None] > 0, np.uint8(20 * half + 40), np.uint8(0)).repeat(3, 2)
        pairs.append(
            Pair(
                photo=photo,
                standard=photo,
                silhouette=silhouette,
                flow=np.zeros((32, 32, 2), np.float32),
                visible=silhouette / np.float32(255),
                photo_mask=mask,
                category="bar",
                structure="bar",
                attributes={"sleeve_length": "Long" if half > 6 else "Short", "fit": "Slim"},
            )
        )
    return pairs


def test_photos_are_framed_by_their_masks_and_silhouettes_stay() -> None:
    pairs = _bars(np.random.default_rng(0), 6)
    batch = silhouette_batch(pairs, np.random.default_rng(1))
    assert batch["photo"].shape == (6, 3, 32, 32) and batch["silhouette"].shape == (6, 1, 16, 16)
    for photo, mask, small, pair in zip(
        batch["photo"], batch["mask"][:, 0], batch["silhouette"][:, 0], pairs, strict=True
    ):
        columns = np.flatnonzero((mask > 127).any(0))
        assert abs(columns.mean() - 15.5) < 3  # wherever it lay
        level = pair.photo.max()
        assert (photo[0][mask > 200] > 0.6 * level).mean() > 0.9 and (photo[0][mask == 0] < 0.4 * level).mean() > 0.9
        np.testing.assert_array_equal(small, pair.silhouette.reshape(16, 2, 16, 2).mean((1, 3)).round())
    again = silhouette_batch(pairs, np.random.default_rng(1))
    assert all(np.array_equal(batch[name], again[name]) for name in batch)
    for labels, pair in zip(batch["labels"], pairs, strict=True):
        named = {a.key: a.values[code - 1] for a, code in zip(ATTRIBUTES, labels, strict=True) if code}
        assert named == {"sleeve_length": pair.attributes["sleeve_length"]}  # no silhouette shows the fit


def test_a_wider_frame_shows_more_and_only_where_a_parser_is_asked() -> None:
    pairs = []
    for pair in _bars(np.random.default_rng(0), 24):
        labels = np.where(pair.photo_mask > 0, LABEL["upper"], 0).astype(np.uint8)
        labels[:2] = LABEL["hair"]  # beyond the frame of the garment
        pairs.append(replace(pair, labels=labels))
    batch = silhouette_batch(pairs, np.random.default_rng(1))
    assert batch["context"].shape == (24, 13, 16, 16)
    asked = batch["around"].any((1, 2, 3))
    assert asked.any() and not asked.all()
    np.testing.assert_array_equal(batch["context"].any((1, 2, 3)), asked)
    mask, hair = batch["context"][asked, 0], batch["context"][asked, 1 + LABEL["hair"]]
    assert (hair[:, :6].max((1, 2)) > 30).all()
    assert batch["context"][asked, 10:].any()  # the photo
    own = batch["mask"][asked, 0]
    assert ((mask > 127).mean((1, 2)) < 0.7 * (own > 127).mean((1, 2))).all()  # it is smaller in a wider frame


def test_the_loss_by_hand(net) -> None:
    batch = _tensors(silhouette_batch(_bars(np.random.default_rng(0), 3), np.random.default_rng(1)))
    with torch.no_grad():
        found = silhouette_losses(net, batch)
        wanted = batch["silhouette"].float() / 255
        logits = net(batch["photo"].float() / 127.5 - 1, batch["mask"].float() / 255).silhouette
        drawn = logits.sigmoid()
        jaccard = [1 - (d * w).sum() / (d + w - d * w).sum() for d, w in zip(drawn, wanted, strict=True)]
        cross = wanted * drawn.log() + (1 - wanted) * (1 - drawn).log()
        cross = -(pixel_weights(wanted) * cross).mean()
    even = np.log(len(ATTRIBUTES[3].values))  # heads that know nothing
    assert found["reading"].item() == pytest.approx(even) and 0 <= found["sleeves"] <= 1
    torch.testing.assert_close(found["loss"], cross + 0.5 * torch.stack(jaccard).mean() + 0.25 * even)
    own = [((logits[i] > 0) & (wanted[i] > 0.5)).sum() / ((logits[i] > 0) | (wanted[i] > 0.5)).sum() for i in range(3)]
    assert found["iou"].item() == pytest.approx(torch.stack(own).mean().item())
    mask = F.avg_pool2d(batch["mask"].float() / 255, 2) > 0.5
    as_it_lies = [(m & (w > 0.5)).sum() / (m | (w > 0.5)).sum() for m, w in zip(mask, wanted, strict=True)]
    assert found["outline"].item() == pytest.approx(torch.stack(as_it_lies).mean().item())


def test_training_learns_what_the_outline_does_not_say(net, config) -> None:
    settings = config(250, batch_size=8, learning_rate=3e-3, ema_decay=0.9, sample_every=125)
    held_out = {"bars": _bars(np.random.default_rng(7), 16)}
    trained = train_silhouette(settings, lambda rng, count: _bars(rng, count), held_out, model=net)
    batch = _tensors(silhouette_batch(_bars(np.random.default_rng(8), 32), np.random.default_rng(9)))
    with torch.no_grad():
        found = silhouette_losses(trained.eval(), batch)
    assert found["iou"] > found["outline"] + 0.15
    assert found["sleeves"] > 0.8 and taught_attributes(trained.attribute_heads) == {"sleeve_length"}
    log = (settings.out / "log.jsonl").read_text()
    assert '"held_out_bars_iou"' in log and len(list(settings.out.glob("sheet-*.jpg"))) == 2
    loaded = SilhouetteNet.from_pretrained(settings.out / "silhouette_net", low_cpu_mem_usage=False)
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_pairs_of_any_kind_make_a_batch(make_pair) -> None:
    rng = np.random.default_rng(0)
    pairs = [make_pair(rng), replace(make_pair(rng), photo_mask=np.zeros((32, 32), np.uint8))]  # nothing is seen
    assert silhouette_batch(pairs, rng)["mask"][1].max() == 0


def test_pixels_about_a_neckline_count_more() -> None:
    shape = torch.zeros(2, 1, 40, 40)
    shape[..., 5:35, 8:32] = 1
    shape[0, 0, 5:11, 16:24] = 0  # the first opens at the neck
    weights = neck_weights(shape)
    assert float(weights[0, 0, 7, 20]) == float(weights[0, 0, 12, 20]) == float(weights[0, 0, 6, 10]) == 4
    assert float(weights[0, 0, 30, 20]) == float(weights[0, 0, 7, 4]) == float(weights[0, 0, 2, 20]) == 1
    assert torch.equal(weights[1], torch.ones_like(weights[1]))
    outlined = pixel_weights(shape)
    assert bool((outlined >= weights).all()) and bool((outlined[:, :, -4:] == weights[:, :, -4:]).all())
    assert (outlined[:, 0, 17, 7:9] == 3).all(), "on both sides of an edge in the upper part"
    assert (outlined[:, 0, 26, 7:9] == 1).all() and (outlined[:, 0, 17, [2, 14, 37]] == 1).all()
