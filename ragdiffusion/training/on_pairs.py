"""Training of a part that learns from pairs alone: batches, curves on held-out pairs, and its folder at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from diffusers.models.modeling_utils import ModelMixin

from ragdiffusion.files import sync_tree
from ragdiffusion.garments.pair import Pair
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train

Part = TypeVar("Part", bound=ModelMixin)


def train_on_pairs(
    config: LoopConfig,
    model: Part,
    folder: str,
    *,
    draw: Callable[[np.random.Generator, int], Sequence[Pair]],
    batch_of: Callable[[Sequence[Pair], np.random.Generator], Mapping[str, np.ndarray]],
    losses_of: Callable[[Part, Batch], dict[str, torch.Tensor]],
    held_out: Mapping[str, Sequence[Pair]],
    shown: Sequence[str],
    learn: Callable[[Part, Batch, torch.Generator], dict[str, torch.Tensor]] | None = None,
    look: Callable[[Part, int, dict[str, Batch]], None] | None = None,
) -> Part:
    """Train a part; writes `folder` in diffusers layout under `config.out`, at each look at held-out pairs too.

    Args:
        config: budget and optimiser.
        model: to train (resumed from `config.out` where there is a state).
        folder: name of what is written.
        draw: (generator, count) -> so many pairs at the model's input size.
        batch_of: pairs to the arrays that `losses_of` takes as tensors.
        losses_of: `loss` and other figures of a batch, as held-out pairs are measured.
        held_out: pairs never drawn, by kind, for the curves.
        shown: figures of `losses_of` that the curves show.
        learn: the same as it is trained, where chance has a say in that; None: as it is measured.
        look: called with model, step and held-out batches by kind, to write pictures.
    """
    tests = {
        kind: {name: torch.from_numpy(value) for name, value in batch_of(pairs, np.random.default_rng(0)).items()}
        for kind, pairs in held_out.items()
        if pairs
    }

    @torch.no_grad()
    def on_sample(part: Part, step: int) -> dict[str, float]:
        part.save_pretrained(config.out / folder)
        device = next(part.parameters()).device
        moved = {kind: {name: value.to(device) for name, value in test.items()} for kind, test in tests.items()}
        if look is not None:
            look(part, step, moved)
        found = {kind: losses_of(part, batch) for kind, batch in moved.items()}
        return {
            f"held_out_{kind}_{name}": round(float(figures[name]), 4)
            for kind, figures in found.items()
            for name in shown
        }

    batches = SeededBatches(
        lambda rng, count: batch_of(draw(rng, count), rng), batch_size=config.batch_size, seed=config.seed
    )
    losses = learn or (lambda part, batch, generator: losses_of(part, batch))
    model.load_state_dict(train(config, model, batches, losses, on_sample=on_sample))
    model.eval().save_pretrained(config.out / folder)
    sync_tree(config.out / folder)
    return model
