"""Training of StructureNet: Eq. 1 over photos and flat-lays of the same structure, and the attribute heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES, encode, encode_all, garment_kind
from ragdiffusion.files import sync_tree
from ragdiffusion.garments.pair import Pair
from ragdiffusion.structure.framing import crop, frame_of, isolate
from ragdiffusion.structure.losses import info_nce, pairwise_iou, shape_targets
from ragdiffusion.structure.structure_net import StructureNet
from ragdiffusion.training.doubt import jittered, uncertain
from ragdiffusion.training.loop import Batch, LoopConfig, SeededBatches, train

PROBE_SIDE = 16  # side of the silhouette that a linear probe reads off an embedding while training
ISOLATED = 0.85  # share of photos whose background is faded out
UNKNOWN_SHARE = 0.5  # share of attributes that are dropped to "unknown"
MEANINGLESS = -1  # label of an attribute that a garment cannot have: its head must stay undecided


def structure_batch(
    draw: Callable[[np.random.Generator, int], list[Pair]], rng: np.random.Generator, count: int
) -> dict[str, np.ndarray]:
    """Stack pairs of distinct structures as this trainer wants them."""
    pairs = draw(rng, count)
    codes = np.array([encode(p.attributes) for p in pairs])
    photos = [_framed(p, rng) for p in pairs]

    def dropped() -> np.ndarray:
        return np.where(rng.random(codes.shape) < UNKNOWN_SHARE, 0, codes)

    return {
        "photo": np.stack(photos).transpose(0, 3, 1, 2).copy(),
        "standard": np.stack([p.standard for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "silhouette": np.stack([p.silhouette for p in pairs])[:, None],
        "photo_attributes": dropped(),
        "standard_attributes": dropped(),
        "labels": np.stack([attribute_labels(p) for p in pairs]),
    }


def attribute_labels(pair: Pair) -> np.ndarray:
    """What heads are to read of a photo: (14,), 0 where nothing is known, `MEANINGLESS` where nothing can be."""
    labels = np.array(encode_all({**pair.seen, **pair.attributes}))
    kind = garment_kind(pair.category)
    if kind is not None:
        labels[[attribute.key in kind.lacking for attribute in ATTRIBUTES]] = MEANINGLESS
    return labels


def _framed(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """A photo framed as inference does it, but by a mask that is soft and a little wrong; now and then as it is."""
    size = pair.photo.shape[0]
    photo, mask = pair.photo, pair.photo_mask.astype(np.float32) / 255
    if rng.random() < ISOLATED:
        photo = isolate(photo, uncertain(mask, rng))
    return crop(photo, jittered(frame_of(mask), rng), size)


def reading_loss(logits: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of attribute heads, mean over the attributes that are labelled.

    Args:
        logits: 14 x (B, number of values).
        labels: (B, 14) long, rows of `attribute_labels`. Where a value is meaningless, an even answer is wanted.

    Returns:
        A scalar; 0 where nothing is labelled.
    """
    losses = []
    for index, own_logits in enumerate(logits):
        spread = -own_logits.float().log_softmax(-1)  # (B, values)
        known, meaningless = labels[:, index] > 0, labels[:, index] == MEANINGLESS
        if bool((known | meaningless).any()):
            own = spread.gather(1, (labels[:, index, None] - 1).clamp(min=0))[:, 0]
            losses.append(torch.where(meaningless, spread.mean(1), own)[known | meaningless].mean())
    return torch.stack(losses).mean() if losses else logits[0].new_zeros(())


class WithProbe(nn.Module):
    """StructureNet and a linear probe that must read the silhouette off its embeddings; the probe is not shipped."""

    def __init__(self, net: StructureNet) -> None:
        super().__init__()
        self.net = net
        self.probe = nn.Linear(net.config.embedding_dim, PROBE_SIDE**2)


def structure_losses(
    module: WithProbe, batch: Batch, gather: Callable[[torch.Tensor], torch.Tensor] = lambda rows: rows
) -> dict[str, torch.Tensor]:
    """Eq. 1, attribute heads and silhouette probe of one batch.

    Args:
        module: to train.
        batch: of `structure_batch`.
        gather: rows of this process to those of all, where several contrast one batch.

    Returns:
        `loss`; `nce`; `top1`, how often a photo's own flat-lay is the nearest in the batch; `iou` of the photo's
        silhouette with that of the nearest other one; `attributes`; `probe`.
    """
    net = module.net
    tokens = net.tokens(batch["photo"].float() / 127.5 - 1, "photo")
    photos = net.embed(tokens, batch["photo_attributes"]).float()
    standards = net(batch["standard"].float() / 127.5 - 1, batch["standard_attributes"], "standard").float()
    silhouettes = batch["silhouette"].float() / 255
    shapes = F.adaptive_avg_pool2d(silhouettes, 2 * PROBE_SIDE)
    attributes = reading_loss(net.read_attributes(tokens), batch["labels"])
    shape = F.adaptive_avg_pool2d(silhouettes, PROBE_SIDE).flatten(1)
    scale = photos.shape[-1] ** 0.5
    probe = sum(F.binary_cross_entropy_with_logits(module.probe(e * scale), shape) for e in (photos, standards))
    photos, standards, shapes = gather(photos), gather(standards), gather(shapes)
    nce = info_nce(photos, standards, net.temperature, shape_targets(shapes))
    similarity, own = photos @ standards.T, torch.arange(len(photos), device=photos.device)
    top1 = (similarity.argmax(1) == own).float().mean()
    other = similarity.detach().index_put((own, own), similarity.new_tensor(-2.0)).argmax(1)
    iou = pairwise_iou(shapes)[own, other].mean()
    return {
        "loss": nce + 0.3 * attributes + probe,
        "nce": nce.detach(),
        "top1": top1,
        "iou": iou,
        "attributes": attributes.detach(),
        "probe": probe.detach(),
    }


def train_structure(
    config: LoopConfig,
    draw: Callable[[np.random.Generator, int], list[Pair]],
    held_out: list[Pair],
    *,
    model: StructureNet,
) -> StructureNet:
    """Train StructureNet; writes `structure_net/` in diffusers layout under `config.out`.

    Args:
        config: budget and optimiser.
        draw: (generator, count) -> so many pairs of distinct structures at the model's image size.
        held_out: pairs never drawn, for the curve.
        model: to train (resumed from `config.out` where there is a state).
    """
    test = {
        name: torch.from_numpy(value)
        for name, value in structure_batch(lambda rng, count: held_out, np.random.default_rng(0), len(held_out)).items()
    }

    def on_sample(module: WithProbe, step: int) -> dict[str, float]:
        device = next(module.parameters()).device
        figures = structure_losses(module, {name: value.to(device) for name, value in test.items()})
        shown = ("nce", "top1", "iou", "attributes", "probe")
        return {f"held_out_{name}": round(float(figures[name]), 4) for name in shown}

    batches = SeededBatches(
        lambda rng, count: structure_batch(draw, rng, count), batch_size=config.batch_size, seed=config.seed
    )
    module = WithProbe(model)
    module.load_state_dict(
        train(config, module, batches, lambda m, batch, generator: structure_losses(m, batch), on_sample=on_sample)
    )
    model.eval().save_pretrained(config.out / "structure_net")
    sync_tree(config.out / "structure_net")
    return model
