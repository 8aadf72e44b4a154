"""Training of the parser: its photos, its loss, its gradients in bfloat16, and that it learns."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.garments.people.real_cloth import is_held_out
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.training.depthwise import exact_depthwise_gradients
from ragdiffusion.training.parser import ParserTraining, freeze, parser_losses, train_parser
from ragdiffusion.training.parser_photos import UNSURE, Harder, Labelled, LaidGarments, RenderedPeople, framed
from tests.ragdiffusion.parsing.conftest import TINY

RED, BLUE = (200, 40, 40), (40, 40, 200)


def _write_people(folder: Path, count: int = 6) -> Path:
    """Red tops over blue skirts on grey."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        photo, labels = np.full((64, 48, 3), 128, np.uint8), np.zeros((64, 48), np.uint8)
        waist = int(rng.integers(24, 40))
        photo[8:waist, 12:36], labels[8:waist, 12:36] = RED, LABEL["upper"]
        photo[waist:60, 12:36], labels[waist:60, 12:36] = BLUE, LABEL["lower"]
        cv2.imwrite(str(folder / f"{index}.jpg"), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
        cv2.imwrite(str(folder / f"{index}.png"), labels)
    return folder


def _write_laid(root: Path, count: int = 10) -> Path:
    """Green squares that are trousers."""
    folder = root / "train" / "pants"
    folder.mkdir(parents=True)
    photo, mask = np.full((60, 60, 3), 230, np.uint8), np.zeros((60, 60), np.uint8)
    photo[20:40, 20:40], mask[20:40, 20:40] = (40, 160, 40), 255
    mask[40, 20:40] = 120  # a rim that is neither
    for index in range(count):
        cv2.imwrite(str(folder / f"{index}.jpg"), photo, [cv2.IMWRITE_JPEG_QUALITY, 100])
        cv2.imwrite(str(folder / f"{index}.png"), mask)
    rows = "".join(f"train,pants,{index}\n" for index in range(count))
    (root / "train.csv").write_text(f"split,category,id\n{rows}")
    return root


@pytest.fixture
def harder(tmp_path: Path) -> Harder:
    return Harder(
        [RenderedPeople(_write_people(tmp_path / "people"))],
        LaidGarments(_write_laid(tmp_path / "laid")),
        laid_share=0.5,
        grounds=2,
    )


def test_batches_are_a_function_of_the_generator(harder: Harder) -> None:
    first, again = (harder.batch(np.random.default_rng(3), 4, (64, 32)) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["photo"].shape == (4, 3, 64, 32) and first["labels"].shape == (4, 64, 32)
    assert not np.array_equal(first["photo"], harder.batch(np.random.default_rng(4), 4, (64, 32))["photo"])


def test_labels_stay_on_their_cloth_whatever_happens_to_the_photo(harder: Harder) -> None:
    """Warped, pasted and turned, a pixel named upper is redder than one named lower."""
    redness: dict[str, list[float]] = {"upper": [], "lower": []}
    rng = np.random.default_rng(5)
    for _ in range(30):
        item = harder.people[0][int(rng.integers(len(harder.people[0])))]
        for photo, labels in (framed(item, rng, (64, 48), turn=8.0), harder._elsewhere(rng, item, (64, 48), False)):
            difference = photo[..., 0].astype(int) - photo[..., 2]
            for name, found in redness.items():
                inner = cv2.erode((labels == LABEL[name]).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
                found += difference[inner].tolist()
    assert np.quantile(redness["upper"], 0.02) > 20 and np.quantile(redness["lower"], 0.98) < -20


def test_beyond_the_rim_nothing_is_said_of_a_garment_that_it_cuts() -> None:
    item = Labelled(
        np.full((20, 20, 3), 9, np.uint8), np.full((20, 20), LABEL["dress"], np.uint8), np.full((20, 20), 255, np.uint8)
    )
    seen = set()
    for seed in range(12):
        _, labels = framed(item, np.random.default_rng(seed), (40, 80), turn=0.0)
        seen |= set(np.unique(labels).tolist())
    assert seen <= {0, LABEL["dress"], UNSURE} and UNSURE in seen


def test_soft_rims_are_left_open_and_held_out_garments_left_out(tmp_path: Path) -> None:
    laid = LaidGarments(_write_laid(tmp_path, count=16))
    dressing = sum(is_held_out(str(index)) for index in range(16))  # people that are measured on
    assert 14 - dressing <= len(laid) <= 14 and dressing > 0
    assert set(np.unique(laid[0].labels).tolist()) == {0, LABEL["lower"], UNSURE}
    ground = laid.grounds(1)[0]
    assert ground.min() > 190  # the green is painted over


def test_a_folder_that_grows_is_taken_in(tmp_path: Path) -> None:
    people = RenderedPeople(_write_people(tmp_path / "people", count=2))
    assert len(people) == 2
    for suffix in ("jpg", "png"):
        (tmp_path / "people" / f"x.{suffix}").write_bytes((tmp_path / "people" / f"0.{suffix}").read_bytes())
    people.look()
    assert len(people) == 3
    with pytest.raises(ValueError, match="holds no photo NAME.jpg"):
        RenderedPeople(tmp_path)
    with pytest.raises(ValueError, match=r"no train\.csv here"):
        LaidGarments(tmp_path)


def test_the_loss_is_cross_entropy_and_dice_over_what_is_known() -> None:
    logits = torch.randn(2, 9, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.randint(0, 9, (2, 6, 5), generator=torch.Generator().manual_seed(1))
    labels[0, 0] = UNSURE
    weights = torch.tensor([0.7, 1.0, 1.1, 1.3, 1.0, 1.2, 1.0, 1.0, 1.2])
    cross = F.cross_entropy(logits, labels, weights, ignore_index=UNSURE)
    dice = []
    for name in range(9):
        own, likely = (labels == name).float(), logits.softmax(1)[:, name] * (labels != UNSURE)
        dice.append(1 - (2 * (own * likely).sum() + 100) / (own.sum() + likely.sum() + 100))
    wanted = cross + 0.5 * torch.stack(dice).mean()
    found = parser_losses(logits, labels)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (found, wanted)))


def test_exact_depthwise_gradients_are_the_usual_ones(tiny_net: GarmentParser) -> None:
    photo = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    gradients = []
    for exact in (False, True):
        tiny_net.zero_grad()
        if exact:
            with exact_depthwise_gradients(tiny_net):
                tiny_net(photo).square().sum().backward()
        else:
            tiny_net(photo).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in tiny_net.parameters()])
    for usual, own in zip(*gradients, strict=True):
        torch.testing.assert_close(own, usual, rtol=1e-3, atol=1e-4)
    assert not any("_conv_forward" in vars(module) for module in tiny_net.modules())


