"""Python's `map` on a Ray cluster: the results come in the order of the items, with few on their way at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from ragdiffusion.ray_cluster import Cluster

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 3  # chunks for each worker: one at work, one next, one waiting to be taken
_TRIES = 3  # of a chunk whose worker died


class Mapper(Protocol):
    """What `map` does."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Apply a function to each item, in order."""
        ...


@dataclass(frozen=True)
class RayMap:
    """Applies functions on a cluster; what they give is the same, byte by byte, as from `map`.

    Args:
        cluster: where.
        workers: processes, with one core each.
        chunk: items that are sent together.
    """

    cluster: Cluster
    workers: int = 1
    chunk: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 10_000:
            raise ValueError(f"--workers is {self.workers}, 1 to 10000 wanted")

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """As `Mapper`.

        Raises:
            ValueError: as `Cluster.connected`.
            RuntimeError: if workers die on the same items again and again.
        """
        with self.cluster.connected(cpus=self.workers, gpus=0) as ray:
            task = ray.remote(num_cpus=1, max_retries=_TRIES)(_apply)
            applied, waiting = ray.put(function), iter(items)
            going: deque[Any] = deque()
            while True:
                while len(going) < _AHEAD * self.workers and (chunk := list(islice(waiting, self.chunk))):
                    going.append(task.remote(applied, chunk))
                if not going:
                    return
                try:
                    made = ray.get(going.popleft())
                except ray.exceptions.WorkerCrashedError as error:
                    raise RuntimeError(f"{_TRIES + 1} workers died on the same items (no memory?)") from error
                yield from made


def mapper_of(where: str | None, workers: int) -> Mapper:
    """Who applies functions: this process, or a cluster.

    Args:
        where: address of the cluster, None for this process.
        workers: of the cluster.

    Raises:
        ValueError: if the number of workers is out of range, or there is no cluster to have several.
    """
    if where is not None:
        return RayMap(Cluster(where), workers)
    if workers != 1:
        raise ValueError(f"--workers {workers} needs --ray local or its address")
    return map


def _apply(function: Callable[[Item], Result], chunk: list[Item]) -> list[Result]:
    return [function(item) for item in chunk]
