"""Training of the denoiser: MainNet, ReferenceNet, EP-Adapter, Landmark Guider and text encoder together.

The landmark is the target's own silhouette, for the model must obey what it is given. ê is SLLE against the bank
without the sample's own entry, with α drawn from [0, 1]. Each condition is dropped at random (DESIGN 5.8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.attributes import caption, decode_all, encode, encode_all
from ragdiffusion.bank import Bank
from ragdiffusion.garments.pair import Pair
from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.denoiser import Keep
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.slle import barycentric_weights, fuse_embedding
from ragdiffusion.structure.framing import framed
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train

DROP = 0.1  # share of rows that lose a condition
DROP_DRAFT = 0.1
SNR_CEILING, SNR_FLOOR = 5.0, 0.25
TRAINED = ("unet", "reference_net", "ep_adapter", "landmark_guider", "text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class TrainingBank:
    """The bank as ê's computation in training sees it.

    Attributes:
        embeddings: (N, D), of unit length.
        structures: for each entry the structure it shows; a sample's own is left out.
        k: neighbours of Eq. 2.
    """

    embeddings: torch.Tensor
    structures: tuple[str, ...]
    k: int = 4

    def fuse(self, query: torch.Tensor, own: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """ê of a batch.

        Args:
            query: (B, D).
            own: (B,) index of the sample's own entry, -1 where it has none.
            alpha: (B,) in [0, 1].
        """
        table = self.embeddings.to(query.device)
        similarity = query @ table.T  # (B, N)
        rows = own >= 0
        similarity[rows, own[rows]] = float("-inf")
        neighbours = table[similarity.topk(min(self.k, len(table)), dim=1).indices]  # (B, K, D)
        weights = barycentric_weights(query, neighbours)
        return torch.cat([fuse_embedding(q[None], n[None], w[None], float(a))
                          for q, n, w, a in zip(query, neighbours, weights, alpha, strict=True)]).to(query.dtype)


def training_bank(bank: Bank) -> TrainingBank:
    """The enabled entries of a bank; an entry's source, `collection:name`, names the structure that it shows."""
    ids, embeddings = bank.embeddings()
    names = {entry.id: entry.source.partition(":")[2] for entry in bank.entries(enabled=True)}
    return TrainingBank(embeddings=torch.as_tensor(embeddings), structures=tuple(names[int(i)] for i in ids))