def test_frozen_blocks_keep_weights_and_statistics(tiny_net: GarmentParser) -> None:
    freeze(tiny_net, 1)
    before = {name: value.clone() for name, value in tiny_net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in tiny_net.parameters() if p.requires_grad], 0.1)
    tiny_net(torch.rand(2, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    moved = {name for name, value in tiny_net.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith(("encoder.conv_stem", "encoder.bn0", "encoder.blocks.0.")) for name in moved)
    assert any(name.startswith("encoder.blocks.1.") for name in moved)


@pytest.fixture
def tiny_net() -> GarmentParser:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GarmentParser(**TINY).train()


def test_it_learns_writes_what_it_learnt_and_goes_on(tmp_path: Path, tiny_net: GarmentParser) -> None:
    people = _write_people(tmp_path / "people")
    config = ParserTraining(
        out=tmp_path / "out",
        people=(people,),
        laid=_write_laid(tmp_path / "laid"),
        held_out=people,
        minutes=5,
        steps=60,
        side=32,
        batch_size=4,
        learning_rate=1e-2,
        warmup=5,
        frozen=0,
        processes=1,
        bfloat16=False,
    )
    trained = train_parser(config, tiny_net)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    assert lines[-1]["iou_ground"] > 0.5 and lines[-1]["step"] >= 60
    saved = GarmentParser.from_pretrained(tmp_path / "out" / "garment_parser")
    assert saved.dtype == torch.float16 or torch.allclose(saved.head.weight.float(), trained.head.weight, atol=1e-2)
    again = train_parser(ParserTraining(**{**vars(config), "steps": 2}), GarmentParser(**TINY))
    assert json.loads((tmp_path / "out" / "state.json").read_text())["step"] >= 62
    assert (again.head.weight - trained.head.weight).abs().max() < 0.2  # not from its beginning


def test_numbers_out_of_range_are_told(tmp_path: Path) -> None:
    good = {"out": tmp_path, "people": (), "laid": tmp_path, "held_out": None, "minutes": 1}
    for change, message in (
        ({"side": 16}, "side is 16, 32 or more"),
        ({"processes": 0}, "processes is 0"),
        ({"cooldown": 1.0}, "cooldown is 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            ParserTraining(**{**good, **change})
