"""The one training loop. Each trained part brings its module, its batches and its loss."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter

from ragdiffusion.training.state import ExponentialAverage, load_training, save_training

log = logging.getLogger(__name__)

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to train.

    Attributes:
        out: folder of the state, log and samples.
        minutes: wall-clock budget of this call; the last `cooldown` of it lowers the learning rate to 0.
        steps: stop after so many optimiser steps in all (None: only the time counts).
        batch_size: pairs a step.
        learning_rate: after warm-up.
        warmup: steps of linear warm-up.
        cooldown: share of the budget, in [0, 1).
        weight_decay: of AdamW.
        workers: processes that make data; 0 makes it in this one.
        threads: torch threads of this process (None: torch's choice).
        seed: of data and noise.
        save_every: seconds between saved states.
        sample_every: steps between sample sheets.
        ema_decay: of the exponential moving average.
        bfloat16: run forward and backward in bfloat16 autocast.
        device: torch device.
    """

    out: Path
    minutes: float
    steps: int | None = None
    batch_size: int = 16
    learning_rate: float = 5e-4
    warmup: int = 200
    cooldown: float = 0.25
    weight_decay: float = 0.01
    workers: int = 1
    threads: int | None = None
    seed: int = 0
    save_every: float = 120.0
    sample_every: int = 1000
    ema_decay: float = 0.999
    bfloat16: bool = True
    device: str = "cpu"


class Journal:
    """The curves of a training: one JSON line a record in `log.jsonl`, and TensorBoard events beside it.

    Args:
        folder: of the training.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = (folder / "log.jsonl").open("a")
        self._events = SummaryWriter(str(folder / "tensorboard"))

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._events.close()

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Record figures at a step."""
        record = {"step": step, **{name: round(float(value), 5) for name, value in figures.items()}}
        self._lines.write(json.dumps(record) + "\n")
        self._lines.flush()
        for name, value in figures.items():
            self._events.add_scalar(name, float(value), step)
        log.info("%s", record)


class SeededBatches(Dataset):
    """Batch number k is made from (seed, k) alone, so a resumed training sees what it would have seen.

    Args:
        make: builds one batch of numpy arrays from a generator and a size.
        batch_size: samples a batch.
        seed: of the whole sequence.
    """

    def __init__(
        self, make: Callable[[np.random.Generator, int], Mapping[str, np.ndarray]], *, batch_size: int, seed: int
    ) -> None:
        self.make, self.batch_size, self.seed = make, batch_size, seed

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self.seed, number])
        return {name: torch.from_numpy(value) for name, value in self.make(rng, self.batch_size).items()}


def learning_rate(config: LoopConfig, step: int, elapsed: float) -> float:
    """Warm-up, constant, linear cool-down; by time, or by steps where their number is given."""
    done = elapsed / (config.minutes * 60)
    if config.steps is not None:
        done = max(done, step / config.steps)
    tail = min(1.0, max(0.0, (1.0 - done) / config.cooldown)) if config.cooldown > 0 else 1.0
    return config.learning_rate * min(1.0, (step + 1) / config.warmup) * tail


def train(
    config: LoopConfig,
    module: torch.nn.Module,
    batches: SeededBatches,
    losses: Callable[[torch.nn.Module, Batch, torch.Generator], dict[str, torch.Tensor]],
    *,
    on_sample: Callable[[torch.nn.Module, int], dict[str, float]] | None = None,
) -> dict[str, torch.Tensor]:
    """Train until the budget is spent, resuming from `config.out` where there is a state.

    Args:
        config: the budget and the optimiser's numbers.
        module: what to train; moved to the device.
        batches: numbered batches.
        losses: (module, batch, generator) -> named losses; `loss` is minimised, the rest logged.
        on_sample: (module with averaged weights, step) -> figures to log; may write pictures.

    Returns:
        The averaged state dict.

    Raises:
        RuntimeError: if the loss is not finite for 20 steps on end.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    module.to(config.device).train()
    trainable = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=config.learning_rate, weight_decay=config.weight_decay)
    average = ExponentialAverage(module, decay=config.ema_decay)
    step, before = load_training(config.out, module=module, average=average, optimizer=optimizer)
    config.out.mkdir(parents=True, exist_ok=True)
    log.info("%s: from step %d, %.1f M parameters", config.out, step, sum(p.numel() for p in trainable) / 1e6)
    last = step + 10**9 if config.steps is None else config.steps
    # A list of all numbers would not fit; `range` is a sequence and serves as a sampler.
    loader = iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=range(step, last),
            num_workers=config.workers,
            prefetch_factor=4 if config.workers else None,
            worker_init_fn=_quiet_worker if config.workers else None,
        )
    )
    start, saved, bad = time.monotonic(), time.monotonic(), 0
    running: dict[str, float] = {}
    with Journal(config.out) as journal:
        while step < last and time.monotonic() - start < config.minutes * 60:
            batch = {name: value.to(config.device) for name, value in next(loader).items()}
            generator = torch.Generator(config.device).manual_seed(config.seed * 1_000_003 + step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, step, time.monotonic() - start)
            with torch.autocast(config.device.split(":")[0], torch.bfloat16, enabled=config.bfloat16):
                named = losses(module, batch, generator)
            optimizer.zero_grad(set_to_none=True)
            named["loss"].backward()
            norm = torch.nn.utils.clip_grad_norm_(trainable, 1.0)
            bad = 0 if math.isfinite(norm) else bad + 1
            if bad >= 20:
                raise RuntimeError(f"{config.out}: the loss was not finite for 20 steps; lower the learning rate")
            if bad == 0:
                optimizer.step()
                average.update(module, step)
            step += 1
            for name, value in named.items():
                value = float(value.detach())
                running[name] = running.get(name, value) * 0.98 + value * 0.02
            elapsed = time.monotonic() - start
            if step % 100 == 0:
                journal.write(step, {"minutes": round((before + elapsed) / 60, 2), **running})
            if time.monotonic() - saved > config.save_every:
                save_training(
                    config.out, step=step, seconds=before + elapsed, module=module, average=average, optimizer=optimizer
                )
                saved = time.monotonic()
            if on_sample is not None and step % config.sample_every == 0:
                journal.write(step, _with_average(module, average, on_sample, step))
        save_training(
            config.out,
            step=step,
            seconds=before + time.monotonic() - start,
            module=module,
            average=average,
            optimizer=optimizer,
        )
        if on_sample is not None:
            journal.write(step, _with_average(module, average, on_sample, step))
    return average.average


def _with_average(
    module: torch.nn.Module,
    average: ExponentialAverage,
    on_sample: Callable[[torch.nn.Module, int], dict[str, float]],
    step: int,
) -> dict[str, float]:
    own = {name: value.clone() for name, value in module.state_dict().items()}
    module.load_state_dict(average.average)
    module.eval()
    with torch.no_grad():
        figures = on_sample(module, step)
    module.load_state_dict(own)
    module.train()
    return figures


def _quiet_worker(worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
