"""Training of MeasureNet: a garment's kind, measures and attributes, from photos of people wearing it and laid ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.patterns import draft, kinds
from ragdiffusion.garments.patterns.code import MeasureCode, nearest_drawable
from ragdiffusion.garments.patterns.labels import label_of
from ragdiffusion.garments.patterns.pattern import sample
from ragdiffusion.metrics.image import mask_iou
from ragdiffusion.structure.measure_net import MeasureNet, MeasurePrediction
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train
from ragdiffusion.training.measured_garments import Measured, attribute_codes, measure_example
from ragdiffusion.training.structure import reading_loss

_KIND_WEIGHT, _READING_WEIGHT = 0.3, 0.5
_COLLAR, _SLEEVES, _LENGTH = ([a.key for a in ATTRIBUTES].index(key) for key in ("collar", "sleeve_length", "length"))
_SHOWN_SIDE = 64  # at which drafted silhouettes are compared, pixels

Draw = Callable[[np.random.Generator], Measured]


def new_measure_net(*, seed: int = 0, each: int = 40, **keywords: object) -> MeasureNet:
    """An untrained MeasureNet that knows today's kinds, its code fitted to garments drawn of each.

    Args:
        seed: of those garments.
        each: so many of each kind.
        keywords: of `MeasureNet`.
    """
    rng = np.random.default_rng(seed)
    code = MeasureCode.fitted([draft(kind, sample(kind, rng)) for kind in kinds() for _ in range(each)])
    return MeasureNet(kind_names=kinds(), measure_names=code.keys, centre=code.centre, spread=code.spread, **keywords)


def code_of(net: MeasureNet) -> MeasureCode:
    """How a network's measures are written."""
    return MeasureCode(tuple(net.config.measure_names), tuple(net.config.centre), tuple(net.config.spread))


@dataclass(frozen=True)
class Sources:
    """Where garments are drawn from.

    Attributes:
        worn: draws a worn one; None: all are laid.
        laid: draws a laid one.
        worn_share: of worn ones in the batches, in [0, 1].
    """

    worn: Draw | None
    laid: Draw
    worn_share: float = 0.7

    def one(self, rng: np.random.Generator) -> Measured:
        """A garment drawn at random."""
        return (self.worn if self.worn is not None and rng.random() < self.worn_share else self.laid)(rng)


def measure_batch(items: Sequence[Measured], rng: np.random.Generator, net: MeasureNet) -> dict[str, np.ndarray]:
    """Examples with their truths: those of `measure_example`, `kind` (B,), `measures` (B, M + 1), `codes` (B, 14)."""
    code, names = code_of(net), list(net.config.kind_names)
    examples = [measure_example(item, rng, net.config.input_size) for item in items]
    return {
        **{name: np.stack([example[name] for example in examples]) for name in examples[0]},
        "kind": np.array([names.index(item.pattern.kind) for item in items]),
        "measures": np.stack([code.encode(item.pattern) for item in items]),
        "codes": np.stack([attribute_codes(item) for item in items]),
    }


def look(net: MeasureNet, batch: Batch) -> MeasurePrediction:
    """What the network says of a batch."""
    return net(batch["photo"].float() / 127.5 - 1, batch["mask"].float() / 255, batch["labels"].float() / 255)


