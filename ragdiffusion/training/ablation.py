"""Training of the ablation's variants (4.3): each the same number of steps, from the same start, on the same samples.

The frozen parts (StructureNet, appearance flow, bank) are a finished checkpoint's. Two autoencoders, of 16 and of 4
channels, are trained alike. One pool of samples is encoded by both, so that every variant sees the same batches in
the same order; only what it is given, and by which autoencoder it sees, differs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel
from torch.nn import functional as F

from ragdiffusion.config import Preset
from ragdiffusion.files import sync_tree
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.real import RealPairs
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.builder.untrained import build_components
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.training.denoiser import TRAINED, TrainedParts, denoiser_batch, denoiser_losses
from ragdiffusion.training.latents import LatentPool, open_pool
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train
from ragdiffusion.training.sources import UNTOUCHED, PairSource
from ragdiffusion.training.training_bank import TrainingBank

MASK_SIDE = 48  # pixels of the photo that the mask network sees, and of the mask it draws


@dataclass(frozen=True)
class Variant:
    """One denoiser of the ablation.

    Attributes:
        name: of its folder.
        latent_channels: of its autoencoder.
        without: conditions of `ConditionMask` that it never gets.
    """

    name: str
    latent_channels: int
    without: tuple[str, ...]


VARIANTS = (
    Variant("vanilla", 4, ("embedding", "landmark", "draft")),
    Variant("emb", 4, ("landmark", "draft")),
    Variant("emb-sil", 4, ("draft",)),
    Variant("full", 16, ("draft",)),
    Variant("full-draft", 16, ()),
)
"""As in Table 2: the vanilla model sees through a 4-channel autoencoder, PGEA's 16 channels come last. The draft is
this project's own."""

CHANNELS = tuple(sorted({variant.latent_channels for variant in VARIANTS}, reverse=True))


def variant_pipeline(
    base: RAGDiffusionPipeline, preset: Preset, vae: GarmentAutoencoder, *, seed: int
) -> RAGDiffusionPipeline:
    """A new denoiser over a base's frozen parts and an autoencoder.

    Every weight that has the same shape whatever the latent's channels starts the same.

    Args:
        base: with StructureNet and appearance flow.
        preset: of the denoiser.
        vae: of any number of channels.
        seed: of the weights.
    """
    channels = vae.config.latent_channels

    def build(count: int) -> dict:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return build_components(preset.with_latent_channels(count))

    components = build(channels)
    start = components if channels == preset.latent_channels else build(preset.latent_channels)
    for name in TRAINED:
        if components[name] is not None:
            own = components[name].state_dict()
            own |= {key: value for key, value in start[name].state_dict().items() if value.shape == own[key].shape}
            components[name].load_state_dict(own)
    components |= {"vae": vae, "structure_net": base.structure_net, "appearance_flow": base.appearance_flow}
    for name in ("vae", "structure_net", "appearance_flow"):
        components[name].eval().requires_grad_(False)
    return RAGDiffusionPipeline(
        **components,
        preset_name=preset.name,
        latent_packing=preset.latent_packing,
        image_size=preset.image_size,
        sampling=asdict(preset.defaults),
    )


def untouched_copy(pipeline: RAGDiffusionPipeline) -> RAGDiffusionPipeline:
    """The same pipeline with a denoiser of its own to train; frozen parts are shared."""
    parts = {name: copy.deepcopy(part) if name in TRAINED else part for name, part in pipeline.components.items()}
    settings = ("preset_name", "latent_packing", "image_size", "sampling")
    return RAGDiffusionPipeline(**parts, **{name: pipeline.config[name] for name in settings})


def own_pairs(source: PairSource) -> Callable[[np.random.Generator], Pair]:
    """Draw a photo and its own garment's flat-lay, as the paper's data has it: no other garment's silhouette."""
    if source.real is not None:
        source = replace(
            source, real=RealPairs(source.real.garments, other_silhouette=0, warped_target=0, untouched=UNTOUCHED)
        )
    return source.draw


@torch.no_grad()
def encode_for_all(pipelines: Iterable[RAGDiffusionPipeline], batch: Batch) -> Batch:
    """What the frozen parts make of a batch, through every autoencoder.

    Args:
        pipelines: one for each autoencoder; they share StructureNet and flow.
        batch: from `denoiser_batch`.

    Returns:
        As `encode_batch` does, with `target`, `photo` and `draft` of each autoencoder under `NAME/CHANNELS`; and
        `pixels`, the photo itself, (B, 3, 48, 48) uint8.
    """
    pipelines = list(pipelines)
    first = pipelines[0]
    images = {name: batch[name].float() / 127.5 - 1 for name in ("photo", "standard", "framed_photo")}
    landmark = batch["silhouette"].float() / 255
    draft = first.draft_for(images["photo"], landmark)
    side = 16 * first.grid
    encoded = {
        "landmark": F.interpolate(landmark, size=(side, side), mode="bilinear", antialias=True).mul(255).round().byte(),
        "visibility": F.avg_pool2d(draft.visibility, 8),
        "query": first.structure_net(images["framed_photo"], batch["attributes"], "photo"),
        "pixels": F.interpolate(batch["photo"].float(), size=(MASK_SIDE, MASK_SIDE), mode="area").round().byte(),
        "own": batch["own"],
        "labels": batch["labels"],
    }
    for pipeline in pipelines:
        for name, image in (("target", images["standard"]), ("photo", images["photo"]), ("draft", draft.image)):
            encoded[f"{name}/{pipeline.vae.config.latent_channels}"] = pipeline.encode(image)
    return encoded


