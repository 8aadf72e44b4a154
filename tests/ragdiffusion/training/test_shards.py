"""Weights that travel in shards: what comes back, how a training goes on, what is refused."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.training.shards import MANIFEST, read_shards, write_shards
from ragdiffusion.training.state import ExponentialAverage, load_training, save_training


def _parts(seed: int) -> dict:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = torch.nn.Sequential(torch.nn.Linear(40, 30), torch.nn.BatchNorm1d(30))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(4, 40)).square().sum().backward()
    optimizer.step()
    return {"module": module, "average": ExponentialAverage(module), "optimizer": optimizer}


@pytest.fixture
def trainings(tmp_path):
    for number, name in enumerate(("flow", "structure")):
        save_training(tmp_path / name, step=10 + number, seconds=1.0, **_parts(number))
    return [tmp_path / "flow", tmp_path / "structure"]


def test_a_training_goes_on_from_shards_with_its_average(trainings, tmp_path):
    written = write_shards(trainings, tmp_path / "out", limit=1000)
    assert len(written) > 4 and all(path.stat().st_size <= 1000 for path in written[:-1])
    assert read_shards(tmp_path / "out", tmp_path / "again") == [
        tmp_path / "again" / "flow",
        tmp_path / "again" / "structure",
    ]
    for number, name in enumerate(("flow", "structure")):
        wanted, found = _parts(number), _parts(7)
        found["optimizer"] = torch.optim.AdamW(found["module"].parameters(), lr=0.1)
        assert load_training(tmp_path / "again" / name, **found)[0] == 10 + number
        for key, value in wanted["average"].average.items():
            half = value.half().to(value) if value.is_floating_point() else value
            assert torch.equal(found["average"].average[key], half), key
            assert found["average"].average[key].dtype == value.dtype
            assert torch.equal(found["module"].state_dict()[key], half), key
        assert not found["optimizer"].state_dict()["state"]


def test_a_training_that_is_there_is_left_alone(trainings, tmp_path):
    write_shards(trainings, tmp_path / "out")
    before = (trainings[0] / "state.safetensors").read_bytes()
    read_shards(tmp_path / "out", tmp_path)
    assert (trainings[0] / "state.safetensors").read_bytes() == before


def test_missing_and_damaged_shards_are_named(trainings, tmp_path):
    out = tmp_path / "out"
    write_shards(trainings, out, limit=4000)
    content = (out / "shard-01.bin").read_bytes()
    (out / "shard-01.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"shard-01\.bin: damaged"):
        read_shards(out, tmp_path / "again")
    (out / "shard-01.bin").unlink()
    with pytest.raises(ValueError, match=r"shard-01\.bin: missing"):
        read_shards(out, tmp_path / "again")
    (out / MANIFEST).write_text("{")
    with pytest.raises(ValueError, match=MANIFEST):
        read_shards(out, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_folders_that_are_no_trainings_are_refused(trainings, tmp_path):
    with pytest.raises(ValueError, match="no training state"):
        write_shards([tmp_path], tmp_path / "out")
    with pytest.raises(ValueError, match="different names"):
        write_shards([trainings[0], trainings[0]], tmp_path / "out")