def measure_losses(net: MeasureNet, batch: Batch) -> dict[str, torch.Tensor]:
    """Gaussian negative log-likelihood of the measures, cross-entropy of kind and attributes.

    Returns:
        `loss`; `error`, the mean absolute error of measures in their spreads; `kind` and `sleeves`, `collar`,
        `length`, shares that are right (of those that are known).
    """
    said = look(net, batch)
    known = batch["measures"].isfinite()
    wanted = batch["measures"].nan_to_num().clamp(-4, 4)
    distance = (said.mean - wanted) * known
    likelihood = 0.5 * ((-said.log_variance).exp() * distance.square() + said.log_variance) * known
    cross = F.cross_entropy(said.kinds, batch["kind"], label_smoothing=0.05)
    reading = reading_loss(said.attributes, batch["codes"])
    count = known.sum().clamp(min=1)
    figures = {
        "loss": likelihood.sum() / count + _KIND_WEIGHT * cross + _READING_WEIGHT * reading,
        "error": distance.abs().sum() / count,
        "kind": (said.kinds.argmax(1) == batch["kind"]).float().mean(),
    }
    for name, index in (("sleeves", _SLEEVES), ("collar", _COLLAR), ("length", _LENGTH)):
        codes = batch["codes"][:, index]
        right = said.attributes[index].argmax(1) == codes - 1
        figures[name] = (right & (codes > 0)).sum() / (codes > 0).sum().clamp(min=1)
    return {name: value if name == "loss" else value.detach() for name, value in figures.items()}


def drafted_overlap(net: MeasureNet, batch: Batch, items: Sequence[Measured]) -> dict[str, float]:
    """IoU of the silhouettes drafted from what is said with the true ones.

    Returns:
        `iou` with the kind as said, `iou_of_kind` with the true kind, `group`, how often the kind's group is right.
    """
    with torch.no_grad():
        said = look(net, batch)
    code, names = code_of(net), list(net.config.kind_names)
    truths, own, given, groups = [], [], [], []
    for row, item in enumerate(items):
        written = said.mean[row].cpu().numpy()
        said_kind, kind = names[int(said.kinds[row].argmax())], item.pattern.kind
        truths.append(item.pattern.rasterise(_SHOWN_SIDE))
        own.append(nearest_drawable(said_kind, code.decode(written, said_kind)).rasterise(_SHOWN_SIDE))
        given.append(nearest_drawable(kind, code.decode(written, kind)).rasterise(_SHOWN_SIDE))
        groups.append(label_of(said_kind) == label_of(kind))
    truth, drawn, drawn_of_kind = (torch.from_numpy(np.stack(shapes)) / 255 for shapes in (truths, own, given))
    return {
        "iou": float(mask_iou(drawn, truth).mean()),
        "iou_of_kind": float(mask_iou(drawn_of_kind, truth).mean()),
        "group": float(np.mean(groups)),
    }


def train_measures(
    config: LoopConfig, sources: Sources, held_out: Mapping[str, Sequence[Measured]], *, model: MeasureNet
) -> MeasureNet:
    """Train MeasureNet; writes `measure_net/` in diffusers layout under `config.out`.

    Args:
        config: budget and optimiser.
        sources: of garments.
        held_out: garments never drawn, by kind of photo, for the curves.
        model: to train (resumed from `config.out` where there is a state).
    """
    tests = {
        name: {
            key: torch.from_numpy(value) for key, value in measure_batch(items, np.random.default_rng(0), model).items()
        }
        for name, items in held_out.items()
    }

    def on_sample(net: MeasureNet, step: int) -> dict[str, float]:
        figures = {}
        for name, batch in tests.items():
            there = {key: value.to(next(net.parameters()).device) for key, value in batch.items()}
            with torch.no_grad():
                found = {key: float(value) for key, value in measure_losses(net, there).items() if key != "loss"}
            found |= drafted_overlap(net, there, held_out[name])
            figures |= {f"held_out_{name}_{key}": round(value, 4) for key, value in found.items()}
        net.save_pretrained(config.out / "measure_net")
        return figures

    batches = SeededBatches(
        lambda rng, count: measure_batch([sources.one(rng) for _ in range(count)], rng, model),
        batch_size=config.batch_size,
        seed=config.seed,
    )
    model.load_state_dict(
        train(config, model, batches, lambda net, batch, generator: measure_losses(net, batch), on_sample=on_sample)
    )
    model.eval().save_pretrained(config.out / "measure_net")
    return model