def denoiser_batch(draw: Callable[[np.random.Generator], Pair], own: dict[str, int], structure_size: int,
                   rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Stack pairs as this trainer wants them."""
    pairs = [draw(rng) for _ in range(count)]
    return {
        "photo": np.stack([p.photo for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "framed_photo": np.stack([framed(p.photo, p.photo_mask / 255.0, structure_size)
                                  for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "standard": np.stack([p.standard for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "silhouette": np.stack([p.silhouette for p in pairs])[:, None],
        "attributes": np.array([encode(p.attributes) for p in pairs]),
        "labels": np.array([encode_all(p.attributes) for p in pairs]),
        "own": np.array([own.get(p.structure.rstrip("~"), -1) for p in pairs]),
    }


def denoiser_losses(pipeline: RAGDiffusionPipeline, bank: TrainingBank, batch: Batch, generator: torch.Generator
                    ) -> dict[str, torch.Tensor]:
    """The diffusion loss of one batch, weighted by min-SNR.

    Returns:
        `loss`; `latent`, the error of x0; `draft`, that of the draft itself, for comparison.
    """
    device, count = batch["photo"].device, len(batch["photo"])
    draw = lambda *shape: torch.rand(*shape, generator=generator, device=device)  # noqa: E731
    images = {name: batch[name].float() / 127.5 - 1 for name in ("photo", "standard", "framed_photo")}
    landmark = batch["silhouette"].float() / 255
    text = pipeline.encode_text([caption(decode_all(codes)) for codes in batch["labels"].tolist()])
    with torch.no_grad():
        query = pipeline.structure_net(images["framed_photo"], batch["attributes"], "photo")
        embedding = bank.fuse(query, batch["own"], draw(count))
        target = F.pixel_unshuffle(pipeline.encode(images["standard"]), pipeline.config.latent_packing)
        draft = pipeline.draft_for(images["photo"], landmark)
        sources = pipeline.sources(images["photo"], landmark, embedding, text, draft)
    keep = Keep.draw(count, device, generator, drop=DROP, drop_draft=DROP_DRAFT)
    prepared = pipeline.denoiser.prepare(sources, keep)
    scheduler = pipeline.scheduler
    t = torch.randint(0, scheduler.config.num_train_timesteps, (count,), generator=generator, device=device)
    noise = torch.randn(target.shape, generator=generator, device=device)
    output = pipeline.denoiser(scheduler.add_noise(target, noise, t), t, prepared).float()
    signal = scheduler.alphas_cumprod.to(device)[t].view(-1, 1, 1, 1)
    snr = signal / (1 - signal).clamp(min=1e-8)
    weight = snr.clamp(SNR_FLOOR, SNR_CEILING) / SNR_CEILING
    kind = scheduler.config.prediction_type
    if kind == "sample":
        wanted = target
    elif kind == "v_prediction":
        wanted, weight = scheduler.get_velocity(target, noise, t), weight * SNR_CEILING / (snr + 1)
    else:
        wanted, weight = noise, weight * SNR_CEILING / snr.clamp(min=1e-4)
    error = (output - wanted).square()
    figures = {"loss": (weight * error).mean(), "latent": error.mean().detach()}
    if sources.draft is not None:
        base = F.pixel_unshuffle(sources.draft, pipeline.config.latent_packing)
        figures["draft"] = (base - target).square().mean()
    return figures


class _Trained(nn.Module):
    """The parts that learn, under one roof for the optimiser and the state on disk."""

    def __init__(self, pipeline: RAGDiffusionPipeline) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: part for name in TRAINED if (part := getattr(pipeline, name)) is not None})
        self.parts.requires_grad_(True)  # a loaded model comes frozen
        freeze_after_last_capture(pipeline.reference_net)


def train_denoiser(config: LoopConfig, draw: Callable[[np.random.Generator], Pair], held_out: list[Pair], *,
                   pipeline: RAGDiffusionPipeline, bank: TrainingBank) -> RAGDiffusionPipeline:
    """Train the denoiser; writes its parts in diffusers layout and sample sheets under `config.out`.

    Args:
        config: budget and optimiser.
        draw: gives a pair at the pipeline's image size.
        held_out: pairs never drawn, for the curve and the sheets.
        pipeline: with trained autoencoder, StructureNet and appearance flow, which stay as they are.
        bank: for ê.
    """
    own = {structure: index for index, structure in enumerate(bank.structures)}
    size = pipeline.structure_net.image_size
    for name in ("vae", "structure_net", "appearance_flow"):
        if (part := getattr(pipeline, name)) is not None:
            part.to(config.device).eval().requires_grad_(False)
    fixed = iter(held_out)
    test = {name: torch.from_numpy(value).to(config.device) for name, value in denoiser_batch(
        lambda rng: next(fixed), own, size, np.random.default_rng(0), len(held_out)).items()}

    def on_sample(module: _Trained, step: int) -> dict[str, float]:
        return sample_sheet(pipeline, bank, test, config.out / f"sheet-{step:07d}.jpg")

    batches = SeededBatches(lambda rng, count: denoiser_batch(draw, own, size, rng, count),
                            batch_size=config.batch_size, seed=config.seed)
    module = _Trained(pipeline)
    module.load_state_dict(train(config, module, batches, lambda m, batch, generator: denoiser_losses(
        pipeline, bank, batch, generator), on_sample=on_sample))
    for name, part in module.parts.items():
        part.eval().save_pretrained(config.out / name)
    return pipeline


@torch.no_grad()
def sample_sheet(pipeline: RAGDiffusionPipeline, bank: TrainingBank, batch: Batch, path: Path, *,
                 strengths: tuple[float, ...] = (0.25, 0.5, 1.0), steps: int = 10) -> dict[str, float]:
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
        columns[f"at_{strength}"] = torch.cat([
            pipeline(photo[i: i + 1], landmark[i: i + 1], embedding[i: i + 1], "", steps=steps,
                     strength=strength).images for i in range(len(photo))])
    error = {name: float(((image - standard).abs() * landmark).sum() / landmark.sum() / 3 * 127.5)
             for name, image in columns.items()}
    rows = torch.cat([photo, *columns.values(), standard], 3).add(1).mul(127.5).clamp(0, 255).byte()
    sheet = np.vstack(list(rows.permute(0, 2, 3, 1).cpu().numpy()))
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return {name: round(value, 3) for name, value in error.items()}
