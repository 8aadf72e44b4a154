"""Training of the appearance flow: positions agree with the warp that made the pair, errors by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.draft.appearance_flow import AppearanceFlow, FlowPrediction, cell_centres, sample_at
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.warps import identity_map
from ragdiffusion.training.flow import (
    NODES,
    as_lattice,
    flow_batch,
    flow_losses,
    meant,
    rough_lattice,
    rough_map,
    train_flow,
)


def drawn(draw: Callable[[np.random.Generator], Pair], count: int) -> dict[str, np.ndarray]:
    """A batch of so many pairs, as training draws it."""
    rng = np.random.default_rng(0)
    return flow_batch([draw(rng) for _ in range(count)], rng)


def _tensors(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in batch.items()}


@pytest.fixture
def model() -> AppearanceFlow:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AppearanceFlow(input_size=16, finder_widths=(8, 8), refiner_widths=(8, 8))


def test_warping_the_photo_by_the_batchs_flow_gives_the_standard(make_pair):
    # A ramp of three levels a pixel: half a pixel's shift would be off by one and a half.
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    photo = np.stack([3 * x + 20, 3 * y + 20, 1.5 * x + 1.5 * y + 20], -1).astype(np.uint8)
    batch = _tensors(drawn(lambda rng: make_pair(rng, 64, photo=photo), 3))
    assert batch["flow"].shape == (3, 2, 32, 32) and batch["flow"].abs().max() <= 1
    warped = sample_at(batch["photo"].float(), batch["flow"])
    inside = (batch["visible"] == 1).expand_as(warped)
    difference = (warped - batch["standard"].float())[inside]
    assert difference.abs().max() <= 1.5 and abs(difference.mean()) < 0.55  # truncated to 8 bits twice
    shifted = sample_at(batch["photo"].float(), batch["flow"] + 1 / 64)
    assert (shifted - batch["standard"].float())[inside].mean() > 1.0


def test_a_batch_stacks_what_was_drawn(make_pair):
    pairs = []

    def draw(rng):
        pairs.append(make_pair(rng))
        return pairs[-1]

    batch = drawn(draw, 2)
    assert np.array_equal(batch["photo"][1], pairs[1].photo.transpose(2, 0, 1))
    assert np.array_equal(batch["silhouette"][0, 0], pairs[0].silhouette)
    again = drawn(make_pair, 2)
    assert all(np.array_equal(batch[name], again[name]) for name in batch)


def _prediction(flow: torch.Tensor, batch, *, seen: float = 20.0) -> FlowPrediction:
    """A prediction with this flow after both refinements, and sure masks."""
    return FlowPrediction(
        levels=(flow, flow),
        visibility=(batch["visible"] * 2 - 1) * seen,
        garment=(batch["photo_mask"].float() / 255 * 2 - 1) * seen,
    )


def test_a_perfect_prediction_has_no_error_and_a_shift_its_size(make_pair):
    batch = _tensors(drawn(make_pair, 2))
    batch["visible"] = (batch["visible"] == 1).float()
    perfect = flow_losses(_prediction(batch["flow"], batch), batch)
    assert perfect["px"] < 1e-4 and perfect["visibility"] < 1e-4 and perfect["garment_iou"] == 1
    shift = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1) / 128  # 5 pixels of a 256-pixel photo
    shifted = flow_losses(_prediction(batch["flow"] + shift, batch), batch)
    assert shifted["px"].item() == pytest.approx(5.0, rel=1e-4)
    # 3 x (1 + 1) x the shift's absolute sum; slopes are equal, so nothing else but the pictures' difference.
    wanted = 3 * 2 * 7 / 128 + 0.3 * (shifted["photometric"] - perfect["photometric"])
    assert (shifted["loss"] - perfect["loss"]).item() == pytest.approx(float(wanted), rel=1e-3)
    assert flow_losses(_prediction(batch["flow"], batch, seen=-20.0), batch)["visibility"] > 10


def test_hidden_points_do_not_count(make_pair):
    batch = _tensors(drawn(make_pair, 2))
    wrong = torch.where(batch["visible"] > 0.5, batch["flow"], torch.zeros(()))
    assert flow_losses(_prediction(wrong, batch), batch)["px"] < 1e-4
    nothing = {**batch, "visible": torch.zeros_like(batch["visible"])}
    figures = flow_losses(_prediction(batch["flow"], nothing), nothing)
    assert all(torch.isfinite(value) for value in figures.values()) and figures["px"] == 0


@pytest.mark.parametrize("held_out", [1, 6])
def test_training_writes_what_it_returns_and_a_sheet(make_pair, model, config, held_out):
    pairs = [make_pair(np.random.default_rng(i), 16) for i in range(held_out)]
    settings = config(3)
    trained = train_flow(settings, lambda rng: make_pair(rng, 16), {"laid": pairs, "people": []}, model=model)
    loaded = AppearanceFlow.from_pretrained(settings.out / "appearance_flow", low_cpu_mem_usage=False)
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    sheet = cv2.imread(str(settings.out / "sheet-laid-0000003.jpg"))
    across = min(4, held_out)
    assert sheet.shape == (held_out // across * 16, across * 4 * 16, 3)
    assert not trained.training and not list(settings.out.glob("sheet-people-*"))
    assert '"held_out_laid_px"' in (settings.out / "log.jsonl").read_text()


def test_training_learns_a_fixed_place(make_pair, model, config):
    pair = make_pair(np.random.default_rng(0), 16)
    batch = _tensors(drawn(lambda rng: pair, 1))

    def error() -> float:
        with torch.no_grad():
            prediction = model(batch["photo"].float() / 127.5 - 1, batch["silhouette"].float() / 255)
        return float(flow_losses(prediction, batch)["px"])

    before = error()
    train_flow(config(60, learning_rate=3e-3, ema_decay=0.5), lambda rng: pair, {"laid": [pair]}, model=model)
    assert error() < 0.4 * before
    assert (model.refiner.head.weight != 0).any()


def test_a_rough_map_is_near_the_known_one_and_never_the_same_twice(make_pair):
    pair = replace(make_pair(np.random.default_rng(0), 32), flow=identity_map(32) * 0.5 + np.float32([3.75, 11.75]))
    rng = np.random.default_rng(0)
    maps = np.stack([rough_map(pair, rng) for _ in range(400)])
    assert maps.dtype == np.float32 and len({m.tobytes() for m in maps}) == 400
    # Half the size, its centre at (-0.25, 0.25): 0.5 * 32 / 2 + 3.75 + 0.25 = 12 of 32, and 20 of 32.
    np.testing.assert_allclose(np.median(maps, 0), [[0.5, 0, -0.25], [0, 0.5, 0.25]], atol=0.015)
    assert 0.005 < maps[:, 0, 2].std() < 0.05


def test_the_flow_of_a_pair_is_the_identitys_for_the_identity(make_pair):
    pair = replace(make_pair(np.random.default_rng(0), 16), flow=identity_map(16))
    batch = drawn(lambda rng: pair, 1)
    torch.testing.assert_close(torch.from_numpy(batch["flow"]), cell_centres(8, like=torch.zeros(())))


def test_a_rough_lattice_is_near_the_known_map_and_never_the_same_twice(make_pair):
    pair = replace(make_pair(np.random.default_rng(0), 32), flow=identity_map(32) * 0.5 + np.float32([3.75, 11.75]))
    rng = np.random.default_rng(0)
    drawn = np.stack([rough_lattice(pair, rng) for _ in range(200)])
    assert drawn.shape == (200, 2, NODES, NODES) and len({nodes.tobytes() for nodes in drawn}) == 200
    # Half the size, its centre at (-0.25, 0.25); the outermost nodes take the outermost of 16 cells, 1/16 from the rim.
    half = 0.5 * (1 - 1 / 16)
    np.testing.assert_allclose(np.median(drawn[:, :, 0, 0], 0), [-0.25 - half, 0.25 - half], atol=0.02)
    np.testing.assert_allclose(np.median(drawn[:, :, -1, 0], 0), [-0.25 - half, 0.25 + half], atol=0.02)
    assert 0.01 < drawn.std(0).mean() < 0.08


def test_a_lattice_of_an_affine_map_has_its_corners():
    affine = np.array([[0.5, 0.1, 0.2], [-0.1, 0.6, 0.0]])
    nodes = as_lattice(affine)
    np.testing.assert_allclose(nodes[:, 0, 0], affine @ [-1, -1, 1], atol=1e-6)
    np.testing.assert_allclose(nodes[:, -1, 0], affine @ [-1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(nodes[:, NODES // 2, NODES // 2], affine @ [0, 0, 1], atol=1e-6)


def test_one_garment_among_others_is_meant_by_its_mask(make_pair):
    """The finder's own opinion counts where a garment is alone, and is not asked where there are others."""
    alone = make_pair(np.random.default_rng(0), 16)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    chosen = replace(alone, photo_mask=mask, chosen=True)
    pairs = [alone, chosen]
    draws = [_tensors(flow_batch(pairs, np.random.default_rng(seed))) for seed in range(8)]
    exact = [batch for batch in draws if np.array_equal(batch["given"][1, 0], mask)]
    assert 0 < len(exact) < 8  # the others are soft and a little wrong
    found = torch.full((2, 1, 16, 16), 0.7)
    logits = meant(found, exact[0])
    torch.testing.assert_close(logits[0], found[0])
    sure = torch.tensor(0.999).logit()
    torch.testing.assert_close(logits[1, 0], torch.where(torch.from_numpy(mask) > 0, sure, -sure), rtol=1e-3, atol=1e-3)
    prediction = _prediction(exact[0]["flow"], exact[0])
    wrong = replace(prediction, garment=torch.cat([prediction.garment[:1], -prediction.garment[1:]]))
    assert flow_losses(wrong, exact[0])["garment"] < 1e-4
    both_wrong = replace(prediction, garment=-prediction.garment)
    assert flow_losses(both_wrong, exact[0])["garment"].item() == pytest.approx(20, rel=1e-3)


def test_people_train_the_flow_from_their_lattices(make_pair, model, config):
    def dressed(rng):
        return replace(make_pair(rng, 16), chosen=True)

    settings = config(2)
    train_flow(settings, dressed, {"people": [dressed(np.random.default_rng(0))]}, model=model)
    assert '"held_out_people_px"' in (settings.out / "log.jsonl").read_text()
    assert (settings.out / "sheet-people-0000002.jpg").is_file()
