"""A pool of encoded samples that processes beside the training renew while it goes on."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragdiffusion.training.latents import SHARD, Encode, LatentPool, shard_numbers, shards_of, write_shard

log = logging.getLogger(__name__)

_WAIT = 0.2  # seconds between two looks at what the others have done


@dataclass(frozen=True)
class Encoders:
    """Who fills a rolling pool.

    Attributes:
        recipe: makes `encode` inside each process; it travels there by pickle.
        processes: so many.
        uses: times that a sample is seen on average. Once the pool is full, new samples are made only as fast as
            this asks for, which leaves the processor to the training; encoders that are slower are not waited for.
        first: samples that must be there before the training starts.
    """

    recipe: Callable[[], Encode]
    processes: int = 1
    uses: float = 4.0
    first: int = 8 * SHARD

    def __post_init__(self) -> None:
        if self.processes < 1 or not self.uses >= 1 or self.first < 1:
            raise ValueError(
                f"{self.processes} encoders, {self.uses} uses a sample and {self.first} first samples "
                "were asked for: 1 or more of each wanted"
            )


@contextmanager
def rolling_pool(folder: Path, encoders: Encoders, *, size: int, seed: int) -> Iterator[LatentPool]:
    """A pool that others fill and renew as long as the context lasts.

    Which samples a batch holds depends on how fast they are made, so a training on it can go on, but not be repeated
    to the bit.

    Args:
        folder: of the shards; those that are there already are part of the pool.
        encoders: who makes samples.
        size: samples that the pool holds when it is full, rounded up to whole shards.
        seed: of the samples; a shard's number decides them, and no number is used twice.

    Raises:
        ValueError: if the size is not positive.
        RuntimeError: if the encoders died before the first samples were there.
    """
    shards = shards_of(size)
    folder.mkdir(parents=True, exist_ok=True)
    there = shard_numbers(folder)
    context = multiprocessing.get_context("spawn")  # a fork would copy torch's threads in any state
    shared = _Shared(
        following=context.Value("q", there[-1] + 1 if there else 0),
        drawn=context.Value("q", 0),
        made=context.Value("q", 0),
        full=max(0, shards - len(there)),
        stop=context.Event(),
    )
    workers = [
        context.Process(target=_encode, args=(folder, encoders, shared, seed, min(SHARD, size)), daemon=True)
        for _ in range(encoders.processes)
    ]
    for worker in workers:
        worker.start()
    try:
        first = shards_of(min(encoders.first, size))
        while len(shard_numbers(folder)) < first:
            if not any(worker.is_alive() for worker in workers):
                raise RuntimeError(
                    f"{folder}: all {len(workers)} encoders ended before {first} shards were there; "
                    "their own message is above"
                )
            time.sleep(_WAIT)
        log.info("%s: %d shards, the training starts", folder, len(shard_numbers(folder)))

        def on_drawn(count: int) -> None:
            shared.drawn.value = count

        yield LatentPool(folder, shards=shards, rolling=True, on_drawn=on_drawn)
    finally:
        shared.stop.set()
        for worker in workers:
            worker.join(timeout=10)
            if worker.is_alive():
                worker.terminate()
                worker.join()


@dataclass(frozen=True)
class _Shared:
    """What the processes tell each other.

    Attributes:
        following: the next shard's number.
        drawn: samples that the training has drawn.
        made: shards that were begun since the start.
        full: shards that the pool lacked at the start.
        stop: the training is over.
    """

    following: Any
    drawn: Any
    made: Any
    full: int
    stop: Any

    def wanted(self, uses: float, count: int) -> bool:
        """Whether another shard is: the pool is not full, or what was drawn has used the new ones up."""
        return self.made.value < self.full or self.made.value * count * uses <= self.drawn.value

    def take(self, uses: float, count: int) -> int | None:
        """The number of a shard to make, None while none is wanted."""
        with self.following.get_lock():
            if not self.wanted(uses, count):
                return None
            self.made.value += 1
            self.following.value += 1
            return self.following.value - 1


def _encode(folder: Path, encoders: Encoders, shared: _Shared, seed: int, count: int) -> None:
    encode = encoders.recipe()
    while not shared.stop.is_set():
        number = shared.take(encoders.uses, count)
        if number is None:
            time.sleep(_WAIT)
        else:
            write_shard(folder, number, encode, count=count, seed=seed)
