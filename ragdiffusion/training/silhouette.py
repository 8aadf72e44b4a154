"""Training of SilhouetteNet: photos and the silhouettes of their garments' flat-lays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.garments.pair import Pair
from ragdiffusion.metrics.image import mask_iou
from ragdiffusion.structure.framing import context_frame, context_over, laid_over, silhouette_frame
from ragdiffusion.structure.silhouette_net import SilhouetteNet, SilhouettePrediction
from ragdiffusion.training.doubt import as_found, jittered, known_labels, labels_around, told_labels
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.on_pairs import train_on_pairs
from ragdiffusion.training.structure import attribute_labels, reading_loss

READ = ("category", "collar", "sleeve_length", "length", "top_open")
"""The attributes that a silhouette, or what it was drawn from, shows; the other heads stay undecided."""
_READING_WEIGHT = 0.25
_NECK_WEIGHT = 4.0  # of a pixel about the neckline in the cross-entropy; 1 elsewhere
_NECK_DEPTH, _SHOULDERS, _OPENING = 0.35, 0.12, 0.03  # shares of a silhouette's height, and of that box
_OUTLINE_WEIGHT = 3.0  # of a pixel at the outline in the upper part; 1 elsewhere
_UPPER, _BAND = 0.45, 7  # share of a silhouette's height, and how wide the outline is, pixels
_SLEEVES = [attribute.key for attribute in ATTRIBUTES].index("sleeve_length")


def silhouette_batch(pairs: Sequence[Pair], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Photos framed as inference does it, but by masks that are soft and a little wrong.

    Returns:
        `photo` uint8 (B, 3, S, S); `mask` uint8 (B, 1, S, S); `around` uint8 (B, 9, S, S), 255ths of a parse's
        labels, and `context` uint8 (B, 13, S/2, S/2), of mask, labels and photo in a wider frame, both all 0 where no
        parser is asked; `silhouette` uint8 (B, 1, S/2, S/2); `labels` int64
        (B, 14), those of `attribute_labels` that are to be read.
    """
    photos, masks, around, context = [], [], [], []
    for pair in pairs:
        size = len(pair.photo)
        found, parsed = as_found(pair, rng)
        frame = jittered(silhouette_frame(found), rng)
        photo, mask = laid_over(pair.photo, found, frame, size)
        around.append(labels_around(pair, frame, rng, parsed))
        context.append(_context(pair, found, parsed, rng, asked=around[-1].any()))
        photos.append(photo)
        masks.append(np.rint(mask * 255).astype(np.uint8))
    half = len(pairs[0].photo) // 2
    shapes = [cv2.resize(pair.silhouette, (half, half), interpolation=cv2.INTER_AREA) for pair in pairs]
    read = np.array([attribute.key in READ for attribute in ATTRIBUTES])
    return {
        "photo": np.stack(photos).transpose(0, 3, 1, 2).copy(),
        "mask": np.stack(masks)[:, None],
        "around": np.stack(around),
        "context": np.stack(context),
        "silhouette": np.stack(shapes)[:, None],
        "labels": np.stack([attribute_labels(pair) for pair in pairs]) * read,
    }


def _context(
    pair: Pair, mask: np.ndarray, parsed: np.ndarray | None, rng: np.random.Generator, *, asked: bool
) -> np.ndarray:
    """Mask, labels and photo in a wider frame, uint8 (13, S/2, S/2) of 255ths; all 0 where no parser is `asked`."""
    half, frame, labels = len(pair.photo) // 2, context_frame(mask), known_labels(pair)
    seen = None
    if asked:
        frame = jittered(frame, rng)
        seen = told_labels(labels, parsed, frame, half, rng)
    return np.rint(context_over(pair.photo, mask, seen, frame, half) * 255).astype(np.uint8)


def silhouette_losses(net: SilhouetteNet, batch: Batch) -> dict[str, torch.Tensor]:
    """Cross-entropy and soft Jaccard distance to the flat-lay's silhouette, and what the attribute heads miss.

    Returns:
        `loss`; `iou` of the silhouettes at one half; `outline`, the same for the mask as it lies; `reading`, the
        loss of the heads; `sleeves`, the share of sleeve lengths read right (0 where none are known).
    """
    mask, wanted = batch["mask"].float() / 255, batch["silhouette"].float() / 255
    seen = _seen(net, batch)
    logits = seen.silhouette.float()
    cross = F.binary_cross_entropy_with_logits(logits, wanted, pixel_weights(wanted))
    drawn = logits.sigmoid()
    common = (drawn * wanted).flatten(1).sum(1)
    jaccard = 1 - common / ((drawn + wanted).flatten(1).sum(1) - common).clamp(min=1)
    reading = reading_loss(seen.attributes, batch["labels"])
    sleeves = batch["labels"][:, _SLEEVES]
    known, right = sleeves > 0, seen.attributes[_SLEEVES].argmax(1) == sleeves - 1
    return {
        "loss": cross + 0.5 * jaccard.mean() + _READING_WEIGHT * reading,
        "reading": reading.detach(),
        "sleeves": (right & known).sum() / known.sum().clamp(min=1),
        "iou": mask_iou(drawn.detach()[:, 0], wanted[:, 0]).mean(),
        "outline": mask_iou(F.avg_pool2d(mask, 2)[:, 0], wanted[:, 0]).mean(),
    }


