"""A pool of samples that are encoded before they are trained on.

What the frozen parts make of a sample (three latents, the draft's visibility, the structure embedding) costs more
than a step of the small denoiser itself. So samples are encoded once and seen several times; and as a model learns a
pool by heart that it sees too often, a pool may roll: other processes encode new samples all the while, and each new
shard takes the place of the oldest.

The pool lies on disk in shards in half precision, numbered in the order of their making, and is read through memory
maps: its size is bounded by the disk, not by memory. A training that goes on finds it as it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from ragdiffusion.training.loop import Batch
from ragdiffusion.training.state import save_tensors

log = logging.getLogger(__name__)

SHARD = 128  # samples a shard
_LOOK_EVERY = 5.0  # seconds between looks for new shards

Encode = Callable[[np.random.Generator, int], Batch]
"""(generator, count) -> so many encoded samples."""


class LatentPool:
    """The newest shards of a folder.

    Args:
        folder: of the shards.
        shards: so many of them are kept; older ones are removed from the disk.
        rolling: look for new ones while samples are drawn.
        on_drawn: told after each batch how many samples this pool has given in all.
    """

    def __init__(
        self, folder: Path, *, shards: int, rolling: bool = False, on_drawn: Callable[[int], None] | None = None
    ) -> None:
        self.folder, self.shards, self.rolling, self.on_drawn = folder, shards, rolling, on_drawn
        self.drawn = self._held = 0
        self._open: dict[int, Batch] = {}
        self._starts = np.zeros(1, np.int64)  # of each shard in the row of all samples, and their number
        self._looked = 0.0
        self.refresh()

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def uses(self) -> float:
        """Times that a sample of all those that this pool has held was drawn, on average."""
        return self.drawn / max(1, self._held)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the shards that samples are drawn from, oldest first."""
        return list(self._open)

    def refresh(self) -> None:
        """Take new shards in and let the oldest go."""
        self._looked = time.monotonic()
        there = shard_numbers(self.folder)
        keep = there[-self.shards :]
        # On a CPU load_file maps the file; rows are read when they are drawn.
        opened = {number: self._open.get(number) or load_file(shard_path(self.folder, number)) for number in keep}
        self._held += sum(_length(shard) for number, shard in opened.items() if number not in self._open)
        self._open, self._starts = opened, np.cumsum([0, *(_length(shard) for shard in opened.values())])
        for number in there[: -self.shards]:
            shard_path(self.folder, number).unlink(missing_ok=True)

    def batch(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """Draw distinct samples (all of them where there are fewer), still in half precision."""
        if self.rolling and time.monotonic() - self._looked > _LOOK_EVERY:
            self.refresh()
        chosen = rng.choice(len(self), min(count, len(self)), replace=False)
        shards = np.searchsorted(self._starts, chosen, side="right") - 1
        opened = list(self._open.values())
        self.drawn += len(chosen)
        if self.on_drawn is not None:
            self.on_drawn(self.drawn)
        return {
            name: torch.stack(
                [opened[s][name][row - self._starts[s]] for s, row in zip(shards, chosen, strict=True)]
            ).numpy()
            for name in opened[0]
        }


def _length(shard: Batch) -> int:
    return len(next(iter(shard.values())))


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{number:04d}.safetensors"


def shard_numbers(folder: Path) -> list[int]:
    """Numbers of the shards in a folder, ascending."""
    return sorted(int(path.stem.partition("-")[2]) for path in folder.glob("shard-*.safetensors"))


def shards_of(size: int) -> int:
    """Shards that hold so many samples.

    Raises:
        ValueError: if the size is not positive.
    """
    if size < 1:
        raise ValueError(f"a pool of {size} samples was asked for, at least 1 wanted")
    return -(-size // SHARD)


def write_shard(folder: Path, number: int, encode: Encode, *, count: int, seed: int) -> None:
    """Encode a shard's samples, which its number and the seed decide, and write it whole."""
    encoded = encode(np.random.default_rng([seed, number]), count)
    save_tensors(
        shard_path(folder, number),
        {name: rows.half() if rows.is_floating_point() else rows for name, rows in encoded.items()},
    )


def open_pool(folder: Path, encode: Encode, *, size: int, seed: int) -> LatentPool:
    """Read a pool from its folder and encode, here and now, what it lacks.

    Args:
        folder: of the shards; sample numbers are spread over them in order, so a bigger pool keeps a smaller one's.
        encode: makes samples.
        size: samples wanted, rounded up to whole shards.
        seed: of the samples.

    Raises:
        ValueError: if the size is not positive.
    """
    wanted = shards_of(size)
    folder.mkdir(parents=True, exist_ok=True)
    there = shard_numbers(folder)
    for _ in range(wanted - len(there)):
        number = there[-1] + 1 if there else 0
        write_shard(folder, number, encode, count=min(SHARD, size), seed=seed)
        there.append(number)
        log.info("%s: shard %d of %d", folder, len(there), wanted)
    return LatentPool(folder, shards=wanted)
