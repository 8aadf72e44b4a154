"""The state of a training on disk: whole or not at all, and everything that going on needs."""

from __future__ import annotations

import json

import pytest
import torch

from ragdiffusion.files import write_json
from ragdiffusion.training.state import (
    ExponentialAverage,
    load_training,
    save_tensors,
    save_training,
)


def _parts(seed: int = 0, width: int = 3) -> dict:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = torch.nn.Sequential(torch.nn.Linear(width, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    return {"module": module, "average": ExponentialAverage(module), "optimizer": optimizer}


def _step(module, optimizer, average, number: int) -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(number))
    optimizer.zero_grad()
    module(x).square().sum().backward()
    optimizer.step()
    average.update(module, number)


@pytest.fixture
def saved(tmp_path):
    parts = _parts()
    for number in range(3):
        _step(**parts, number=number)
    save_training(tmp_path, step=3, seconds=7.5, **parts)
    return tmp_path, parts


def test_everything_comes_back_and_goes_on_bit_for_bit(saved):
    folder, wanted = saved
    found = _parts(seed=9)
    assert load_training(folder, **found) == (3, 7.5)
    for _ in range(2):
        for name, value in wanted["module"].state_dict().items():
            assert torch.equal(found["module"].state_dict()[name], value), name
            assert torch.equal(found["average"].average[name], wanted["average"].average[name]), name
        for parts in (found, wanted):
            _step(**parts, number=4)


def test_the_moving_average_by_hand():
    module = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(1.0)
    average = ExponentialAverage(module, decay=0.5)
    values = []
    for step, weight in enumerate((2.0, 3.0, 11.0)):
        with torch.no_grad():
            module.weight.fill_(weight)
        average.update(module, step)
        values.append(average.average["weight"].item())
    # Decay 1/10, 2/11 and 3/12 while those are below 0.5.
    first = 0.1 * 1 + 0.9 * 2
    second = 2 / 11 * first + 9 / 11 * 3
    assert values == pytest.approx([first, second, 0.25 * second + 0.75 * 11])
    average.update(module, 1000)
    assert average.average["weight"].item() == pytest.approx((values[-1] + 11) / 2)


def test_the_average_copies_what_is_counted():
    module = torch.nn.BatchNorm1d(2)
    average = ExponentialAverage(module, decay=0.9)
    module(torch.randn(8, 2))
    average.update(module, 0)
    assert average.average["num_batches_tracked"].item() == 1
    assert not any(value.data_ptr() == module.state_dict()[name].data_ptr() for name, value in average.average.items())


def test_a_new_folder_starts_at_nothing(tmp_path):
    parts = _parts()
    before = parts["module"][0].weight.clone()
    assert load_training(tmp_path / "none", **parts) == (0, 0.0)
    assert torch.equal(parts["module"][0].weight, before)


@pytest.mark.parametrize("spoil", ["truncated", "empty", "missing", "older"])
def test_the_tensors_suffice_to_go_on(saved, spoil):
    folder, wanted = saved
    about = folder / "state.json"
    seconds = 0.0
    if spoil == "missing":
        about.unlink()
    elif spoil == "older":  # killed between the two files
        write_json(about, {"schema": 1, "step": 2, "seconds": 5.0})
        seconds = 5.0
    else:
        about.write_text(about.read_text()[:9] if spoil == "truncated" else "")
    found = _parts(seed=9)
    assert load_training(folder, **found) == (3, seconds)
    assert torch.equal(found["module"][0].weight, wanted["module"][0].weight)


def test_what_a_kill_left_half_written_is_ignored(saved):
    folder, wanted = saved
    for name in ("state.safetensors", "state.json"):
        (folder / f".{name}.{2**22 + 1}.partial").write_bytes((folder / name).read_bytes()[:20])  # of no process
    assert load_training(folder, **_parts(seed=9)) == (3, 7.5)
    save_training(folder, step=4, seconds=8.0, **wanted)
    assert sorted(file.name for file in folder.iterdir()) == ["state.json", "state.safetensors"]
    assert json.loads((folder / "state.json").read_text()) == {"schema": 1, "step": 4, "seconds": 8.0}


@pytest.mark.parametrize(
    "write", [lambda path: write_json(path, {"a": object()}), lambda path: save_tensors(path, {"a": "no tensor"})]
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, write):
    path = tmp_path / "state"
    path.write_text("old")
    with pytest.raises((TypeError, AttributeError)):
        write(path)
    assert path.read_text() == "old"


def test_a_state_of_another_kind_is_refused(saved):
    folder, _ = saved
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_training(folder, **_parts(width=5))
    write_json(folder / "state.json", {"schema": 2, "step": 3, "seconds": 1.0})
    with pytest.raises(RuntimeError, match="training state of schema 2, this version reads 1; start in a new folder"):
        load_training(folder, **_parts())
