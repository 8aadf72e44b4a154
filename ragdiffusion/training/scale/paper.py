"""What the paper trains over several processes: the denoiser (3.3, 4.1) and StructureNet (3.1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ragdiffusion.attributes import caption, decode_all
from ragdiffusion.garments.pair import Pair
from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.denoiser import ConditionMask
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.generation.text import TextFeatures
from ragdiffusion.structure.structure_net import StructureNet
from ragdiffusion.training.denoiser import (
    DROP,
    DROP_DRAFT,
    Draws,
    TrainingBank,
    denoiser_batch,
    encode_batch,
    losses_of,
)
from ragdiffusion.training.latents import SHARD, LatentPool, shard_numbers, shards_of, write_shard
from ragdiffusion.training.loop import Batch
from ragdiffusion.training.scale.ranks import RowRandom, gather_with_gradients
from ragdiffusion.training.structure import WithProbe, structure_batch, structure_losses

LEARNING = ("unet", "reference_net", "ep_adapter", "landmark_guider")
"""Parts that the paper trains; its text encoders stay as they were published."""


class PaperDenoiser(nn.Module):
    """MainNet, ReferenceNet, EP-Adapter and Landmark Guider under the loss of Eq. 6.

    Args:
        pipeline: to train; its other parts are used as they are.
        bank: for ê.
        checkpointing: compute activations again in the backward pass instead of keeping them.
    """

    def __init__(self, pipeline: RAGDiffusionPipeline, bank: TrainingBank, *, checkpointing: bool = True) -> None:
        super().__init__()
        self.denoiser = pipeline.denoiser
        self._frozen = (pipeline, bank)  # in a tuple, so that their weights are not this module's
        self.denoiser.requires_grad_(True)
        freeze_after_last_capture(pipeline.reference_net)
        if checkpointing:  # the form without reentrance: with the other, ReferenceNet gets no gradient
            for net in (pipeline.unet, pipeline.reference_net):
                net.enable_gradient_checkpointing()

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of a batch of `PaperSamples`."""
        pipeline, bank = self._frozen
        text = TextFeatures(
            batch["text_hidden"].to(pipeline.unet.dtype),
            batch["text_pooled"].to(pipeline.unet.dtype) if "text_pooled" in batch else None,
        )
        return losses_of(pipeline, bank, batch, text, draw_by_rows(pipeline, batch), always_capture=True)

    def save(self, folder: Path) -> None:
        """Write each part that learned in diffusers layout."""
        for name in LEARNING:
            getattr(self.denoiser, name).save_pretrained(folder / name)


def draw_by_rows(pipeline: RAGDiffusionPipeline, batch: Batch) -> Draws:
    """What chance decides about a batch, each row by its own seed."""
    target, packing = batch["target"], pipeline.config.latent_packing
    rows = RowRandom(batch["seed"], target.device)
    alpha, dropped = rows.rand(), rows.rand(4)
    keep = ConditionMask(
        reference=dropped[:, 0] >= DROP,
        embedding=dropped[:, 1] >= DROP,
        landmark=dropped[:, 2] >= DROP,
        draft=dropped[:, 3] >= DROP_DRAFT,
    )
    t = rows.randint(pipeline.scheduler.config.num_train_timesteps)
    shape = (target.shape[1] * packing**2, *(side // packing for side in target.shape[-2:]))
    return Draws(alpha, keep, t, rows.randn(*shape))


@torch.no_grad()
def encode_with_text(pipeline: RAGDiffusionPipeline, batch: Batch) -> Batch:
    """What the frozen parts make of a batch, the text encoders among them, on the CPU."""
    encoded = encode_batch(pipeline, batch)
    text = pipeline.encode_text([caption(decode_all(codes)) for codes in batch["labels"].tolist()])
    encoded |= {"text_hidden": text.hidden, **({} if text.pooled is None else {"text_pooled": text.pooled})}
    return {name: rows.cpu() for name, rows in encoded.items()}


class PaperSamples:
    """Encoded samples on disk, by their numbers.

    Args:
        pool: of `encode_pool`.
        seed: of the order and of each row's noise.
    """

    def __init__(self, pool: LatentPool, seed: int) -> None:
        self.pool, self.seed = pool, seed

    def __call__(self, numbers: range) -> Batch:
        """The samples, and a `seed` for each."""
        rows = [self.pool.batch(np.random.default_rng([self.seed, number]), 1) for number in numbers]
        batch = {name: torch.from_numpy(np.concatenate([row[name] for row in rows])) for name in rows[0]}
        return {**batch, "seed": torch.tensor([self.seed * 1_000_003 + number for number in numbers])}


def encode_pool(
    folder: Path,
    pipeline: RAGDiffusionPipeline,
    draw: Callable[[np.random.Generator], Pair],
    *,
    size: int,
    seed: int,
    batch_size: int,
    rank: int = 0,
    world: int = 1,
) -> None:
    """Encode the shards that a pool lacks; each process takes its share of them.

    Args:
        folder: of the shards.
        pipeline: on its device.
        draw: gives a pair at the pipeline's image size.
        size: samples wanted, rounded up to whole shards.
        seed: of the samples.
        batch_size: samples encoded at a time.
        rank: of this process.
        world: number of processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    side, device = pipeline.structure_net.image_size, next(pipeline.structure_net.parameters()).device

    def encode(rng: np.random.Generator, count: int) -> Batch:
        parts = []
        for start in range(0, count, batch_size):
            batch = denoiser_batch(draw, side, rng, min(batch_size, count - start))
            parts.append(
                encode_with_text(pipeline, {name: torch.from_numpy(rows).to(device) for name, rows in batch.items()})
            )
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    there = set(shard_numbers(folder))
    for number in range(shards_of(size)):
        if number % world == rank and number not in there:
            write_shard(folder, number, encode, count=min(SHARD, size), seed=seed)


class PaperStructure(nn.Module):
    """StructureNet under Eq. 1 over the pairs of all processes.

    Args:
        net: to train.
    """

    def __init__(self, net: StructureNet) -> None:
        super().__init__()
        self.inner = WithProbe(net)
        net.requires_grad_(True)
        for tower in net.towers.values():  # what follows the last hidden layer is not read
            tower.get_submodule(_post_norm(tower)).requires_grad_(False)

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of this process's rows against all."""
        figures = structure_losses(self.inner, batch, gather_with_gradients)
        # A head that has no label here takes part all the same: processes wait for each other's gradients.
        idle = sum(weight.sum() for weight in self.inner.net.attribute_heads.parameters())
        return {**figures, "loss": figures["loss"] + 0.0 * idle}


def _post_norm(tower: nn.Module) -> str:
    return next(name for name, _ in tower.named_modules() if name.endswith("post_layernorm"))


class StructureSamples:
    """Batches of distinct structures, of which each process takes its rows.

    Args:
        draw: (generator, count) -> so many pairs of distinct structures.
        seed: of all batches.
        world: number of processes.
    """

    def __init__(self, draw: Callable[[np.random.Generator, int], list[Pair]], seed: int, world: int) -> None:
        self.draw, self.seed, self.world = draw, seed, world

    def __call__(self, numbers: range) -> Batch:
        """The rows of these numbers in the batch that all processes share."""
        whole = self.world * len(numbers)
        micro, first = divmod(numbers.start, whole)
        batch = structure_batch(self.draw, np.random.default_rng([self.seed, micro]), whole)
        return {name: torch.from_numpy(rows[first : first + len(numbers)]) for name, rows in batch.items()}
