"""The training loop at scale, through accelerate: DDP or DeepSpeed, mixed precision, accumulation, average, states.

It runs on one CPU as it runs on eight GPUs, and resumes to the step: batch and noise of a sample depend on its number
alone.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.nn.functional  # before there is a group, which its functions' defaults would keep for ever
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, GradientAccumulationPlugin
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ragdiffusion.training.loop import Batch, Journal
from ragdiffusion.training.scale.ranks import check_agreement, sample_numbers
from ragdiffusion.training.scale.state import Trained, learning, load_state, newest_state, save_state

log = logging.getLogger(__name__)

MakeBatch = Callable[[range], Batch]
"""Numbers of samples -> the samples, stacked. What a sample is depends on its number alone."""

_FAILURES = 20  # steps on end whose gradients may not be finite


@dataclass(frozen=True)
class ScaleConfig:
    """How to train.

    Attributes:
        out: folder of states, log and samples.
        steps: optimiser steps in all.
        batch_size: samples that a process takes at a time.
        accumulate: times that it does so before the optimiser steps.
        learning_rate: of AdamW, after warm-up (the paper's is 5e-5).
        warmup: steps of linear warm-up.
        weight_decay: of AdamW.
        precision: `no`, `bf16` or `fp16`: what forward and backward compute in.
        ema_decay: weight of the past in the average per step; 0: no average is kept.
        ema_every: steps between updates of the average, which lies on the CPU.
        save_every: steps between states.
        sample_every: steps between validations.
        workers: processes that make data, for each process that trains.
        seed: of all samples.
        cpu: train on the CPU even where there is a GPU.
    """

    out: Path
    steps: int
    batch_size: int = 1
    accumulate: int = 1
    learning_rate: float = 5e-5
    warmup: int = 100
    weight_decay: float = 0.01
    precision: str = "no"
    ema_decay: float = 0.9999
    ema_every: int = 1
    save_every: int = 1000
    sample_every: int = 1000
    workers: int = 0
    seed: int = 0
    cpu: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "ema_every", "save_every", "sample_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, 1 or more wanted")
        if self.precision not in ("no", "bf16", "fp16"):
            raise ValueError(f"precision is {self.precision!r}, one of no, bf16, fp16 wanted")

    def settings(self, world: int) -> dict[str, Any]:
        """What a resumed training must have too: all that decides what a step computes."""
        return {
            "samples_a_step": self.batch_size * self.accumulate * world,
            "learning_rate": self.learning_rate,
            "warmup": self.warmup,
            "weight_decay": self.weight_decay,
            "precision": self.precision,
            "ema_decay": self.ema_decay,
            "ema_every": self.ema_every,
            "seed": self.seed,
        }


@contextmanager
def open_accelerator(config: ScaleConfig) -> Iterator[Accelerator]:
    """The processes, as the launcher started them; at the end, all that worked together has come to rest.

    A process group that outlives its Python interpreter ends the process with an abort now and then: its threads let
    go of tensors that are Python's too. It goes with the last reference, so the models that hold it are let go first.
    """
    accelerator = _accelerator(config)
    try:
        yield accelerator
        accelerator.wait_for_everyone()
    finally:
        accelerator.free_memory()
        accelerator.end_training()


def _accelerator(config: ScaleConfig) -> Accelerator:
    try:
        accelerator = Accelerator(
            # A plain number would give way to the launcher's, which its configurations for DeepSpeed always set.
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=config.accumulate),
            mixed_precision=config.precision,
            cpu=config.cpu,
            step_scheduler_with_optimizer=False,
            kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
        )
    except ImportError as error:
        raise ValueError(
            f"the launcher wants what is not installed ({error}): pip install deepspeed, or launch with ddp.yaml"
        ) from error
    if config.precision == "fp16" and accelerator.device.type == "cpu":  # it would be float32, and nobody would know
        raise ValueError("precision is fp16, which a CPU does not train in: bf16 or no wanted, or a GPU")
    if accelerator.state.deepspeed_plugin is not None:
        accelerator.state.deepspeed_plugin.deepspeed_config |= {
            "train_micro_batch_size_per_gpu": config.batch_size,  # it reads it off loaders, and ours are not its kind
            "gradient_accumulation_steps": config.accumulate,
        }
    return accelerator


class _Numbered(Dataset):
    """Micro-batches of one process by their number."""

    def __init__(self, make: MakeBatch, batch_size: int, rank: int, world: int) -> None:
        self.make, self.batch_size, self.rank, self.world = make, batch_size, rank, world

    def __getitem__(self, micro: int) -> Batch:
        return self.make(sample_numbers(micro, self.batch_size, self.rank, self.world))


def train_at_scale(
    config: ScaleConfig,
    module: nn.Module,
    make: MakeBatch,
    *,
    accelerator: Accelerator | None = None,
    on_sample: Callable[[nn.Module, int], dict[str, float]] | None = None,
) -> dict[str, torch.Tensor]:
    """Train to `config.steps`, going on from the newest state in `config.out`.

    Args:
        config: all numbers.
        module: `module(batch)` gives named losses; `loss` is minimised, the rest logged. Every parameter that learns
            takes part in every call, or processes would wait for each other for ever.
        make: samples by their numbers.
        accelerator: of `open_accelerator`; None opens one for this training.
        on_sample: (module with averaged weights, step) -> figures; runs in the main process while the others wait.

    Returns:
        The averaged parameters in the main process (the last ones without an average), what they are elsewhere.

    Raises:
        ValueError: if the processes disagree, or the state is of a training with other settings.
        RuntimeError: if gradients are not finite for 20 steps on end, or memory runs out.
    """
    if accelerator is None:
        with open_accelerator(config) as own:
            return train_at_scale(config, module, make, accelerator=own, on_sample=on_sample)
    world, main = accelerator.num_processes, accelerator.is_main_process
    settings = config.settings(world)
    check_agreement(
        {
            **settings,
            "steps": config.steps,
            "batch_size": config.batch_size,
            "accumulate": config.accumulate,
            "parameters": sum(p.numel() for p in module.parameters()),
        }
    )
    module.train()
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=config.learning_rate, weight_decay=config.weight_decay)
    wrapped, optimizer = accelerator.prepare(module, optimizer)
    spread = accelerator.distributed_type == DistributedType.DEEPSPEED
    average = None
    if main and config.ema_decay > 0:
        average = {name: value.float().cpu().clone() for name, value in learning(module).items()}
    trained = Trained(module, average, None if spread else optimizer.optimizer)
    step, newest = 0, newest_state(config.out)
    if newest is not None:
        step = load_state(newest, trained, settings=settings)
        if spread:
            accelerator.load_state(newest / "deepspeed")
    loader = _micro_batches(config, make, accelerator, step)
    config.out.mkdir(parents=True, exist_ok=True)
    if main:
        log.info(
            "%s: from step %d, %.1f M parameters, %d processes",
            config.out,
            step,
            sum(p.numel() for p in trainable) / 1e6,
            world,
        )
    failures, started = 0, time.monotonic()
    with Journal(config.out) if main else nullcontext() as journal:
        while step < config.steps:
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup))
            try:
                figures, norm = _step(accelerator, wrapped, optimizer, trainable, loader, config)
            except torch.OutOfMemoryError as error:
                raise RuntimeError(
                    f"{config.out}: memory does not hold {config.batch_size} samples at a time: halve --batch-size and "
                    "double --accumulate, and the training goes on from its newest state"
                ) from error
            failures = 0 if math.isfinite(norm) else failures + 1
            if failures >= _FAILURES:
                raise RuntimeError(
                    f"{config.out}: gradients were not finite for {_FAILURES} steps; lower the learning "
                    "rate, or train in bf16"
                )
            step += 1
            if average is not None and step % config.ema_every == 0:
                _update(average, module, config, step)
            if main and (step % 10 == 0 or step == config.steps):
                journal.write(step, {**figures, "norm": norm, "minutes": (time.monotonic() - started) / 60})
            last = step == config.steps
            if step % config.save_every == 0 or last:
                _save(config, accelerator, trained, settings, step, spread)
            if on_sample is not None and (step % config.sample_every == 0 or last):
                if main:
                    journal.write(step, _sampled(module, average, on_sample, step))
                accelerator.wait_for_everyone()
    accelerator.free_memory()  # or a second training would keep the first one's models
    return learning(module) if average is None else average


@torch.no_grad()
def take_average(module: nn.Module, average: dict[str, torch.Tensor]) -> None:
    """Give a module the weights that `train_at_scale` returned."""
    own = learning(module)
    for name, value in average.items():
        own[name].copy_(value)


def _micro_batches(config: ScaleConfig, make: MakeBatch, accelerator: Accelerator, step: int) -> Iterator[Batch]:
    rows = _Numbered(make, config.batch_size, accelerator.process_index, accelerator.num_processes)
    micro = range(step * config.accumulate, config.steps * config.accumulate)
    return iter(
        DataLoader(
            rows,
            batch_size=None,
            sampler=micro,
            num_workers=config.workers,
            prefetch_factor=4 if config.workers else None,
        )
    )


def _step(
    accelerator: Accelerator,
    wrapped: nn.Module,
    optimizer: Any,
    trainable: list[nn.Parameter],
    loader: Iterator[Batch],
    config: ScaleConfig,
) -> tuple[dict[str, float], float]:
    """One optimiser step: the losses of its last micro-step, and the norm of its gradients."""
    norm = 0.0
    for _ in range(config.accumulate):
        batch = {name: value.to(accelerator.device) for name, value in next(loader).items()}
        with accelerator.accumulate(wrapped):
            with accelerator.autocast():
                named = wrapped(batch)
            accelerator.backward(named["loss"])
            if accelerator.sync_gradients:
                found = accelerator.clip_grad_norm_(trainable, 1.0)
                norm = float(found) if found is not None else 0.0
                if not math.isfinite(norm):
                    optimizer.zero_grad(set_to_none=True)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return {name: float(value.detach()) for name, value in named.items()}, norm


@torch.no_grad()
def _update(average: dict[str, torch.Tensor], module: nn.Module, config: ScaleConfig, step: int) -> None:
    decay = min(config.ema_decay, (1 + step) / (10 + step)) ** config.ema_every
    for name, value in learning(module).items():
        average[name].lerp_(value.float().cpu(), 1 - decay)


def _save(
    config: ScaleConfig, accelerator: Accelerator, trained: Trained, settings: dict[str, Any], step: int, spread: bool
) -> None:
    accelerator.wait_for_everyone()
    if spread:  # every process writes its own share of the optimiser
        accelerator.save_state(config.out / "deepspeed.partial")
        accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        more = (lambda folder: (config.out / "deepspeed.partial").rename(folder / "deepspeed")) if spread else None
        save_state(config.out, trained, step=step, settings=settings, more=more)
    accelerator.wait_for_everyone()


def _sampled(
    module: nn.Module,
    average: dict[str, torch.Tensor] | None,
    on_sample: Callable[[nn.Module, int], dict[str, float]],
    step: int,
) -> dict[str, float]:
    """Figures of the averaged weights."""
    kept = {name: value.clone() for name, value in learning(module).items()} if average is not None else {}
    take_average(module, average or {})
    module.eval()
    with torch.no_grad():
        figures = on_sample(module, step)
    module.train()
    take_average(module, kept)
    return figures