def _seen(net: SilhouetteNet, batch: Batch) -> SilhouettePrediction:
    """What it makes of a batch."""
    around, context = (batch[name].float() / 255 for name in ("around", "context"))
    return net(batch["photo"].float() / 127.5 - 1, batch["mask"].float() / 255, around, context)


def pixel_weights(wanted: torch.Tensor) -> torch.Tensor:
    """Weigh pixels: those of a neckline most, then those of shoulders, armholes and sleeves, which are few.

    Args:
        wanted: (B, 1, h, w) in [0, 1].

    Returns:
        (B, 1, h, w), at least 1.
    """
    cloth = (wanted > 0.5).float()
    inside, outside = (F.max_pool2d(side, _BAND, 1, _BAND // 2) for side in (cloth, 1 - cloth))
    outline = inside * outside * (_down(cloth) <= _UPPER)
    return torch.maximum(neck_weights(wanted), 1 + (_OUTLINE_WEIGHT - 1) * outline)


def _down(cloth: torch.Tensor) -> torch.Tensor:
    """How far down a silhouette each row is, (B, 1, h, 1): 0 above it, 1 at its hem."""
    rows = cloth.amax(3, keepdim=True)
    return torch.cumsum(rows, 2) / rows.sum(2, keepdim=True).clamp(min=1)


def neck_weights(wanted: torch.Tensor) -> torch.Tensor:
    """Weigh pixels: a neckline is small, and the first thing that a person looks at.

    Args:
        wanted: (B, 1, h, w) in [0, 1].

    Returns:
        (B, 1, h, w): more than 1 between the shoulders of silhouettes that open there.
    """
    cloth = (wanted > 0.5).float()
    down = _down(cloth)
    shoulders = (cloth * (down <= _SHOULDERS)).amax(2, keepdim=True)
    between = torch.minimum(shoulders.cummax(3).values, shoulders.flip(3).cummax(3).values.flip(3))
    box = between * ((down <= _NECK_DEPTH) & (down > 0)).float()
    opening = box * (1 - cloth.cummax(2).values)
    opens = opening.flatten(1).sum(1) > _OPENING * box.flatten(1).sum(1)
    return 1 + (_NECK_WEIGHT - 1) * box * opens[:, None, None, None]


def train_silhouette(
    config: LoopConfig,
    draw: Callable[[np.random.Generator, int], list[Pair]],
    held_out: Mapping[str, Sequence[Pair]],
    *,
    model: SilhouetteNet,
) -> SilhouetteNet:
    """Train SilhouetteNet; writes `silhouette_net/` in diffusers layout and sheets under `config.out`.

    Args:
        config: budget and optimiser.
        draw: (generator, count) -> so many pairs at the model's input size, each flat-lay the photo's own shape.
        held_out: pairs never drawn, by kind, for the curves and the sheet.
        model: to train (resumed from `config.out` where there is a state).
    """
    return train_on_pairs(
        config,
        model,
        "silhouette_net",
        draw=draw,
        batch_of=silhouette_batch,
        losses_of=silhouette_losses,
        held_out=held_out,
        shown=("iou", "outline", "reading", "sleeves"),
        look=lambda net, step, batches: write_sheet(config.out / f"sheet-{step:07d}.jpg", net, [*batches.values()]),
    )


def write_sheet(path: Path, net: SilhouetteNet, batches: Sequence[Batch], *, each: int = 6) -> None:
    """Write a picture of photo, mask, silhouette drawn and silhouette wanted: a row of each kind."""
    rows = []
    for batch in batches:
        part = {name: value[:each] for name, value in batch.items()}
        seen = _seen(net, part)
        drawn = seen.silhouette.sigmoid() * 255
        size = part["photo"].shape[-1]
        grey = [
            F.interpolate(image.float(), size=size).expand(-1, 3, -1, -1)
            for image in (part["mask"], drawn, part["silhouette"])
        ]
        strips = torch.cat([part["photo"].float(), *grey], 3).byte().permute(0, 2, 3, 1).cpu().numpy()
        rows.append(np.hstack([*strips, *[np.zeros_like(strips[0])] * (each - len(strips))]))
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
