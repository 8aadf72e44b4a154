"""Shards of a limited size come back as they were."""

from __future__ import annotations

import json

import pytest
import torch

from ragdiffusion.training.scale.shards import read_sharded, write_sharded


def test_tensors_are_cut_at_the_limit_and_come_back(tmp_path):
    tensors = {f"layer.{i}": torch.randn(10, 10, generator=torch.Generator().manual_seed(i)) for i in range(5)}
    tensors["large"], tensors["count"] = torch.arange(500), torch.tensor(3)
    write_sharded(tmp_path, "weights", tensors, limit=900)
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert files[0] == "weights-00001-of-00005.safetensors" and len(files) == 5  # two, two, one, the large, the count
    assert all(path.stat().st_size < 1300 for path in tmp_path.glob("weights-0000[1235]*"))
    found = dict(read_sharded(tmp_path, "weights"))
    assert set(found) == set(tensors) and all(torch.equal(found[name], value) for name, value in tensors.items())


def test_what_is_missing_is_named(tmp_path):
    write_sharded(tmp_path, "weights", {"a": torch.ones(2)})
    (tmp_path / "weights-00001-of-00001.safetensors").unlink()
    with pytest.raises(ValueError, match="the state is incomplete or damaged .*; remove it to go on from the one"):
        dict(read_sharded(tmp_path, "weights"))
    (tmp_path / "weights.safetensors.index.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match="incomplete or damaged"):
        dict(read_sharded(tmp_path, "weights"))
