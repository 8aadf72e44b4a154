"""Training of PlacementNet on pairs whose dense map is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import torch

from ragdiffusion.draft.appearance_flow import follow
from ragdiffusion.draft.placement import PlacementNet
from ragdiffusion.garments.pair import Pair
from ragdiffusion.layers import cell_centres
from ragdiffusion.structure.framing import context_frame, laid_over
from ragdiffusion.training.doubt import as_found, jittered, labels_around
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.on_pairs import train_on_pairs

_SIDE = 32  # of the map that is compared, pixels
_SURE = 0.3  # share of true masks that are shown as they are
_UNSEEN = 0.25  # weight of a place that the photo does not show; 1 for one that it shows
_BENDING = 0.05  # weight of the lattice's second differences, so that what lies beside the garment stays in order


def placement_batch(pairs: Sequence[Pair], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Photos framed as inference does it, by masks that are soft and a little wrong, and where the landmark lies there.

    Returns:
        `photo` uint8 (B, 3, S, S), `mask` uint8 (B, 1, S, S), `labels` uint8 (B, 9, S, S), `landmark` uint8
        (B, 1, S, S); `places` float32 (B, 2, 32, 32) in [-1, 1] of the photo's frame, `weight` float32
        (B, 1, 32, 32); `scale` float32 (B,), pixels of a photo of 256 that a frame's unit spans.
    """
    examples = [_example(pair, rng) for pair in pairs]
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}


def _example(pair: Pair, rng: np.random.Generator) -> dict[str, np.ndarray]:
    size = len(pair.photo)
    mask, parsed = as_found(pair, rng)
    if parsed is None and rng.random() < _SURE:
        mask = pair.photo_mask.astype(np.float32) / 255
    frame = jittered(context_frame(mask), rng)
    photo, framed = laid_over(pair.photo, mask, frame, size)
    small = lambda image: cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)  # noqa: E731
    places = ((small(pair.flow) + 0.5) / size - np.array(frame[:2], np.float32)) * np.float32(2 / frame[2])
    inside, seen = small(pair.silhouette).astype(np.float32) / 255, small(pair.visible)
    return {
        "photo": photo.transpose(2, 0, 1).copy(),
        "mask": np.rint(framed[None] * 255).astype(np.uint8),
        "labels": labels_around(pair, frame, rng, parsed),
        "landmark": pair.silhouette[None],
        "places": places.transpose(2, 0, 1).astype(np.float32),
        "weight": ((inside > 0.5) * np.maximum(seen, _UNSEEN))[None].astype(np.float32),
        "scale": np.float32(128 * frame[2]),
    }


def placement_losses(net: PlacementNet, batch: Batch) -> dict[str, torch.Tensor]:
    """Mean distance to where the landmark's points lie.

    Returns:
        `loss`; `px`, the distance over points that are seen, in pixels of a photo of 256.
    """
    nodes = net(
        batch["photo"].float() / 127.5 - 1,
        batch["mask"].float() / 255,
        batch["labels"].float() / 255,
        batch["landmark"].float() / 255,
    )
    positions = cell_centres(_SIDE, like=nodes).expand(len(nodes), -1, -1, -1)
    away = (follow(nodes, positions) - batch["places"]).norm(dim=1, keepdim=True)
    total = batch["weight"].flatten(1).sum(1).clamp(min=1)
    seen = (batch["weight"] > 0.5).float()
    bend = sum(nodes.diff(n=2, dim=d).abs().mean() for d in (2, 3))
    px = (away * seen).flatten(1).sum(1) / seen.flatten(1).sum(1).clamp(min=1) * batch["scale"]
    return {
        "loss": ((away * batch["weight"]).flatten(1).sum(1) / total).mean() + _BENDING * bend,
        "px": px.detach().mean(),
    }


def train_placement(
    config: LoopConfig,
    draw: Callable[[np.random.Generator], Pair],
    held_out: Mapping[str, Sequence[Pair]],
    *,
    model: PlacementNet,
) -> PlacementNet:
    """Train PlacementNet; writes `placement_net/` in diffusers layout under `config.out`.

    Args:
        config: budget and optimiser.
        draw: gives a pair at the model's input size.
        held_out: pairs never drawn, by kind, for the curves.
        model: to train (resumed from `config.out` where there is a state).
    """
    return train_on_pairs(
        config,
        model,
        "placement_net",
        draw=lambda rng, count: [draw(rng) for _ in range(count)],
        batch_of=placement_batch,
        losses_of=placement_losses,
        held_out=held_out,
        shown=("px",),
    )
