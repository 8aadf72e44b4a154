"""The pool on disk: which shards it holds, what it draws, and how others renew it meanwhile."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from ragdiffusion.cli import main
from ragdiffusion.training import latents
from ragdiffusion.training.latents import SHARD, LatentPool, open_pool, shard_numbers, shard_path, write_shard
from ragdiffusion.training.rolling_pool import Encoders, rolling_pool


def _counting(rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
    """Samples that say which they are: a number drawn for the shard, and their place in it."""
    mark = int(rng.integers(1 << 30))
    return {"mark": torch.full((count,), mark), "row": torch.arange(count), "half": torch.full((count, 2), 1 / 3)}


@dataclass(frozen=True)
class Counting:
    """A recipe that travels to another process."""

    broken: bool = False

    def __call__(self):
        if self.broken:
            raise SystemExit(3)
        return _counting


def test_a_pool_draws_every_sample_alike_and_in_half_precision(tmp_path):
    pool = open_pool(tmp_path, _counting, size=SHARD + 1, seed=1)
    assert len(pool) == 2 * SHARD and pool.numbers == [0, 1]
    batch = pool.batch(np.random.default_rng(0), 2 * SHARD)  # distinct: so all of them
    assert sorted(batch["row"].tolist()) == sorted([*range(SHARD), *range(SHARD)])
    assert len(set(zip(batch["mark"].tolist(), batch["row"].tolist(), strict=True))) == 2 * SHARD
    assert batch["half"].dtype == np.float16 and batch["row"].dtype == np.int64
    marks = [int(np.random.default_rng([1, number]).integers(1 << 30)) for number in (0, 1)]
    assert set(batch["mark"].tolist()) == set(marks)
    assert pool.uses == 1.0
    pool.batch(np.random.default_rng(1), SHARD)
    assert pool.uses == 1.5


def test_new_shards_take_the_place_of_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "_LOOK_EVERY", 0.0)
    pool = open_pool(tmp_path, _counting, size=2 * SHARD, seed=1)
    rolling = LatentPool(tmp_path, shards=2, rolling=True)
    held = rolling.batch(np.random.default_rng(0), 4)
    write_shard(tmp_path, 2, _counting, count=SHARD, seed=1)
    fresh = rolling.batch(np.random.default_rng(0), 2 * SHARD)
    assert rolling.numbers == [1, 2] and shard_numbers(tmp_path) == [1, 2]
    newest = int(np.random.default_rng([1, 2]).integers(1 << 30))
    assert newest in fresh["mark"] and newest not in held["mark"]
    assert rolling.uses == (4 + 2 * SHARD) / (3 * SHARD)
    assert pool.numbers == [0, 1]  # who does not look still reads what it has open
    assert len(pool.batch(np.random.default_rng(0), 2 * SHARD)["row"]) == 2 * SHARD
    assert open_pool(tmp_path, _counting, size=3 * SHARD, seed=1).numbers == [1, 2, 3]  # numbers are never used twice


def test_a_pool_larger_than_memory_is_mapped_not_read(tmp_path):
    """Shards of 32 MB: opening eight and drawing some rows must not bring in their 256 MB."""
    from safetensors.torch import save_file

    if not (status := latents.Path("/proc/self/status")).is_file():
        pytest.skip("memory in use is read from /proc")

    def resident() -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    for number in range(8):
        save_file(
            {"rows": torch.full((128, 64, 2048), float(number), dtype=torch.float16)}, shard_path(tmp_path, number)
        )
    before = resident()
    pool = LatentPool(tmp_path, shards=8)
    drawn = pool.batch(np.random.default_rng(0), 8)["rows"]
    assert drawn.shape == (8, 64, 2048) and all((row == row[0, 0]).all() for row in drawn)
    assert resident() - before < 128 * 1024


def test_others_fill_the_pool_and_renew_it_as_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "_LOOK_EVERY", 0.0)
    with rolling_pool(
        tmp_path, Encoders(recipe=Counting(), processes=2, uses=1.0, first=1), size=2 * SHARD, seed=4
    ) as pool:
        rng, until = np.random.default_rng(0), time.monotonic() + 180
        while min(pool.numbers) < 3 and time.monotonic() < until:
            pool.batch(rng, SHARD)
            time.sleep(0.02)
        assert min(pool.numbers) >= 3 and len(pool.numbers) <= 2
        settled: list[int] = []
        while shard_numbers(tmp_path) != settled and time.monotonic() < until:  # what was begun is finished
            settled = shard_numbers(tmp_path)
            time.sleep(1.5)
        assert shard_numbers(tmp_path) == settled, "nothing was drawn, so nothing new is wanted"
        made = 1 + max(settled)
        assert (made - 2) * SHARD <= pool.drawn + SHARD  # beyond the full pool, a new sample for each drawn one
    with rolling_pool(tmp_path, Encoders(recipe=Counting(), uses=1.0), size=2 * SHARD, seed=4) as again:
        assert again.numbers == shard_numbers(tmp_path)[-2:]


def test_a_denoiser_trains_on_what_an_encoder_makes_meanwhile(tiny_checkpoint, tmp_path, capsys):
    words = [
        "train",
        "denoiser",
        "--checkpoint",
        str(tiny_checkpoint),
        "--out",
        str(tmp_path),
        "--minutes",
        "5",
        "--steps",
        "2",
        "--batch-size",
        "2",
        "--device",
        "cpu",
    ]
    assert main([*words, "--pool", "4", "--encoders", "1"]) == 0
    assert 1 <= len(shard_numbers(tmp_path / "pool")) <= 2
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert logged[-1]["step"] == 2 and "draft" in logged[-1]
    assert (tmp_path / "unet" / "config.json").is_file()
    assert main([*words, "--encoders", "1"]) == 2
    assert "give its size with --pool" in capsys.readouterr().err


def test_encoders_that_die_are_named(tmp_path):
    with pytest.raises(RuntimeError, match="all 1 encoders ended before 1 shards were there"):
        with rolling_pool(tmp_path, Encoders(recipe=Counting(broken=True)), size=5, seed=0):
            raise AssertionError("there is nothing to train on")


@pytest.mark.parametrize("changes", [{"processes": 0}, {"uses": 0.5}, {"uses": float("nan")}, {"first": 0}])
def test_encoders_that_can_not_work_are_refused(changes):
    with pytest.raises(ValueError, match="1 or more of each wanted"):
        Encoders(recipe=Counting(), **changes)


def test_a_pool_of_nothing_is_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="a pool of 0 samples"),
        rolling_pool(tmp_path, Encoders(recipe=Counting()), size=0, seed=0),
    ):
        raise AssertionError("there is nothing to train on")
