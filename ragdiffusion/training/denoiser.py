"""Training of the denoiser: MainNet, ReferenceNet, EP-Adapter, Landmark Guider and text encoder together.

The landmark is the target's own silhouette, for the model must obey what it is given. ê is SLLE against the bank
without the sample's own entry, with α drawn from [0, 1]. Each condition is dropped at random, so that guidance can be
used (docs/architecture.md, decision 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.attributes import caption, decode_all, encode, encode_all
from ragdiffusion.files import sync_tree
from ragdiffusion.garments.pair import Pair
from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.denoiser import ConditionMask, Sources
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.generation.text import TextFeatures
from ragdiffusion.structure.framing import framed
from ragdiffusion.training.latents import Encode, LatentPool, open_pool
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train
from ragdiffusion.training.rolling_pool import Encoders, rolling_pool
from ragdiffusion.training.training_bank import TrainingBank, structure_code

DROP = 0.1  # share of rows that lose a condition
DROP_DRAFT = 0.1
SNR_CEILING, SNR_FLOOR = 5.0, 0.25
TRAINED = ("unet", "reference_net", "ep_adapter", "landmark_guider", "text_encoder", "text_encoder_2")


def denoiser_batch(
    draw: Callable[[np.random.Generator], Pair], structure_size: int, rng: np.random.Generator, count: int
) -> dict[str, np.ndarray]:
    """Stack pairs as this trainer wants them."""
    pairs = [draw(rng) for _ in range(count)]
    return {
        "photo": np.stack([p.photo for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "framed_photo": np.stack([framed(p.photo, p.photo_mask / 255.0, structure_size) for p in pairs])
        .transpose(0, 3, 1, 2)
        .copy(),
        "standard": np.stack([p.standard for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "silhouette": np.stack([p.silhouette for p in pairs])[:, None],
        "attributes": np.array([encode(p.attributes) for p in pairs]),
        "labels": np.array([encode_all(p.attributes) for p in pairs]),
        "own": np.array([structure_code(p.structure.rstrip("~*")) for p in pairs]),
    }


@torch.no_grad()
def encode_batch(pipeline: RAGDiffusionPipeline, batch: Batch) -> Batch:
    """What the frozen parts make of a batch: all that does not change while the denoiser learns.

    Returns:
        `target`, `photo` and, where MainNet corrects one, `draft`: latents (B, C, H/8, W/8); `visibility`
        (B, 1, H/8, W/8); `landmark` (B, 1, S, S) uint8, S as the guider wants it; `query` (B, D), the photo's e;
        `own` (B,) and `labels` (B, 14) as they came.
    """
    images = {name: batch[name].float() / 127.5 - 1 for name in ("photo", "standard", "framed_photo")}
    landmark = batch["silhouette"].float() / 255
    draft = pipeline.draft_for(images["photo"], landmark)
    query = pipeline.structure_net(images["framed_photo"], batch["attributes"], "photo")
    sources = pipeline.sources(images["photo"], landmark, query, pipeline.encode_text([""]), draft)
    encoded = {
        "target": pipeline.encode(images["standard"]),
        "photo": sources.photo,
        "landmark": sources.landmark.mul(255).round().byte(),
        "query": query,
        "own": batch["own"],
        "labels": batch["labels"],
    }
    if sources.draft is not None:
        encoded |= {"draft": sources.draft, "visibility": sources.visibility}
    return encoded


def encode_samples(
    pipeline: RAGDiffusionPipeline, draw: Callable[[np.random.Generator], Pair], *, batch_size: int
) -> Encode:
    """What fills a pool: draws samples and encodes them a batch at a time, on the pipeline's device.

    Args:
        pipeline: with trained frozen parts.
        draw: gives a pair at the pipeline's image size.
        batch_size: samples encoded at a time.
    """

    def encode(rng: np.random.Generator, count: int) -> Batch:
        device, parts = pipeline.device, []
        for start in range(0, count, batch_size):
            batch = denoiser_batch(draw, pipeline.structure_net.image_size, rng, min(batch_size, count - start))
            parts.append(
                encode_batch(pipeline, {name: torch.from_numpy(rows).to(device) for name, rows in batch.items()})
            )
        return {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}

    return encode


@dataclass(frozen=True)
class Draws:
    """What chance decides about a batch.

    Attributes:
        alpha: (B,) in [0, 1], of Eq. 3.
        keep: conditions that are not dropped.
        t: (B,) time steps.
        noise: (B, C p^2, h, w), packed.
    """

    alpha: torch.Tensor
    keep: ConditionMask
    t: torch.Tensor
    noise: torch.Tensor


def draw_by_chance(pipeline: RAGDiffusionPipeline, encoded: Batch, generator: torch.Generator) -> Draws:
    """Draw for a batch from one generator."""
    device, target = encoded["target"].device, encoded["target"]
    count, packing = len(target), pipeline.config.latent_packing
    shape = (count, target.shape[1] * packing**2, *(side // packing for side in target.shape[-2:]))
    alpha = torch.rand(count, generator=generator, device=device)
    keep = ConditionMask.draw(count, device, generator, drop=DROP, drop_draft=DROP_DRAFT)
    t = torch.randint(0, pipeline.scheduler.config.num_train_timesteps, (count,), generator=generator, device=device)
    return Draws(alpha, keep, t, torch.randn(shape, generator=generator, device=device))


def denoiser_losses(
    pipeline: RAGDiffusionPipeline,
    bank: TrainingBank,
    encoded: Batch,
    generator: torch.Generator,
    without: Sequence[str] = (),
) -> dict[str, torch.Tensor]:
    """The diffusion loss of one batch of `encode_batch`, weighted by min-SNR.

    Args:
        pipeline: to train.
        bank: for ê.
        encoded: B samples.
        generator: of α, of what is dropped, of time steps and noise.
        without: conditions of `ConditionMask` that this model never gets (4.3).

    Returns:
        As `losses_of`.
    """
    text = pipeline.encode_text([caption(decode_all(codes)) for codes in encoded["labels"].tolist()])
    draws = draw_by_chance(pipeline, encoded, generator)
    return losses_of(pipeline, bank, encoded, text, replace(draws, keep=draws.keep.without(without)))


def losses_of(
    pipeline: RAGDiffusionPipeline,
    bank: TrainingBank,
    encoded: Batch,
    text: TextFeatures,
    draws: Draws,
    *,
    always_capture: bool = False,
) -> dict[str, torch.Tensor]:
    """The diffusion loss of one batch with all that chance decides about it.

    Args:
        pipeline: to train.
        bank: for ê.
        encoded: B samples.
        text: their captions.
        draws: of the batch.
        always_capture: ask ReferenceNet even where no row looks at its answer.

    Returns:
        `loss`; `latent`, the error of what the scheduler predicts; `draft`, that of the draft, for comparison.
    """
    packing, dtype, denoiser = pipeline.config.latent_packing, text.hidden.dtype, pipeline.denoiser
    draft, visibility = (encoded[name].to(dtype) if name in encoded else None for name in ("draft", "visibility"))
    embedding = bank.fuse(encoded["query"].float(), encoded["own"], draws.alpha)
    sources = Sources(
        photo=encoded["photo"].to(dtype),
        landmark=encoded["landmark"].to(dtype) / 255,
        embedding=embedding.to(dtype),
        text=text,
        draft=draft,
        visibility=visibility,
    )
    target = F.pixel_unshuffle(encoded["target"].float(), packing)
    prepared = denoiser.prepare(sources, draws.keep, denoiser.capture(sources, draws.keep, always=always_capture))
    scheduler, t = pipeline.scheduler, draws.t
    output = denoiser(scheduler.add_noise(target, draws.noise, t).to(dtype), t, prepared).float()
    signal = scheduler.alphas_cumprod.to(target.device)[t].view(-1, 1, 1, 1)
    snr = signal / (1 - signal).clamp(min=1e-8)
    weight = snr.clamp(SNR_FLOOR, SNR_CEILING) / SNR_CEILING
    kind = scheduler.config.prediction_type
    if kind == "sample":
        wanted = target
    elif kind == "v_prediction":
        wanted, weight = scheduler.get_velocity(target, draws.noise, t), weight * SNR_CEILING / (snr + 1)
    else:
        wanted, weight = draws.noise, weight * SNR_CEILING / snr.clamp(min=1e-4)
    error = (output - wanted).square()
    figures = {"loss": (weight * error).mean(), "latent": error.mean().detach()}
    if draft is not None:
        figures["draft"] = (F.pixel_unshuffle(draft.float(), packing) - target).square().mean()
    return figures


class TrainedParts(nn.Module):
    """The parts that learn, under one roof for the optimiser and the state on disk."""

    def __init__(self, pipeline: RAGDiffusionPipeline) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: part for name in TRAINED if (part := getattr(pipeline, name)) is not None})
        self.parts.requires_grad_(True)  # a loaded model comes frozen
        freeze_after_last_capture(pipeline.reference_net)

    def save(self, folder: Path) -> None:
        """Write each part in diffusers layout."""
        for name, part in self.parts.items():
            part.eval().save_pretrained(folder / name)
            sync_tree(folder / name)


def train_denoiser(
    config: LoopConfig,
    draw: Callable[[np.random.Generator], Pair],
    held_out: list[Pair],
    *,
    pipeline: RAGDiffusionPipeline,
    bank: TrainingBank,
    pool: int | None = None,
    encoders: Encoders | None = None,
) -> RAGDiffusionPipeline:
    """Train the denoiser; writes its parts in diffusers layout and sample sheets under `config.out`.

    Args:
        config: budget and optimiser.
        draw: gives a pair at the pipeline's image size.
        held_out: pairs never drawn, for the curve and the sheets.
        pipeline: with trained autoencoder, StructureNet and appearance flow, which stay as they are.
        bank: for ê.
        pool: encode so many samples (kept in `config.out/pool`) and draw the batches from them; None encodes new ones
            for every step.
        encoders: fill the pool and renew it while the training goes on; None fills it once, before.
    """
    size = pipeline.structure_net.image_size
    for name in ("vae", "structure_net", "appearance_flow"):
        if (part := getattr(pipeline, name)) is not None:
            part.to(config.device).eval().requires_grad_(False)
    fixed = iter(held_out)
    test = {
        name: torch.from_numpy(value).to(config.device)
        for name, value in denoiser_batch(
            lambda rng: next(fixed), size, np.random.default_rng(0), len(held_out)
        ).items()
    }

    def on_sample(module: TrainedParts, step: int) -> dict[str, float]:
        return sample_sheet(pipeline, bank, test, config.out / f"sheet-{step:07d}.jpg")

    def stack(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        return denoiser_batch(draw, size, rng, count)

    def losses(_: TrainedParts, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        encoded = batch if "target" in batch else encode_batch(pipeline, batch)
        figures = denoiser_losses(pipeline, bank, encoded, generator)
        # How often a sample of the pool has been seen: where this climbs, held-out figures soon stand still.
        return figures if rows is None else {**figures, "uses": torch.tensor(rows.uses)}

    module = TrainedParts(pipeline)
    with _open_rows(config, pipeline, draw, pool, encoders) as rows:
        make, settings = stack, config
        if rows is not None:
            make, settings = rows.batch, replace(config, workers=0)  # rows only need to be looked up
        module.load_state_dict(
            train(
                settings,
                module,
                SeededBatches(make, batch_size=config.batch_size, seed=config.seed),
                losses,
                on_sample=on_sample,
            )
        )
    module.save(config.out)
    return pipeline


@contextmanager
def _open_rows(
    config: LoopConfig,
    pipeline: RAGDiffusionPipeline,
    draw: Callable[[np.random.Generator], Pair],
    pool: int | None,
    encoders: Encoders | None,
) -> Iterator[LatentPool | None]:
    """The pool that is asked for, None without one."""
    folder = config.out / "pool"
    if pool is None:
        yield None
    elif encoders is None:
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        yield open_pool(
            folder, encode_samples(pipeline, draw, batch_size=config.batch_size), size=pool, seed=config.seed
        )
    else:
        with rolling_pool(folder, encoders, size=pool, seed=config.seed) as rows:
            yield rows


@torch.no_grad()
def sample_sheet(
    pipeline: RAGDiffusionPipeline,
    bank: TrainingBank,
    batch: Batch,
    path: Path,
    *,
    strengths: tuple[float, ...] = (0.25, 0.5, 1.0),
    steps: int = 10,
) -> dict[str, float]:
    """Draw the held-out pairs, write a sheet (photo, draft, one column for each strength, standard), measure them.

    Returns:
        Mean absolute error in [0, 255] inside the silhouette of the draft and of each strength.
    """
    photo, standard = (batch[name].float() / 127.5 - 1 for name in ("photo", "standard"))
    landmark = batch["silhouette"].float() / 255
    query_photo = batch["framed_photo"].float() / 127.5 - 1
    query = pipeline.structure_net(query_photo, batch["attributes"], "photo")
    embedding = bank.fuse(query, batch["own"], torch.full((len(query),), 0.5))
    columns = {"draft": pipeline.draft(photo, landmark).image} if pipeline.appearance_flow is not None else {}
    for strength in strengths if columns else (1.0,):
        columns[f"at_{strength}"] = torch.cat(
            [
                pipeline(
                    photo[i : i + 1],
                    landmark[i : i + 1],
                    embedding[i : i + 1],
                    "",
                    num_inference_steps=steps,
                    strength=strength,
                ).images
                for i in range(len(photo))
            ]
        )
    error = {
        name: float(((image - standard).abs() * landmark).sum() / landmark.sum() / 3 * 127.5)
        for name, image in columns.items()
    }
    rows = torch.cat([photo, *columns.values(), standard], 3).add(1).mul(127.5).clamp(0, 255).byte()
    sheet = np.vstack(list(rows.permute(0, 2, 3, 1).cpu().numpy()))
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return {name: round(value, 3) for name, value in error.items()}