def shared_pool(
    folder: Path,
    pipelines: Iterable[RAGDiffusionPipeline],
    draw: Callable[[np.random.Generator], Pair],
    *,
    size: int,
    seed: int = 0,
    batch_size: int = 16,
) -> LatentPool:
    """The pool that all variants learn from; what is encoded already is not made again."""
    pipelines = list(pipelines)
    seen = pipelines[0].structure_net.image_size

    def encode(rng: np.random.Generator, count: int) -> Batch:
        parts = []
        for start in range(0, count, batch_size):
            batch = denoiser_batch(draw, seen, rng, min(batch_size, count - start))
            parts.append(encode_for_all(pipelines, {name: torch.from_numpy(rows) for name, rows in batch.items()}))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    return open_pool(folder, encode, size=size, seed=seed)


def through(rows: dict[str, np.ndarray], channels: int) -> dict[str, np.ndarray]:
    """A batch of the shared pool as the autoencoder of so many channels sees it."""
    chosen = {}
    for name, values in rows.items():
        plain, _, of = name.partition("/")
        if not of or int(of) == channels:
            chosen[plain] = values
    return chosen


def train_variant(
    config: LoopConfig, variant: Variant, pipeline: RAGDiffusionPipeline, bank: TrainingBank, pool: LatentPool
) -> RAGDiffusionPipeline:
    """Train a variant up to `config.steps`; a finished one is read back.

    Args:
        config: its `steps` count, its folder is the variant's.
        variant: what the denoiser gets.
        pipeline: from `variant_pipeline`.
        bank: for ê.
        pool: from `shared_pool`.
    """
    module = TrainedParts(pipeline)
    batches = SeededBatches(
        lambda rng, count: through(pool.batch(rng, count), variant.latent_channels),
        batch_size=config.batch_size,
        seed=config.seed,
    )
    module.load_state_dict(
        train(
            config,
            module,
            batches,
            lambda _, batch, generator: denoiser_losses(pipeline, bank, batch, generator, variant.without),
        )
    )
    module.save(config.out)
    for part in module.parts.values():
        part.requires_grad_(False)
    return pipeline


def mask_network(*, widths: tuple[int, ...] = (16, 32, 64), seed: int = 0) -> UNet2DModel:
    """The paper's alternative to retrieval: a UNet from the photo's three channels to a landmark (4.3)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet2DModel(
            sample_size=MASK_SIDE,
            in_channels=3,
            out_channels=1,
            block_out_channels=widths,
            layers_per_block=1,
            down_block_types=("DownBlock2D",) * (len(widths) - 1) + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (len(widths) - 1),
            norm_num_groups=8,
            attention_head_dim=8,
        )


def mask_losses(net: UNet2DModel, batch: Batch) -> dict[str, torch.Tensor]:
    """Cross-entropy and soft Dice of the masks drawn, and their `iou` with the garment's own silhouette."""
    truth = F.interpolate(batch["landmark"].float() / 255, size=(MASK_SIDE, MASK_SIDE), mode="area")
    logits = net(batch["pixels"].float() / 127.5 - 1, 0).sample.float()
    drawn = logits.sigmoid()
    dice = 1 - 2 * (drawn * truth).sum((1, 2, 3)) / (drawn + truth).sum((1, 2, 3)).clamp(min=1)
    both, either = (drawn > 0.5) & (truth > 0.5), (drawn > 0.5) | (truth > 0.5)
    return {
        "loss": F.binary_cross_entropy_with_logits(logits, truth) + dice.mean(),
        "iou": (both.sum((1, 2, 3)) / either.sum((1, 2, 3)).clamp(min=1)).mean(),
    }


def train_mask_network(config: LoopConfig, net: UNet2DModel, pool: LatentPool) -> UNet2DModel:
    """Train the mask network up to `config.steps` on the same batches as the variants; a finished one is read back."""

    def make(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        rows = pool.batch(rng, count)
        return {name: rows[name] for name in ("pixels", "landmark")}

    net.load_state_dict(
        train(
            config,
            net,
            SeededBatches(make, batch_size=config.batch_size, seed=config.seed),
            lambda module, batch, _: mask_losses(module, batch),
        )
    )
    net.eval().requires_grad_(False).save_pretrained(config.out / "mask_network")
    sync_tree(config.out / "mask_network")
    return net
