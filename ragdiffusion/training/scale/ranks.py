"""Several processes that train one model: what each takes of a batch, what all must agree on, what they share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def sample_numbers(micro: int, batch_size: int, rank: int, world: int) -> range:
    """Numbers of the samples that a process takes in a micro-step.

    Samples are numbered through all micro-steps and processes, so that the same are seen in the same order however
    many processes there are: two take together what one of twice the batch takes alone.
    """
    first = (micro * world + rank) * batch_size
    return range(first, first + batch_size)


def check_agreement(settings: Mapping[str, Any]) -> None:
    """See to it that all processes were started alike.

    Args:
        settings: what must be the same everywhere, JSON at heart.

    Raises:
        ValueError: in every process, naming a setting on which they differ.
    """
    rank, world = rank_and_world()
    if world == 1:
        return
    said: list[Any] = [None] * world
    dist.all_gather_object(said, json.loads(json.dumps(dict(settings), default=str)))
    for name in said[0]:
        values = [other.get(name) for other in said]
        if any(value != values[0] for value in values):
            listed = ", ".join(f"{value!r} on rank {number}" for number, value in enumerate(values))
            raise ValueError(f"the processes disagree on {name}: {listed}; start all with the same command")


class _Gather(torch.autograd.Function):
    """All processes' rows one after the other; a row's gradient is the sum of what all processes make of it."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        gathered = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(gathered, rows.contiguous())
        return torch.cat(gathered)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]


def gather_with_gradients(rows: torch.Tensor) -> torch.Tensor:
    """Rows of all processes, in their order, for a loss over the whole batch such as Eq. 1.

    Every process computes the same loss of the gathered rows; the mean of gradients over processes, which is what
    training in parallel takes, is then the gradient of that loss.

    Args:
        rows: (B, ...), as many in each process.

    Returns:
        (world * B, ...).
    """
    return rows if rank_and_world()[1] == 1 else _Gather.apply(rows)


class RowRandom:
    """Random numbers of each row from a seed of its own, the same whatever batch and process the row is in.

    Args:
        seeds: (B,) int64.
        device: of the numbers; they are made on the CPU, so all devices get the same.
    """

    def __init__(self, seeds: torch.Tensor | Sequence[int], device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        self.device = torch.device(device)

    def rand(self, *shape: int) -> torch.Tensor:
        """(B, *shape), uniform in [0, 1)."""
        return torch.stack([torch.rand(shape, generator=g) for g in self._generators]).to(self.device)

    def randn(self, *shape: int) -> torch.Tensor:
        """(B, *shape), normal."""
        return torch.stack([torch.randn(shape, generator=g) for g in self._generators]).to(self.device)

    def randint(self, high: int) -> torch.Tensor:
        """(B,) int64 in [0, high)."""
        return torch.cat([torch.randint(high, (1,), generator=g) for g in self._generators]).to(self.device)
